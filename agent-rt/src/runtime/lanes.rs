//! One lane per key: first come, first served, and a lane exists only while something is in it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(super) struct Lanes<T> {
    waiting: Mutex<HashMap<String, VecDeque<T>>>,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default() }
    }
}

impl<T> Lanes<T> {
    /// Adds to a lane. Where the lane is new, its key is returned and the caller must serve it until
    /// [`next`](Lanes::next) says it is empty.
    pub(super) fn push(&self, key: String, item: T) -> Option<String> {
        let mut waiting = self.lock();
        if let Some(lane) = waiting.get_mut(&key) {
            lane.push_back(item);
            return None;
        }
        waiting.insert(key.clone(), VecDeque::from([item]));
        Some(key)
    }

    /// The next of a lane; `None` once it is empty, and then the lane is gone.
    pub(super) fn next(&self, key: &str) -> Option<T> {
        let mut waiting = self.lock();
        let next = waiting.get_mut(key).and_then(VecDeque::pop_front);
        if next.is_none() {
            waiting.remove(key);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_served_by_one_in_order_and_goes_when_empty() {
        let lanes = Lanes::default();
        assert_eq!(lanes.push("a".into(), 1).as_deref(), Some("a"));
        assert_eq!(lanes.push("a".into(), 2), None);
        assert_eq!(lanes.push("b".into(), 3).as_deref(), Some("b"));
        assert_eq!((lanes.next("a"), lanes.next("a")), (Some(1), Some(2)));
        assert_eq!(lanes.push("a".into(), 4), None, "still being served");
        assert_eq!((lanes.next("a"), lanes.next("a")), (Some(4), None));
        assert_eq!(lanes.push("a".into(), 5).as_deref(), Some("a"), "the old server has left");
        assert_eq!(lanes.lock().len(), 2);
    }
}

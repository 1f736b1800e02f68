//! Work queues: tasks on one key run in order, at most so many at once.
//!
//! `run(key, 1, …)` is "one after another", N is "at most N at once", 0 is "no limit". First come, first served. A lane
//! exists only while somebody is in it. The table of lanes is split into shards, each behind a lock that is held for a
//! few instructions and never across an await; nothing blocks a thread, and waiting costs one small allocation.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

const SHARDS: usize = 64;

/// All lanes of a node; clones share them.
#[derive(Debug, Clone)]
pub struct Queues {
    shards: Arc<[Shard]>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard(Mutex<HashMap<String, Lane>>);

#[derive(Debug, Default)]
struct Lane {
    running: usize,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// How busy a lane is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Tasks at work.
    pub running: usize,
    /// Tasks waiting for their turn.
    pub waiting: usize,
}

impl Default for Queues {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), hasher: RandomState::new() }
    }
}

impl Queues {
    /// Runs `task` on `key`, at most `level` at once there; 0 means no limit. Dropping the future gives the turn back.
    pub async fn run<T>(&self, key: &str, level: usize, task: impl Future<Output = T>) -> T {
        if level == 0 {
            return task.await;
        }
        let _turn = self.turn(key, level).await;
        task.await
    }

    /// How busy `key` is at this moment.
    #[must_use]
    pub fn depth(&self, key: &str) -> Depth {
        let lanes = self.shard(key).lock();
        lanes.get(key).map_or_else(Depth::default, |lane| Depth { running: lane.running, waiting: lane.waiting.len() })
    }

    /// How busy all keys together are at this moment.
    #[must_use]
    pub fn total(&self) -> Depth {
        let mut total = Depth::default();
        for shard in self.shards.iter() {
            for lane in shard.lock().values() {
                total.running += lane.running;
                total.waiting += lane.waiting.len();
            }
        }
        total
    }

    async fn turn(&self, key: &str, level: usize) -> Turn<'_> {
        let shard = self.shard(key);
        let wait = {
            let mut lanes = shard.lock();
            let lane = lanes.entry(key.to_owned()).or_default();
            if lane.running < level && lane.waiting.is_empty() {
                lane.running += 1;
                None
            } else {
                let (go, wait) = oneshot::channel();
                lane.waiting.push_back(go);
                Some(wait)
            }
        };
        let mut turn = Turn { shard, key: key.to_owned(), wait };
        if let Some(wait) = &mut turn.wait {
            // The sender lives in the lane until it sends, so this cannot end otherwise.
            let _ = wait.await;
            turn.wait = None;
        }
        turn
    }

    fn shard(&self, key: &str) -> &Shard {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        &self.shards[index]
    }
}

impl Shard {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turn to the next one still waiting, or ends it.
    fn pass_on(&self, key: &str) {
        let mut lanes = self.lock();
        let Entry::Occupied(mut lane) = lanes.entry(key.to_owned()) else { return };
        while let Some(next) = lane.get_mut().waiting.pop_front() {
            if next.send(()).is_ok() {
                return;
            }
        }
        lane.get_mut().running -= 1;
        if lane.get().running == 0 {
            lane.remove();
        }
    }
}

/// A turn, or a place in the line for one.
struct Turn<'q> {
    shard: &'q Shard,
    key: String,
    /// What to wait for; `None` once it is our turn.
    wait: Option<oneshot::Receiver<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // A turn that was handed over in the very moment its waiter gave up is passed on, not lost.
        let held = self.wait.take().is_none_or(|mut wait| {
            wait.close();
            wait.try_recv().is_ok()
        });
        if held {
            self.shard.pass_on(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn level_one_keeps_the_order() {
        let (queues, seen) = (Queues::default(), Arc::new(Mutex::new(Vec::new())));
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let (queues, seen) = (queues.clone(), seen.clone());
                async move {
                    queues
                        .run("vm", 1, async {
                            tokio::task::yield_now().await;
                            seen.lock().expect("not poisoned").push(n);
                        })
                        .await;
                }
            })
            .collect();
        futures::future::join_all(tasks).await;
        assert_eq!(*seen.lock().expect("not poisoned"), (0..100).collect::<Vec<_>>());
        assert_eq!(queues.depth("vm"), Depth::default());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_than_the_level_run_at_once() {
        let (queues, now, most) = (Queues::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        // As many as may be there have to be there for one to go on.
        let together = Arc::new(Barrier::new(3));
        let tasks = (0..999).map(|_| {
            let (queues, now, most, together) = (queues.clone(), now.clone(), most.clone(), together.clone());
            tokio::spawn(async move {
                queues
                    .run("host", 3, async {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        together.wait().await;
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await;
            })
        });
        let all = futures::future::try_join_all(tasks.collect::<Vec<_>>());
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("three get in").expect("none panics");
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(queues.depth("host"), Depth::default());
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_holds_up_nobody() {
        let queues = Queues::default();
        let (release, hold) = oneshot::channel::<()>();
        let first = tokio::spawn({
            let queues = queues.clone();
            async move { queues.run("k", 1, async { hold.await.is_ok() }).await }
        });
        while queues.depth("k").running == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            let given_up = tokio::time::timeout(Duration::from_millis(1), queues.run("k", 1, async {})).await;
            assert!(given_up.is_err());
        }
        release.send(()).expect("the first still holds the lane");
        assert!(first.await.expect("did not panic"));
        tokio::time::timeout(Duration::from_secs(5), queues.run("k", 1, async {})).await.expect("the lane is free");
        assert_eq!(queues.depth("k"), Depth::default());
    }

    #[tokio::test]
    async fn level_zero_does_not_wait() {
        let queues = Queues::default();
        let inner = queues.run("k", 0, queues.run("k", 0, async { 7 }));
        assert_eq!(inner.await, 7);
    }
}

//! Holds: who works on what here.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cumulo_schema::Uuid;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::membership::Claim;

tokio::task_local! {
    static HELD: Hold;
}

/// The right to work on a resource, for as long as it lives; clones share it. What is done on the way inherits it, so it
/// ends when the last piece of the work has ended.
#[derive(Debug, Clone)]
pub struct Hold(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    resource: Option<Uuid>,
    number: u64,
    leave: CancellationToken,
    /// On whose behalf; kept, as it has not ended before this has.
    parent: Hold,
    all: Arc<Holds>,
}

/// All holds of a node.
#[derive(Debug, Default)]
pub(super) struct Holds {
    held: Mutex<HashMap<u64, Entry>>,
    numbers: AtomicU64,
    ended: Notify,
}

#[derive(Debug)]
struct Entry {
    /// `None`: an anchor.
    resource: Option<Uuid>,
    leave: CancellationToken,
}

impl Hold {
    /// That of a node which is alone.
    pub(crate) const fn free() -> Self {
        Self(None)
    }

    /// That of the current task.
    #[must_use]
    pub fn current() -> Self {
        HELD.try_with(Clone::clone).unwrap_or(Self::free())
    }

    /// Whether the work is to stop where it is: another node goes on.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.as_ref().is_some_and(|held| held.leave.is_cancelled())
    }

    /// Ends when the work is to stop where it is; never, where it need not.
    pub async fn left(&self) {
        match &self.0 {
            Some(held) => held.leave.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Runs `work` under this hold.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        HELD.scope(self, work)
    }

    /// Whether it is one on `resource`, or on behalf of one.
    pub(crate) fn covers(&self, resource: &Uuid) -> bool {
        self.0.as_ref().is_some_and(|held| held.resource.as_ref() == Some(resource) || held.parent.covers(resource))
    }
}

impl Holds {
    /// A hold on `resource` on behalf of `parent`, if `claim` says so.
    pub(super) fn take(
        self: &Arc<Self>,
        resource: Uuid,
        parent: &Hold,
        claim: impl FnOnce() -> Claim,
    ) -> Result<Hold, Claim> {
        let mut held = self.lock();
        match claim() {
            Claim::Mine => Ok(self.enter(&mut held, Some(resource), parent)),
            other => Err(other),
        }
    }

    /// A hold on nothing.
    pub(super) fn anchor(self: &Arc<Self>) -> Hold {
        self.enter(&mut self.lock(), None, &Hold::current())
    }

    fn enter(self: &Arc<Self>, held: &mut HashMap<u64, Entry>, resource: Option<Uuid>, parent: &Hold) -> Hold {
        let leave = parent.0.as_ref().map_or_else(CancellationToken::new, |held| held.leave.child_token());
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        held.insert(number, Entry { resource, leave: leave.clone() });
        Hold(Some(Arc::new(Held { resource, number, leave, parent: parent.clone(), all: self.clone() })))
    }

    /// Tells all on resources that are not `kept` to leave, and says how many there are.
    pub(super) fn lose(&self, kept: impl Fn(&Uuid) -> bool) -> usize {
        let held = self.lock();
        let lost = held.values().filter(|entry| entry.resource.is_some_and(|resource| !kept(&resource)));
        lost.inspect(|entry| entry.leave.cancel()).count()
    }

    /// Tells all to leave.
    pub(super) fn lose_all(&self) {
        for entry in self.lock().values() {
            entry.leave.cancel();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Waits until a hold ends.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.lock().remove(&self.number);
        if self.leave.is_cancelled() {
            // Somebody waits for its end.
            self.all.ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(all: &Arc<Holds>, resource: Uuid, parent: &Hold) -> Hold {
        all.take(resource, parent, || Claim::Mine).expect("granted")
    }

    #[tokio::test]
    async fn what_is_lost_is_told_with_all_that_is_done_on_its_behalf() {
        let (all, [kept, lost]) = (Arc::<Holds>::default(), ["kept", "lost"].map(|name| Uuid::ADMIN.derive(name)));
        let stays = take(&all, kept, &Hold::free());
        let goes = take(&all, lost, &Hold::free());
        let below = take(&all, kept, &goes);
        assert!(below.covers(&lost) && below.covers(&kept) && !stays.covers(&lost));
        assert_eq!(all.lose(|resource| *resource == kept), 1);
        assert!(goes.is_lost() && below.is_lost() && !stays.is_lost());
        drop(goes);
        assert_eq!(all.lose(|resource| *resource == kept), 1, "what is done on its behalf has not ended");
        drop(below);
        all.ended().await;
        assert_eq!((all.lose(|resource| *resource == kept), all.count()), (0, 1));
    }

    #[tokio::test]
    async fn an_anchor_is_lost_with_the_node_only() {
        let all = Arc::<Holds>::default();
        let anchor = all.anchor();
        assert_eq!(all.lose(|_| false), 0);
        let inherited = anchor.clone().scope(async { Hold::current() }).await;
        assert!(!inherited.is_lost());
        all.lose_all();
        assert!(inherited.is_lost());
        inherited.left().await;
    }

    #[test]
    fn nothing_is_held_without_a_claim() {
        let all = Arc::<Holds>::default();
        let refused = all.take(Uuid::ADMIN, &Hold::free(), || Claim::Wait(Uuid::ADMIN));
        assert!(matches!(refused, Err(Claim::Wait(_))));
        assert_eq!(all.count(), 0);
        assert!(!Hold::free().is_lost(), "a node that is alone loses nothing");
    }
}

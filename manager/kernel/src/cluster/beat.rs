//! The heartbeat: renews the lease, follows the ring, hands over, steps down, joins anew.
//!
//! Renewing goes on by itself, whatever looking at the others waits for: giving up a node that was paused within a
//! transaction takes until the database ends that, and whoever waited for it with its own lease would be next.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Event};
use serde::{Deserialize, Serialize};

use super::{Cluster, NOTHING_YET};
use crate::{
    bus::{Bus, OnEvent},
    membership::{Membership, MembershipError},
};

/// Beats in the length of a lease. What is left of it after a beat that failed suffices for three more.
const BEATS: u32 = 5;
/// Between beats that somebody waits for: a former owner is to finish, or others to hear.
const HURRIED: Duration = Duration::from_millis(50);
/// How soon it is looked again whether what was to leave has left.
const AGAIN: Duration = Duration::from_millis(250);
/// How often it is said that something is still in hand.
const STUCK: Duration = Duration::from_secs(10);

/// A node came, went, or has finished with what was taken from it: look now. It matters to nobody whether it arrives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RingMoved {
    pub(super) epoch: u64,
}

impl Event for RingMoved {
    const NAME: &'static str = "RingMoved";
}

#[async_trait]
impl OnEvent<RingMoved> for Cluster {
    async fn on_event(&self, _event: RingMoved) -> Result<(), ErrorCode> {
        self.hurry();
        Ok(())
    }
}

/// An error with what led to it, in one line.
fn sentence(error: &MembershipError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Cluster {
    /// Keeps this node among the others until it leaves. `bus` tells them to look.
    pub(crate) async fn beat(self, bus: Bus) {
        let Some(many) = self.0.many.get() else { return };
        let watch = self.clone();
        let watching = async move {
            loop {
                watch.step_down_in_time().await;
            }
        };
        let renewing = async {
            loop {
                tokio::time::sleep(many.taking.lease / BEATS).await;
                self.renew().await;
            }
        };
        let beating = async {
            bus.publish(&RingMoved { epoch: self.epoch() });
            loop {
                match self.look(&bus).await {
                    Ok(()) => {}
                    Err(MembershipError::Expelled) if many.leaving.load(Ordering::SeqCst) => return,
                    Err(MembershipError::Expelled) => self.join_anew(&bus).await,
                    Err(error) => tracing::warn!(error = sentence(&error), "it could not be seen who is there"),
                }
                tokio::select! {
                    () = tokio::time::sleep(many.taking.lease / BEATS) => {}
                    () = async { self.0.hurry.notified().await; tokio::time::sleep(HURRIED).await } => {}
                }
            }
        };
        tokio::select! {
            () = watching => {}
            () = renewing => {}
            () = beating => {}
        }
    }

    async fn renew(&self) {
        let Some(many) = self.0.many.get() else { return };
        let membership = many.membership();
        match membership.renew().await {
            Ok(()) => {}
            // Of a life that is over already, it is no news.
            Err(MembershipError::Expelled) if !Arc::ptr_eq(&membership, &many.membership()) => {}
            Err(MembershipError::Expelled) => {
                many.expelled.store(true, Ordering::SeqCst);
                self.hurry();
            }
            Err(error) => tracing::warn!(error = sentence(&error), "the lease could not be renewed"),
        }
    }

    /// One look at who is there.
    async fn look(&self, bus: &Bus) -> Result<(), MembershipError> {
        let Some(many) = self.0.many.get() else { return Ok(()) };
        let membership = many.membership();
        if many.expelled.swap(false, Ordering::SeqCst) {
            return Err(MembershipError::Expelled);
        }
        let view = membership.round().await?;
        // Those who are to leave hear of it before anybody sees the ring.
        let busy = self.0.holds.lose(|resource| membership.owns(resource)) > 0;
        let joined = self.0.view.borrow().joined;
        self.show(joined);
        for node in &view.joined {
            tracing::info!(%node, epoch = view.epoch, "a management node joined");
        }
        for node in &view.left {
            tracing::info!(%node, epoch = view.epoch, "a management node left");
        }
        if busy {
            // It is told to leave; look again when it has, or soon.
            let cluster = self.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(AGAIN, cluster.0.holds.ended()).await;
                cluster.hurry();
            });
        } else if many.drained.load(Ordering::SeqCst) < view.epoch {
            membership.drained(view.epoch).await?;
            many.drained.store(view.epoch, Ordering::SeqCst);
            bus.publish(&RingMoved { epoch: view.epoch });
        }
        self.0.looks.send_modify(|looks| *looks += 1);
        Ok(())
    }

    /// Waits until the lease is over, tells everything to leave, and waits until there is a lease again.
    async fn step_down_in_time(&self) {
        let Some(many) = self.0.many.get() else { return };
        loop {
            let membership = many.membership();
            if membership.is_fenced() {
                break;
            }
            tokio::time::sleep_until(membership.until().into()).await;
        }
        tracing::warn!("this node could not renew its lease in time, and stops what it does");
        self.0.holds.lose_all();
        many.stray.store(true, Ordering::SeqCst);
        let mut looks = self.0.looks.subscribe();
        // Whoever waits for a claim is to hear.
        self.0.looks.send_modify(|looks| *looks += 1);
        while many.membership().is_fenced() {
            looks.borrow_and_update();
            let _ = tokio::time::timeout(many.taking.lease / BEATS, looks.changed()).await;
        }
        tracing::info!("this node has a lease again");
    }

    /// Given up by the others: finishes, and comes back as a new life.
    async fn join_anew(&self, bus: &Bus) {
        let Some(many) = self.0.many.get() else { return };
        tracing::warn!("the other management nodes gave this one up; it joins anew when it has nothing in hand");
        self.0.holds.lose_all();
        self.until_empty().await;
        loop {
            let (db, taking) = (&many.db, &many.taking);
            match Membership::join(db, self.0.node, &taking.host_name, taking.lease, true).await {
                Ok(membership) => {
                    db.fence(self.0.node, membership.incarnation());
                    let joined = membership.epoch();
                    many.drained.store(NOTHING_YET, Ordering::SeqCst);
                    many.expelled.store(false, Ordering::SeqCst);
                    *many.membership.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(membership);
                    self.show(joined);
                    many.stray.store(true, Ordering::SeqCst);
                    self.0.looks.send_modify(|looks| *looks += 1);
                    bus.publish(&RingMoved { epoch: joined });
                    return tracing::info!(epoch = joined, "this node takes part again");
                }
                Err(error) => tracing::warn!(error = sentence(&error), "this node cannot take part yet"),
            }
            tokio::time::sleep(many.taking.lease / BEATS).await;
        }
    }

    /// Waits until nothing is in hand.
    async fn until_empty(&self) {
        while self.0.holds.count() > 0 {
            if tokio::time::timeout(STUCK, self.0.holds.ended()).await.is_err() {
                tracing::warn!(in_hand = self.0.holds.count(), "waiting for work in hand to stop");
            }
        }
    }

    /// Takes no more, tells everything to leave, and gives the lease back; waits at most `patience` for what is in hand.
    pub(crate) async fn leave(&self, bus: &Bus, patience: Duration) {
        let Some(many) = self.0.many.get() else { return };
        many.leaving.store(true, Ordering::SeqCst);
        self.0.looks.send_modify(|looks| *looks += 1);
        self.0.holds.lose_all();
        if tokio::time::timeout(patience, self.until_empty()).await.is_err() {
            // The lease runs out by itself, when this process is gone.
            return tracing::warn!(
                in_hand = self.0.holds.count(),
                "work in hand did not stop; the others wait for the lease"
            );
        }
        match many.membership().leave().await {
            Ok(()) | Err(MembershipError::Expelled) => bus.publish(&RingMoved { epoch: self.epoch() + 1 }),
            Err(error) => tracing::warn!(error = sentence(&error), "the lease was not given back; it runs out"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::Taking,
        db::Db,
        membership::{NodeLease, TABLES},
    };
    use cumulo_schema::Uuid;

    /// Another node joined while this one did, so it adopted that one's epoch at once, and its lease told of its own.
    #[tokio::test]
    async fn a_node_says_that_it_has_nothing_of_the_epoch_in_which_it_joined() {
        let dir = tempfile::tempdir().expect("a directory");
        let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
        db.migrate(&[TABLES]).await.expect("migrates");
        let cluster = Cluster::alone(Uuid::random());
        let taking = Taking { host_name: "here".to_owned(), lease: Duration::from_secs(60) };
        cluster.join(&db, taking).await.expect("joins");
        let mut batch = db.batch().unfenced();
        batch.update::<NodeLease>().set(NodeLease::DRAINED, &0).any();
        db.commit(batch).await.expect("written");
        cluster.look(&Bus::default()).await.expect("looks");
        let lease = db.select::<NodeLease>().first().await.expect("reads").expect("there is one");
        assert_eq!(lease.drained, lease.adopted);
    }
}

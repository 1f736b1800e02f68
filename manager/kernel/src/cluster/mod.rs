//! This node among the others: what it may work on now, and what it has in hand.
//!
//! [`crate::membership`] says who may start work on a resource; this module makes everybody ask. Whoever works on a
//! resource has a [`Hold`] on it: the bus takes one for each message that names a resource, a flow one for as long as it
//! runs. The holds are what is in hand, so when a ring takes resources away this node knows whether it has finished with
//! them, and says so only then.
//!
//! **Handing over does not wait for the work's end.** A flow may take hours, and until the last of them has ended the new
//! owner would wait with everything that moved. So a hold that is lost is told to leave: a flow starts no more steps and
//! undoes nothing, the wait for an agent or for another node ends with SYS.1012, and what is left is what a crash leaves:
//! a journal that says where the flow stands, and at most one step in doubt, which is run again, under the same task ids.
//! That also unties knots: a node that waits for another to finish, and the other for it.
//!
//! **A node that cannot renew its lease** tells all its holds to leave before the lease is over, refuses calls, and starts
//! nothing. Was it given up by the others, it joins anew when nothing is in hand any more: the lease of its next life says
//! that it holds nothing. Until then its writes are refused by the database, in the transaction itself
//! ([`Db::fence`](crate::db::Db)).
//!
//! Work of jobs outside of flows has an *anchor*: it belongs to the node and not to a resource, and leaves with it.
//!
//! A node that is alone for good asks nobody: its holds are empty, and cost nothing.

mod beat;
mod hold;
mod turn;

use std::{
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cumulo_schema::{ErrorCode, Uuid, codes};
use tokio::sync::{Notify, watch};

pub use self::{hold::Hold, turn::TurnRow};
pub(crate) use beat::RingMoved;
use hold::Holds;

use crate::{
    bus::{Bus, CallContext},
    db::{Batch, Db},
    membership::{Claim, Membership, MembershipError},
    ring::{Members, Ring, View},
};

/// How a node takes part.
#[derive(Debug, Clone)]
pub struct Taking {
    /// The machine's name, for people.
    pub host_name: String,
    /// How long the others wait for a sign of life before they take over.
    pub lease: Duration,
}

/// Who may work on a resource.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// This node, as long as the hold lives.
    Here(Hold),
    /// Another node.
    There,
}

/// This node among the others; clones share it.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    node: Uuid,
    view: watch::Sender<Arc<View>>,
    /// Grows whenever a claim may have another answer.
    looks: watch::Sender<u64>,
    /// Wants a look now.
    hurry: Notify,
    holds: Arc<Holds>,
    many: OnceLock<Many>,
}

/// What a node that joins has said that it has finished. While it joined, another may have: then it adopted a later epoch than
/// its lease tells of, for which all others would wait.
const NOTHING_YET: u64 = 0;

/// What a node has that shares its work.
struct Many {
    db: Db,
    taking: Taking,
    membership: RwLock<Arc<Membership>>,
    /// The last epoch of which this life has said that it has finished what that took from it.
    drained: AtomicU64,
    /// Flows in the journal and jobs may be this node's and not under way.
    stray: AtomicBool,
    /// The others gave it up, and it has not joined anew.
    expelled: AtomicBool,
    /// It leaves, and takes no more.
    leaving: AtomicBool,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("node", &self.0.node).field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

impl Cluster {
    /// `node` by itself.
    #[must_use]
    pub fn alone(node: Uuid) -> Self {
        let view = View { ring: Ring::new(1, &[node]), joined: 1 };
        Self(Arc::new(Inner {
            node,
            view: watch::Sender::new(Arc::new(view)),
            looks: watch::Sender::new(0),
            hurry: Notify::new(),
            holds: Arc::default(),
            many: OnceLock::new(),
        }))
    }

    /// Takes part from now on. `predecessor_is_dead`: no other process of this node's id lives.
    pub(crate) async fn join(&self, db: &Db, taking: Taking) -> Result<(), MembershipError> {
        // The data directory is held, so whoever had the id before is dead.
        let membership = Membership::join(db, self.0.node, &taking.host_name, taking.lease, true).await?;
        db.fence(self.0.node, membership.incarnation());
        let (drained, joined) = (AtomicU64::new(NOTHING_YET), membership.epoch());
        let many = Many {
            db: db.clone(),
            taking,
            membership: RwLock::new(Arc::new(membership)),
            drained,
            stray: AtomicBool::new(true),
            expelled: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
        };
        let first = self.0.many.set(many).is_ok();
        debug_assert!(first, "a node joins once");
        self.show(joined);
        Ok(())
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.0.node
    }

    /// Whether it shares its work with others, also if none is there at the moment.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.many.get().is_some()
    }

    /// The epoch of the ring that this node works by; 1 of one that is alone.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.view.borrow().ring.epoch()
    }

    /// Where the bus reads who is there.
    #[must_use]
    pub fn members(&self) -> Members {
        Members::new(self.0.node, self.0.view.subscribe())
    }

    /// Whether this node must not do anything at the moment: it could not renew its lease, or leaves.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.0.many.get().is_some_and(|many| many.leaving.load(Ordering::SeqCst) || many.membership().is_fenced())
    }

    /// Whether this node may still write: the others wait for it.
    pub(crate) fn has_lease(&self) -> bool {
        self.0.many.get().is_none_or(|many| !many.membership().is_fenced())
    }

    /// Whether `resource` is this node's to look after now.
    #[must_use]
    pub fn owns(&self, resource: &Uuid) -> bool {
        match self.0.many.get() {
            None => true,
            Some(many) => !many.leaving.load(Ordering::SeqCst) && many.membership().claim(resource) == Claim::Mine,
        }
    }

    /// How much this node has in hand.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.0.holds.count()
    }

    /// A hold on `resource`, when it is this node's; waits for a former owner to finish, at most until the current deadline.
    pub(crate) async fn hold(&self, resource: Uuid) -> Result<Claimed, ErrorCode> {
        let Some(many) = self.0.many.get() else { return Ok(Claimed::Here(Hold::free())) };
        let parent = Hold::current();
        if parent.covers(&resource) {
            return Ok(Claimed::Here(parent));
        }
        let mut looks = self.0.looks.subscribe();
        let deadline = CallContext::current().deadline;
        loop {
            looks.borrow_and_update();
            if many.leaving.load(Ordering::SeqCst) {
                return Err(fenced());
            }
            // Under the lock of the holds, so that a look finds a hold on what it takes away or the claim sees its ring.
            let claimed = self.0.holds.take(resource, &parent, || self.claim(many, &resource));
            match claimed {
                Ok(hold) => return Ok(Claimed::Here(hold)),
                Err(Claim::Theirs(_)) => return Ok(Claimed::There),
                Err(Claim::Mine | Claim::Fenced) => return Err(fenced()),
                Err(Claim::Wait(node)) => {
                    tracing::debug!(%resource, %node, "waiting for the former owner");
                    self.0.hurry.notify_one();
                }
            }
            tokio::select! {
                _ = looks.changed() => {}
                () = parent.left() => return Err(moved()),
                () = tokio::time::sleep_until(deadline.into()) => {
                    let text = "the former owner of what this is about did not hand it over in time; try again";
                    return Err(ErrorCode::new(codes::TIMEOUT, text));
                }
            }
        }
    }

    /// A hold on `resource`, if it is this node's and nobody has to finish before.
    pub(crate) fn hold_now(&self, resource: &Uuid) -> Option<Hold> {
        let Some(many) = self.0.many.get() else { return Some(Hold::free()) };
        if many.leaving.load(Ordering::SeqCst) {
            return None;
        }
        self.0.holds.take(*resource, &Hold::current(), || self.claim(many, resource)).ok()
    }

    /// Whether work on `resource` may be started. Not in an epoch before it is the one that everybody here sees: commands to
    /// agents carry that, and would carry one in which the resource was another's.
    fn claim(&self, many: &Many, resource: &Uuid) -> Claim {
        let membership = many.membership();
        match membership.claim(resource) {
            Claim::Mine if membership.epoch() != self.epoch() => Claim::Wait(self.0.node),
            claim => claim,
        }
    }

    /// Whether the ring gives `resource` to this node, whatever others may still hold.
    pub(crate) fn is_ours(&self, resource: &Uuid) -> bool {
        self.0.many.get().is_none_or(|many| many.membership().owns(resource))
    }

    /// Wants the others to look.
    pub(crate) fn announce(&self, bus: &Bus) {
        bus.publish(&RingMoved { epoch: self.epoch() });
    }

    /// A hold for work that belongs to the node itself.
    #[must_use]
    pub(crate) fn anchor(&self) -> Hold {
        if self.is_shared() { self.0.holds.anchor() } else { Hold::free() }
    }

    /// Whether flows and jobs may be this node's that are not under way; `false` from then on.
    pub(crate) fn take_stray(&self) -> bool {
        self.0.many.get().is_some_and(|many| many.stray.swap(false, Ordering::SeqCst))
    }

    /// A flow was cut off, or the like: there is something to be looked for in the journal.
    pub(crate) fn strayed(&self) {
        if let Some(many) = self.0.many.get() {
            many.stray.store(true, Ordering::SeqCst);
            self.0.hurry.notify_one();
        }
    }

    /// The members to whom what the journal names may belong, as of a ring that `batch` is held to: it is refused when
    /// there is a later one.
    pub(crate) fn as_of_now(&self, batch: Batch) -> Option<(Vec<Uuid>, Batch)> {
        let membership = self.0.many.get()?.membership();
        Some((membership.members(), membership.still(batch)))
    }

    /// Counts the looks at who is there.
    pub(crate) fn looks(&self) -> watch::Receiver<u64> {
        self.0.looks.subscribe()
    }

    /// Wants a look now.
    pub(crate) fn hurry(&self) {
        self.0.hurry.notify_one();
    }

    /// Makes the ring of now what everybody sees.
    fn show(&self, joined: u64) {
        let Some(many) = self.0.many.get() else { return };
        let membership = many.membership();
        let ring = Ring::new(membership.epoch(), &membership.members());
        self.0.view.send_if_modified(|view| {
            let is_new = view.joined != joined || view.ring.epoch() != ring.epoch();
            if is_new {
                *view = Arc::new(View { ring, joined });
            }
            is_new
        });
    }
}

impl Many {
    fn membership(&self) -> Arc<Membership> {
        self.membership.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Nothing can be done here.
pub(crate) fn fenced() -> ErrorCode {
    let text = "this management node cannot renew its lease, or stops, and starts nothing; ask another one";
    ErrorCode::new(codes::NODE_UNAVAILABLE, text)
}

/// It goes on elsewhere.
pub(crate) fn moved() -> ErrorCode {
    ErrorCode::new(codes::NODE_UNAVAILABLE, "what this is about was handed to another management node, which goes on")
}

//! Who takes part, and which of them may work on a resource now.
//!
//! Every node keeps a **lease** in the database, counted by the database's clock, so that the nodes' clocks matter to
//! nobody. Who takes part is numbered: each **epoch** is a row with its members, written in the same batch as the lease it
//! is about, and its number is larger than any before, so of several nodes that want to write the next one, one does and the
//! others look again. A row is never changed. Rows that nobody reaches back to are forgotten, and their numbers stay used:
//! who was paused for that long would otherwise write a ring that nobody reads, and with it take a lease from the one that
//! all go by.
//!
//! # Why no two nodes work on one resource
//!
//! The ring of an epoch gives each resource one owner. The danger is the time when nodes are in different epochs. Each
//! lease tells two of them: `adopted`, the last whose ring the node works by, and `drained`, the last of which it has
//! finished all work that was taken from it. So it may hold what it owns in any epoch from `drained` to `adopted`, and
//! nothing else. A node starts work on a resource only when
//!
//! 1. it owns the resource in the epoch that it has adopted,
//! 2. no other lease that it read *after adopting* may hold the resource, and
//! 3. its own lease, by its own steady clock from before it asked for it, has not run out.
//!
//! Take two nodes, N that adopted epoch *n* and P that adopted *p*, both owners of a resource in theirs, *n* < *p*. P wrote
//! its adoption, then read leases. Adopting is conditional on there being no later epoch, and *p* was there: so N's
//! adoption of *n* came before it, and P read it. N's `drained` was below *p* (it has not adopted that), so N may have
//! held the resource, and P waited. If N adopts a later epoch that gives the resource back, it reads P's lease after that,
//! and waits for P in turn. With *n* = *p* the ring has one owner.
//!
//! A lease that is gone was left in order, with nothing in hand; or it had run out by the database's clock, and the node,
//! whose own clock ran out before, starts nothing more. Should it wake up in the middle of something, agents refuse the
//! commands of an older epoch. It learns that it was expelled when it next renews, and joins anew under another incarnation.
//!
//! An agent knows the owner by the epoch, and each epoch has one. So a command carries one in which its sender owns the resource:
//! it is looked up *before* it is seen whether the work may go on, what a ring takes away is told to leave *before* anybody
//! sees the ring, and nothing is started in an epoch that is not seen yet.
//!
//! What it still writes, the database refuses in the transaction itself: every batch asks for the lease first
//! (`db/mysql/fence.rs`). Who starts work and asks for all this is [`crate::cluster`].
//!
//! All this is searched exhaustively, with every pause and every delay, and with each of these rules left out: `tests/model`.
//!
//! What this takes of clocks is that they run equally fast, within a tenth of a lease. Messages do not matter at all: an
//! event on the bus only makes others look sooner.

mod claim;
mod rows;
mod status;
mod store;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cumulo_schema::Uuid;

pub use self::claim::{Claim, Holder, decide};
use self::store::Store;
pub use rows::{NodeLease, RingEpoch};
pub use status::{NodeStatus, Status, status};

/// The tables of all this, for tests that have no others.
#[cfg(test)]
pub(crate) const TABLES: crate::db::Migration =
    crate::db::Migration { name: "1", sql: include_str!("../../migrations/20261121_0240_membership.sql") };

use crate::{
    db::{Batch, Db, DbError},
    ring::Ring,
};

/// How often a change that others keep forestalling is tried again.
const TRIES: u32 = 100;

/// Why a node does not take part.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// A node of the same id does, and its lease has not run out.
    #[error("the management node {node} takes part already; stop the other process, or wait until its lease runs out")]
    Taken {
        /// The id.
        node: Uuid,
    },
    /// The others gave this node up. It must stop what it does and join anew.
    #[error("this management node was expelled, since it did not renew its lease in time")]
    Expelled,
    /// Others kept changing the membership at the same moment.
    #[error("the membership keeps changing; try again")]
    Contended,
    /// The database.
    #[error("the membership could not be read or written")]
    Database(#[from] DbError),
}

/// A node's part in the membership.
#[derive(Debug)]
pub struct Membership {
    store: Store,
    me: Uuid,
    incarnation: Uuid,
    lease: Duration,
    local: Mutex<Local>,
}

#[derive(Debug)]
struct Local {
    /// Until when the lease holds, by this node's steady clock.
    until: Instant,
    adopted: u64,
    rings: BTreeMap<u64, Ring>,
    others: Vec<Holder>,
}

/// What a round found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The epoch that this node works by now.
    pub epoch: u64,
    /// Its members, sorted.
    pub members: Vec<Uuid>,
    /// Who came since the last round.
    pub joined: Vec<Uuid>,
    /// Who went since the last round.
    pub left: Vec<Uuid>,
}

impl Membership {
    /// Takes part as `me`, on the machine `host_name`, renewing a lease of `lease` in time. With `predecessor_is_dead` the
    /// caller knows that no other process of this id lives (it holds the data directory), and a lease of one is taken over.
    ///
    /// # Errors
    /// [`MembershipError::Taken`] when another process of this id takes part.
    pub async fn join(
        db: &Db,
        me: Uuid,
        host_name: &str,
        lease: Duration,
        predecessor_is_dead: bool,
    ) -> Result<Self, MembershipError> {
        let store = Store::new(db.clone());
        let incarnation = Uuid::random();
        for _ in 0..TRIES {
            let asked = Instant::now();
            let (epoch, members) = store.latest().await?;
            let mut members = without(&members, me);
            members.push(me);
            let row = store::Joining { me, incarnation, host_name, lease, replaces: predecessor_is_dead };
            match store.join(&row, epoch + 1, &members).await {
                Ok(()) => {
                    let local = Local {
                        until: asked + usable(lease),
                        adopted: epoch + 1,
                        rings: BTreeMap::from([(epoch + 1, Ring::new(epoch + 1, &members))]),
                        others: Vec::new(),
                    };
                    let joined = Self { store, me, incarnation, lease, local: Mutex::new(local) };
                    // Nobody is asked for anything before all that others may hold is known.
                    joined.look().await?;
                    return Ok(joined);
                }
                // An epoch was faster, or a lease of this id is there.
                Err(DbError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if store.is_alive(me).await? && !predecessor_is_dead {
                return Err(MembershipError::Taken { node: me });
            }
        }
        Err(MembershipError::Contended)
    }

    /// Renews the lease. To be called several times in the length of one.
    ///
    /// # Errors
    /// [`MembershipError::Expelled`] when it is too late.
    pub async fn renew(&self) -> Result<(), MembershipError> {
        // Taken before asking: the database starts counting later, and so ends later.
        let asked = Instant::now();
        match self.store.renew(self.me, self.incarnation, self.lease).await {
            Ok(()) => {
                self.local().until = asked + usable(self.lease);
                Ok(())
            }
            Err(DbError::Unmet { .. }) => Err(self.fenced()),
            Err(error) => Err(error.into()),
        }
    }

    /// Expels whose lease ran out, adopts the latest epoch, and learns what others may still hold.
    ///
    /// # Errors
    /// [`MembershipError::Expelled`] when that happened to this node.
    pub async fn round(&self) -> Result<View, MembershipError> {
        self.expel_late().await?;
        let before = self.members();
        self.look().await?;
        let (epoch, members) = (self.epoch(), self.members());
        let lost = |from: &[Uuid], to: &[Uuid]| from.iter().filter(|node| !to.contains(node)).copied().collect();
        Ok(View { epoch, joined: lost(&members, &before), left: lost(&before, &members), members })
    }

    /// Says that all work is finished that `epoch` took from this node.
    ///
    /// # Errors
    /// [`MembershipError::Expelled`] when the others did not wait.
    pub async fn drained(&self, epoch: u64) -> Result<(), MembershipError> {
        match self.store.drained(self.me, self.incarnation, epoch).await {
            Ok(()) => Ok(()),
            Err(DbError::Unmet { .. }) => Err(self.fenced()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether work on `resource` may be started here and now.
    #[must_use]
    pub fn claim(&self, resource: &Uuid) -> Claim {
        let local = self.local();
        if Instant::now() >= local.until {
            return Claim::Fenced;
        }
        let owner_in = |epoch| local.rings.get(&epoch).and_then(|ring| ring.owner(resource));
        decide(self.me, local.adopted, owner_in, &local.others)
    }

    /// Whether the ring gives `resource` to this node, whatever others may still hold.
    #[must_use]
    pub fn owns(&self, resource: &Uuid) -> bool {
        let local = self.local();
        local.rings.get(&local.adopted).and_then(|ring| ring.owner(resource)) == Some(self.me)
    }

    /// Holds `batch` to the epoch that this node works by: it is refused when there is a later one, or the lease is gone.
    pub(crate) fn still(&self, batch: Batch) -> Batch {
        self.store.still(batch, self.me, self.incarnation, self.epoch())
    }

    /// Which life of the node this is.
    #[must_use]
    pub fn incarnation(&self) -> Uuid {
        self.incarnation
    }

    /// Until when the lease holds, by this node's own clock.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.local().until
    }

    /// Whether the lease is over, by this node's own clock.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        Instant::now() >= self.local().until
    }

    /// The epoch that this node works by.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.local().adopted
    }

    /// Its members, sorted.
    #[must_use]
    pub fn members(&self) -> Vec<Uuid> {
        let local = self.local();
        local.rings.get(&local.adopted).map_or_else(Vec::new, Ring::nodes)
    }

    /// Leaves, with nothing in hand: the caller has finished all work.
    ///
    /// # Errors
    /// [`MembershipError::Expelled`] when the others were faster, which comes to the same.
    pub async fn leave(&self) -> Result<(), MembershipError> {
        self.local().until = Instant::now();
        for _ in 0..TRIES {
            let (epoch, members) = self.store.latest().await?;
            match self.store.leave(self.me, self.incarnation, epoch + 1, &without(&members, self.me)).await {
                Ok(()) => return Ok(()),
                Err(DbError::Conflict { .. }) => {}
                Err(DbError::Unmet { .. }) => return Err(MembershipError::Expelled),
                Err(error) => return Err(error.into()),
            }
        }
        Err(MembershipError::Contended)
    }

    async fn expel_late(&self) -> Result<(), MembershipError> {
        for late in self.store.late().await? {
            if late.node_uuid == self.me {
                continue;
            }
            let (epoch, members) = self.store.latest().await?;
            match self.store.expel(&late, epoch + 1, &without(&members, late.node_uuid)).await {
                Ok(()) => tracing::warn!(node = %late.node_uuid, epoch = epoch + 1, "a management node was expelled"),
                // It renewed at the last moment, or another node did this; the next round sees.
                Err(DbError::Unmet { .. } | DbError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Adopts the latest epoch, and only then reads what others may hold.
    async fn look(&self) -> Result<(), MembershipError> {
        for _ in 0..TRIES {
            let (epoch, _) = self.store.latest().await?;
            // What is adopted stays so: a later one is for a later look.
            let adopted = match self.epoch() == epoch {
                true => Ok(true),
                false => self.store.adopt(self.me, self.incarnation, epoch).await,
            };
            match adopted {
                Ok(true) => {}
                // A later one came in between.
                Ok(false) => continue,
                Err(DbError::Unmet { .. }) => return Err(self.fenced()),
                Err(error) => return Err(error.into()),
            }
            let leases = self.store.leases().await?;
            let oldest = leases.iter().map(|lease| lease.drained).min().unwrap_or(0);
            let rings = self.store.rings_from(oldest).await?;
            if !rings.contains_key(&epoch) {
                continue;
            }
            self.store.forget_before(oldest).await?;
            let others = leases.iter().filter(|lease| lease.node_uuid != self.me).map(Holder::of).collect();
            let mut local = self.local();
            (local.adopted, local.rings, local.others) = (epoch, rings, others);
            return Ok(());
        }
        Err(MembershipError::Contended)
    }

    fn fenced(&self) -> MembershipError {
        self.local().until = Instant::now();
        MembershipError::Expelled
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of a lease a node relies on: clocks may differ in speed, and stopping takes a moment.
fn usable(lease: Duration) -> Duration {
    lease - lease / 10
}

fn without(members: &[Uuid], node: Uuid) -> Vec<Uuid> {
    members.iter().filter(|member| **member != node).copied().collect()
}

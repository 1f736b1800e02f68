//! One after another, whichever nodes ask: what a lane of [`crate::queue`] is on one node, for all that share a database.
//!
//! Flows and messages are about one resource, which is worked on by the node that owns it, so these need no more than that node's
//! own lanes. A turn is for what several resources have in common (an address that only one host may have, the ranges of an L2
//! network), and for calls that are handled wherever they arrive (tags, drives, logins).
//!
//! Who has it is a row, whose key is the lane's name. It is taken by inserting it and given back by deleting it. The row of a
//! node that died says in which of its lives it was written; the lease of that life is gone, and so the next one who wants the
//! turn takes it away. What a node that was given up does meanwhile has no effect: the database refuses its writes
//! ([`Db::fence`]).

use std::time::{Duration, Instant};

use cumulo_derive::resource;
use cumulo_schema::{ErrorCode, Timestamp, Uuid, codes};

use super::{Cluster, fenced};
use crate::{
    bus::CallContext,
    db::{Db, DbError},
    membership::NodeLease,
    plan::Planning,
};

/// First and longest pause between two tries to take a turn that another node has.
const PAUSES: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];

/// Who has a turn.
#[resource(table = "turn", java = "org.cumulo.node.TurnInventory", vo = "TurnVO")]
pub struct TurnRow {
    /// From the lane's name.
    #[field(unique)]
    pub key_uuid: Uuid,
    /// The node.
    pub node_uuid: Uuid,
    /// Which life of it.
    pub incarnation: Uuid,
    /// This turn, among all that the node takes.
    pub token: Uuid,
    /// Since when, by the node's clock.
    pub create_date: Timestamp,
}

/// A turn, until it is given back or dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// `None` of a node that is alone, which needs no row.
    taken: Option<(Db, TurnRow)>,
}

impl Cluster {
    /// The turn on `lane` among all nodes; waits for it at most until the current deadline.
    pub(crate) async fn turn(&self, lane: &str) -> Result<Turn, ErrorCode> {
        // A plan changes nothing, so nobody has to wait for it.
        let Some(many) = self.0.many.get().filter(|_| Planning::current().is_none()) else {
            return Ok(Turn { taken: None });
        };
        let (db, key_uuid, deadline) = (&many.db, key_of(lane), CallContext::current().deadline);
        let mut pause = PAUSES[0];
        loop {
            if self.is_fenced() {
                return Err(fenced());
            }
            let row = TurnRow {
                key_uuid,
                node_uuid: self.0.node,
                incarnation: many.membership().incarnation(),
                token: Uuid::random(),
                create_date: Timestamp::now(),
            };
            let mut batch = db.batch();
            batch.insert(&row);
            // Given back also when nobody knows whether it was taken, or who waits for it goes away.
            let mut turn = Turn { taken: Some((db.clone(), row)) };
            match db.commit(batch).await {
                Ok(_) => return Ok(turn),
                Err(DbError::Conflict { .. }) => turn.taken = None,
                Err(error) => return Err(error.into()),
            }
            if take_from_the_dead(db, key_uuid).await? {
                continue;
            }
            if Instant::now() + pause > deadline {
                let text = format!("another management node did not finish with '{lane}' in time; try again");
                return Err(ErrorCode::new(codes::TIMEOUT, text));
            }
            tokio::time::sleep(pause).await;
            pause = PAUSES[1].min(pause * 2);
        }
    }
}

/// The id that stands for the lane's name, which may be long; derived from a constant, as good as any.
fn key_of(lane: &str) -> Uuid {
    Uuid::ADMIN.derive(&format!("turn/{lane}"))
}

/// Removes the turn on `key` of a node that has no lease any more; whether nobody has it now.
async fn take_from_the_dead(db: &Db, key: Uuid) -> Result<bool, ErrorCode> {
    let Some(row) = db.find(TurnRow::KEY_UUID, &key).await? else { return Ok(true) };
    let lease = db.select::<NodeLease>().eq(NodeLease::NODE_UUID, &row.node_uuid);
    if lease.eq(NodeLease::INCARNATION, &row.incarnation).first().await?.is_some() {
        return Ok(false);
    }
    tracing::info!(node = %row.node_uuid, "a turn of a node that is gone is over");
    remove(db, &row).await?;
    Ok(true)
}

async fn remove(db: &Db, row: &TurnRow) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.delete::<TurnRow>().eq(TurnRow::KEY_UUID, &row.key_uuid).eq(TurnRow::TOKEN, &row.token).any();
    db.commit_surely(batch).await.map(drop)
}

impl Turn {
    /// Gives it back.
    pub(crate) async fn give_back(mut self) {
        let Some((db, row)) = &self.taken else { return };
        match remove(db, row).await {
            // Without a lease it is over anyway.
            Ok(()) | Err(DbError::Closed | DbError::Fenced) => self.taken = None,
            // Tried again.
            Err(error) => tracing::warn!(%error, "a turn could not be given back"),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (Some((db, row)), Ok(runtime)) = (self.taken.take(), tokio::runtime::Handle::try_current()) else { return };
        runtime.spawn(async move {
            if let Err(error) = remove(&db, &row).await {
                tracing::debug!(%error, "a turn is left to its lease");
            }
        });
    }
}

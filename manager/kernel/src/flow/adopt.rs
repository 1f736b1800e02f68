//! Adoption: flows that lie in the journal and that nobody works on are taken up by who owns their resource.
//!
//! A flow names the node that works on it. When that node is none of the members any more, the owner of the flow's resource
//! puts itself in its place, in a batch that is refused when somebody else did, or when the ring has changed: the node may
//! have come back, and look for its flows itself. A node that handed a flow over, or comes back, gives back by the same way
//! what is not its own any more. Each flow is taken up by itself, so one that cannot go on blocks no other.

use std::{collections::HashMap, time::Duration};

use cumulo_schema::{ErrorCode, Uuid};

use super::{FlowRow, Flows, journal, recover::time_of};
use crate::db::DbError;

/// Whom the journal names where nobody works on a flow.
fn nobody() -> Uuid {
    Uuid::ADMIN.derive("nobody")
}

impl Flows {
    /// The unfinished flows that may be for this node to take up: those of nobody, and with `stray` its own.
    pub(crate) async fn adoptable(&self, stray: bool) -> Result<Vec<FlowRow>, ErrorCode> {
        let (db, cluster) = (&self.inner.db, &self.inner.cluster);
        let Some((members, _)) = cluster.as_of_now(db.batch()) else { return Ok(Vec::new()) };
        let mut rows = journal::orphaned(db, &members).await?;
        if stray {
            rows.extend(journal::active(db, cluster.node()).await?);
        }
        Ok(rows)
    }

    /// Takes up what of `rows` is this node's. `times` says how long jobs may still take. Whether something is left that
    /// has to be looked at again.
    pub(crate) async fn adopt(&self, rows: Vec<FlowRow>, times: &HashMap<Uuid, Duration>) -> Result<bool, ErrorCode> {
        let mut left = false;
        for row in rows {
            let time = time_of(&row, times);
            match self.adopt_one(row, time).await {
                Ok(settled) => left |= !settled,
                // Another was faster, or the ring has changed: the next look sees.
                Err(DbError::Unmet { .. }) => left = true,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(left)
    }

    async fn adopt_one(&self, row: FlowRow, time: Duration) -> Result<bool, DbError> {
        let (db, cluster) = (&self.inner.db, &self.inner.cluster);
        if self.running().contains_key(&row.uuid) {
            return Ok(true);
        }
        let Some((_, mut batch)) = cluster.as_of_now(db.batch()) else { return Ok(true) };
        let (from, me) = (row.node_uuid, cluster.node());
        let Some(hold) = cluster.hold_now(&row.resource_uuid) else {
            if from == me && !cluster.is_ours(&row.resource_uuid) {
                journal::pass_on(&mut batch, row.uuid, me, nobody());
                db.commit(batch).await?;
                cluster.announce(&self.inner.bus);
                return Ok(true);
            }
            // Its former owner has not finished, or it is for another node to see to.
            return Ok(!cluster.is_ours(&row.resource_uuid));
        };
        if from != me {
            journal::pass_on(&mut batch, row.uuid, from, me);
            db.commit(batch).await?;
        }
        tracing::info!(flow = %row.uuid, chain = row.chain, step = row.step, %from, "a flow is taken up");
        self.resume(FlowRow { node_uuid: me, ..row }, time, hold).await;
        Ok(true)
    }
}

//! What keeps a node that was given up from writing.
//!
//! Every transaction begins by marking its slot. For a node that takes part among others that first statement also asks for
//! the row of its lease, which locks it as every condition of a writing statement does: who gives the node up deletes that
//! row, so it waits for the transactions that have begun, and those that begin later find nothing to mark. There is no moment
//! in between at which a pause of this process could do harm, and no statement is added.

use cumulo_schema::{Cell, Uuid};
use sqlx::MySqlConnection;

use super::{bound, patience::Trouble};
use crate::db::DbError;

/// The life of this node whose lease must be there.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) struct Fence {
    pub(in crate::db) node: Uuid,
    pub(in crate::db) incarnation: Uuid,
}

impl Fence {
    /// The condition, with its two values to be bound.
    pub(in crate::db) const CONDITION: &str =
        "EXISTS (SELECT 1 FROM node_lease WHERE node_uuid = ? AND incarnation = ?)";

    pub(in crate::db) fn args(self) -> [Cell; 2] {
        [Cell::Text(self.node.to_string()), Cell::Text(self.incarnation.to_string())]
    }

    /// An error where the lease is gone.
    pub(super) async fn check(self, connection: &mut MySqlConnection) -> Result<(), Trouble> {
        let sql = format!("SELECT {} AS holds", Self::CONDITION);
        let args = self.args();
        let row = bound(sql, &args).fetch_one(connection).await.map_err(|cause| Trouble::of("read", cause))?;
        let holds: i64 = sqlx::Row::try_get(&row, 0).map_err(|cause| Trouble::of("read", cause))?;
        if holds == 1 { Ok(()) } else { Err(Trouble::Final(DbError::Fenced)) }
    }
}

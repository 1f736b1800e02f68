//! Rows that remember the last batch committed through them.
//!
//! A commit in flight holds a slot and, as the first thing in its transaction, writes its own mark there. So after a lost
//! connection the slot tells whether the batch was committed: the mark is there or it is not, and should the lost
//! transaction still be alive on the server, looking waits for its end on the slot's row lock. A row per batch would tell
//! as much and would have to be swept; slots are as many as commits ever ran at once, and are gone when the database is
//! closed. What a killed process leaves is swept by the next migration.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cumulo_schema::{Cell, Timestamp, Uuid};
use sqlx::{MySqlConnection, MySqlPool};

use super::{bound, execute, fence::Fence, patience::Trouble};

/// Made by the migrator, before anything else.
pub(in crate::db) const TABLE: &str = "CREATE TABLE IF NOT EXISTS commit_slot \
     (slot CHAR(32) NOT NULL PRIMARY KEY, mark CHAR(32) NOT NULL, used_at BIGINT NOT NULL) ENGINE=InnoDB";
/// Removes what was not used since the time that is bound. A commit in doubt asks within seconds of the server's return.
pub(in crate::db) const SWEEP: &str = "DELETE FROM commit_slot WHERE used_at < ?";

/// The slots of this process.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<Vec<Slot>>);

/// A slot that nobody else uses until it is given back.
#[derive(Debug)]
pub(super) struct Slot {
    id: Uuid,
    /// Whether its row was seen.
    is_there: bool,
}

impl Slots {
    pub(super) fn take(&self) -> Slot {
        self.lock().pop().unwrap_or_else(|| Slot { id: Uuid::random(), is_there: false })
    }

    pub(super) fn give_back(&self, slot: Slot) {
        self.lock().push(slot);
    }

    /// Removes the rows of the idle slots, as far as that is possible.
    pub(super) async fn forget(&self, pool: &MySqlPool) {
        let slots = std::mem::take(&mut *self.lock());
        let ids: Vec<Cell> = slots.iter().map(|slot| Cell::Text(slot.id.to_string())).collect();
        if ids.is_empty() || pool.is_closed() {
            return;
        }
        let marks = vec!["?"; ids.len()].join(", ");
        let sql = format!("DELETE FROM commit_slot WHERE slot IN ({marks})");
        if let Err(error) = bound(sql, &ids).execute(pool).await {
            tracing::debug!(%error, "commit slots stay for the next sweep");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Makes the row, outside any transaction.
    pub(super) async fn prepare(&mut self, connection: &mut MySqlConnection) -> Result<(), Trouble> {
        if !self.is_there {
            let sql = "INSERT IGNORE INTO commit_slot (slot, mark, used_at) VALUES (?, '', ?)";
            let args = [Cell::Text(self.id.to_string()), Cell::Int(Timestamp::now().0)];
            execute(connection, "make a commit slot", sql, &args).await?;
            self.is_there = true;
        }
        Ok(())
    }

    /// Writes `mark`, inside the transaction. `false`: it was there, so the batch was committed by an earlier try; or
    /// somebody removed the row; or the `fence` does not hold.
    pub(super) async fn mark(
        &mut self,
        connection: &mut MySqlConnection,
        mark: Uuid,
        fence: Option<Fence>,
    ) -> Result<bool, Trouble> {
        let mut sql = "UPDATE commit_slot SET mark = ?, used_at = ? WHERE slot = ? AND mark <> ?".to_owned();
        let mark = Cell::Text(mark.to_string());
        let mut args = vec![mark.clone(), Cell::Int(Timestamp::now().0), Cell::Text(self.id.to_string()), mark];
        if let Some(fence) = fence {
            sql = format!("{sql} AND {}", Fence::CONDITION);
            args.extend(fence.args());
        }
        Ok(execute(connection, "mark a commit slot", sql, &args).await? == 1)
    }

    /// Whether `mark` is there.
    pub(super) async fn holds(&self, connection: &mut MySqlConnection, mark: Uuid) -> Result<bool, Trouble> {
        let args = [Cell::Text(self.id.to_string()), Cell::Text(mark.to_string())];
        let sql = "SELECT 1 FROM commit_slot WHERE slot = ? AND mark = ?".to_owned();
        let row = bound(sql, &args).fetch_optional(connection).await;
        Ok(row.map_err(|cause| Trouble::of("look at a commit slot", cause))?.is_some())
    }

    /// The row is to be made again.
    pub(super) fn is_gone(&mut self) {
        self.is_there = false;
    }
}

//! The steps of `flow-durable` as somebody would write them who has one database and nobody else at it: in each, the row, a row
//! of how far it is, and a commit that is on the disk when it returns.

use cumulo_schema::{Timestamp, Uuid};
use rusqlite::{Connection, TransactionBehavior, config::DbConfig, params};
use tempfile::TempDir;

pub(super) struct ByHand {
    connection: Connection,
    steps: u32,
    // Dropped last: the database is in it.
    _dir: TempDir,
}

impl ByHand {
    /// A database with the settings of the node's, except that SQLite itself sees to it that a commit is on the disk.
    pub(super) fn open(steps: u32) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let connection = Connection::open(dir.path().join("by-hand.db"))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", 3_000)?;
        connection.execute_batch(
            "CREATE TABLE line (uuid CHAR(32) NOT NULL PRIMARY KEY, story CHAR(32) NOT NULL, text TEXT NOT NULL,
                                create_date BIGINT NOT NULL);
             CREATE INDEX ix_line_story ON line (story);
             CREATE TABLE journal (story CHAR(32) NOT NULL, step TEXT NOT NULL, context TEXT NOT NULL,
                                   PRIMARY KEY (story, step));",
        )?;
        Ok(Self { connection, steps, _dir: dir })
    }

    /// One flow.
    pub(super) fn tell(&mut self) -> anyhow::Result<()> {
        let story = Uuid::random().to_string();
        let mut context = format!("{{\"uuid\":\"{story}\",\"lines\":[");
        for step in 1..=self.steps {
            let (line, name) = (Uuid::random().to_string(), format!("step-{step}"));
            context = context + "\"" + &line + "\",";
            let write = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            write
                .prepare_cached("INSERT INTO line (uuid, story, text, create_date) VALUES (?, ?, ?, ?)")?
                .execute(params![line, story, name, Timestamp::now().0])?;
            write
                .prepare_cached("INSERT INTO journal (story, step, context) VALUES (?, ?, ?)")?
                .execute(params![story, name, context])?;
            write.commit()?;
        }
        Ok(())
    }
}

//! A copy of the embedded database before it is changed.

use std::path::{Path, PathBuf};

use cumulo_schema::{Cell, Timestamp};

use super::MigrationPlan;
use crate::db::{Db, DbError, backend::Backend};

impl Db {
    /// Writes a copy of an embedded database to `backup/` beside it, named for the time and the migration that follows,
    /// and answers where. MariaDB has its own ways, and nothing is copied.
    pub(super) async fn back_up(&self, plan: &MigrationPlan) -> Result<Option<PathBuf>, DbError> {
        let Backend::Sqlite(sqlite) = self.backend() else { return Ok(None) };
        let failed = |cause| DbError::Failed {
            what: "be copied before its upgrade".to_owned(),
            cause: std::sync::Arc::new(cause),
        };
        let path = sqlite.path();
        let dir = path.parent().unwrap_or_else(|| Path::new(".")).join("backup");
        std::fs::create_dir_all(&dir).map_err(failed)?;
        let next = plan.pending.first().map_or("nothing", |pending| pending.name);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let copy = dir.join(format!("{stem}-{}-before-{next}.db", Timestamp::now().0));
        // A reader's statement: it sees the last commit and stops no writer. SQLite refuses a file that exists.
        let sql = "VACUUM INTO ?".to_owned();
        self.fetch_sql(sql, vec![Cell::Text(copy.to_string_lossy().into_owned())]).await?;
        tracing::info!(copy = %copy.display(), "the database was copied before its upgrade");
        Ok(Some(copy))
    }
}

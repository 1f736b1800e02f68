//! The database that the configuration names.

use std::{os::unix::fs::DirBuilderExt, path::PathBuf, time::Duration};

use anyhow::Context;
use cumulo_kernel::db::{Db, DbError, MySqlOptions};

use crate::config::Config;

/// The file of the embedded database.
pub(crate) fn file(config: &Config) -> PathBuf {
    config.data_dir.join("cumulo.db")
}

/// Makes the data directory, for its owner only.
///
/// # Errors
/// When that is impossible.
pub(crate) fn make_room(config: &Config) -> anyhow::Result<()> {
    let dir = &config.data_dir;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data directory {} cannot be made", dir.display()))
}

/// Opens it; an embedded one is made where there is none.
///
/// # Errors
/// When it cannot be opened, or its server does not answer in time.
pub(crate) async fn open(config: &Config) -> Result<Db, DbError> {
    match &config.database {
        Some(url) => {
            let options = MySqlOptions {
                connections: config.database_connections,
                patience: Duration::from_secs(config.database_patience),
            };
            Db::mysql(url, options).await
        }
        None => Db::sqlite(&file(config)).await,
    }
}

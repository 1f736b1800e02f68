//! Applying migrations on MariaDB, where a statement that changes the schema commits by itself.
//!
//! So progress is recorded after each statement. A migration that was cut off goes on behind the last statement that is
//! recorded; the one after that may have been done unrecorded, and then being told that its table or column exists (or is
//! gone) is its success. Only one node at a time does this, holding a lock that the server lets go of with the connection.

use std::sync::Arc;

use cumulo_schema::{Cell, Timestamp};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row};

use super::{Migration, MigrationPlan, Pending, Version, record};
use crate::db::{
    Db, DbError,
    mysql::{self, MySql},
};

/// Longest wait for another node's migration, in seconds.
const LOCK_WAIT: i64 = 300;
const LOCK: &str = "SELECT GET_LOCK(CONCAT('cumulo.migrate.', MD5(DATABASE())), ?)";
const UNLOCK: &str = "DO RELEASE_LOCK(CONCAT('cumulo.migrate.', MD5(DATABASE())))";
/// Commit slots that nobody used for so long, in milliseconds, are of processes that were killed.
const ABANDONED: i64 = 24 * 60 * 60 * 1000;
/// Exists already (table, column, key), or does not exist any more.
const DONE_BEFORE: [u16; 4] = [1050, 1060, 1061, 1091];

pub(super) async fn apply(
    db: &Db,
    server: &Arc<MySql>,
    program: Version,
    migrations: &[Migration],
    plan: &MigrationPlan,
) -> Result<(), DbError> {
    let missing = record::missing(db).await?;
    if !missing.is_empty() || !plan.pending.is_empty() {
        let mut connection = server.connection().await?;
        // Whatever happens, the lock ends with the connection.
        connection.close_on_drop();
        lock(&mut connection).await?;
        for sql in [mysql::SLOTS].into_iter().chain(record::missing(db).await?) {
            run(&mut connection, sql).await?;
        }
        // Another node may have done it while this one waited.
        let plan = db.migration_plan_of(program, migrations).await?;
        for pending in &plan.pending {
            apply_one(&mut connection, program, pending).await?;
        }
        run(&mut connection, UNLOCK).await?;
    }
    let mut connection = server.connection().await?;
    let before = Cell::Int(Timestamp::now().0 - ABANDONED);
    execute(&mut connection, mysql::SWEEP_SLOTS, &[before]).await
}

async fn lock(connection: &mut MySqlConnection) -> Result<(), DbError> {
    let failed = |cause| DbError::mysql("lock the schema", cause);
    let row = sqlx::query(LOCK).bind(LOCK_WAIT).fetch_one(connection).await.map_err(failed)?;
    match row.try_get::<Option<i64>, _>(0).map_err(failed)? {
        Some(1) => Ok(()),
        _ => Err(DbError::Unmet {
            what: format!(
                "another node has been migrating this database for {LOCK_WAIT} s; look at its log, then retry"
            ),
        }),
    }
}

async fn apply_one(connection: &mut MySqlConnection, program: Version, pending: &Pending) -> Result<(), DbError> {
    let name = Cell::Text(pending.name.to_owned());
    if pending.done.is_none() {
        let sql =
            "INSERT INTO schema_migration (name, hash, applied_at, version, oldest, done) VALUES (?, ?, ?, ?, ?, 0)";
        let args = [
            name.clone(),
            Cell::Text(pending.hash.clone()),
            Cell::Int(Timestamp::now().0),
            Cell::Text(program.to_string()),
            Cell::Text(pending.oldest(program).to_string()),
        ];
        execute(connection, sql, &args).await?;
    }
    for (at, sql) in pending.statements.iter().enumerate().skip(pending.done.unwrap_or(0)) {
        let in_doubt = pending.done == Some(at);
        let failed = |cause| {
            let what = format!("apply the migration {}: {}", pending.name, sql.lines().next().unwrap_or_default());
            DbError::mysql(what, cause)
        };
        // For what does not commit by itself: the change and its record are one.
        let mut transaction = connection.begin().await.map_err(failed)?;
        match transaction.execute(AssertSqlSafe(sql.clone())).await {
            Ok(_) => {}
            Err(cause) if in_doubt && was_done_before(&cause) => {
                tracing::info!(migration = pending.name, statement = at, "was done before it could be recorded");
            }
            Err(cause) => return Err(failed(cause)),
        }
        let done = Cell::Int(i64::try_from(at + 1).unwrap_or(i64::MAX));
        let record = "UPDATE schema_migration SET done = ? WHERE name = ?";
        execute(&mut transaction, record, &[done, name.clone()]).await?;
        transaction.commit().await.map_err(failed)?;
    }
    let whole = "UPDATE schema_migration SET done = NULL, applied_at = ? WHERE name = ?";
    execute(connection, whole, &[Cell::Int(Timestamp::now().0), name]).await?;
    tracing::info!(migration = pending.name, "schema migrated");
    Ok(())
}

fn was_done_before(cause: &sqlx::Error) -> bool {
    let error = cause.as_database_error().and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>());
    error.is_some_and(|error| DONE_BEFORE.contains(&error.number()))
}

async fn execute(connection: &mut MySqlConnection, sql: &'static str, args: &[Cell]) -> Result<(), DbError> {
    let done = mysql::bound(sql.to_owned(), args).execute(connection).await;
    done.map(drop).map_err(|cause| DbError::mysql("record a migration", cause))
}

async fn run(connection: &mut MySqlConnection, sql: &'static str) -> Result<(), DbError> {
    connection.execute(sql).await.map(drop).map_err(|cause| DbError::mysql("prepare the schema's record", cause))
}

//! MariaDB or MySQL by URL.

use std::time::Duration;

use cumulo_schema::Cell;
use sqlx::{AssertSqlSafe, MySqlConnection, MySqlPool, mysql::MySqlPoolOptions};

use super::{Batch, DbError, backend::Answer, row::DbRow, statement::Statement};

/// The server answers 1213 or 1205 to the loser of a deadlock and expects it to try again.
const DEADLOCK_TRIES: u32 = 8;
/// Connections to the server, at most.
const CONNECTIONS: u32 = 32;

type Query<'q> = sqlx::query::Query<'q, sqlx::MySql, sqlx::mysql::MySqlArguments>;

pub(super) async fn connect(url: &str) -> Result<MySqlPool, DbError> {
    let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS).connect(url);
    pool.await.map_err(|cause| DbError::mysql("be reached at the configured URL", cause))
}

pub(super) async fn fetch(pool: &MySqlPool, sql: String, args: &[Cell]) -> Result<Vec<DbRow>, DbError> {
    let rows = bound(sql, args).fetch_all(pool).await.map_err(|cause| DbError::mysql("read", cause))?;
    Ok(rows.into_iter().map(DbRow::MySql).collect())
}

/// Commits `before` and `batch` as one transaction. Should `batch` be refused, `before` goes in alone.
pub(super) async fn commit_after(
    pool: &MySqlPool,
    before: Option<Batch>,
    batch: &Batch,
) -> (Result<(), DbError>, Answer) {
    let Some(first) = before else { return (Ok(()), commit(pool, batch).await) };
    let mut both = first.clone();
    both.append(batch.clone());
    match commit(pool, &both).await {
        Ok(mut touched) => (Ok(()), Ok(touched.split_off(first.statements.len()))),
        Err(refused) => match commit(pool, &first).await {
            Ok(_) => (Ok(()), Err(refused)),
            Err(error) => (Err(error.clone()), Err(error)),
        },
    }
}

async fn commit(pool: &MySqlPool, batch: &Batch) -> Result<Vec<u64>, DbError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match commit_once(pool, batch).await {
            Err(error) if tries < DEADLOCK_TRIES && lost_deadlock(&error) => {
                let pause = rand::random_range(1..=u64::from(tries) * 10);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn commit_once(pool: &MySqlPool, batch: &Batch) -> Result<Vec<u64>, DbError> {
    let mut transaction = pool.begin().await.map_err(|cause| DbError::mysql("begin", cause))?;
    let mut touched = Vec::with_capacity(batch.statements.len());
    for statement in &batch.statements {
        touched.push(execute(&mut transaction, statement).await?);
    }
    let ended = if batch.trial { transaction.rollback().await } else { transaction.commit().await };
    ended.map_err(|cause| DbError::mysql("commit", cause))?;
    Ok(touched)
}

async fn execute(connection: &mut MySqlConnection, statement: &Statement) -> Result<u64, DbError> {
    let done = bound(statement.sql.clone(), &statement.args)
        .execute(connection)
        .await
        .map_err(|cause| DbError::mysql(&statement.what, cause))?;
    statement.expected(done.rows_affected())
}

fn bound(sql: String, args: &[Cell]) -> Query<'_> {
    args.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, cell| match cell {
        Cell::Null => query.bind(None::<String>),
        Cell::Int(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.as_str()),
    })
}

fn lost_deadlock(error: &DbError) -> bool {
    let DbError::Failed { cause, .. } = error else { return false };
    let number = cause
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number);
    matches!(number, Some(1205 | 1213))
}

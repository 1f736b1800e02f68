//! Applying migrations to the embedded database: each in one transaction together with its record.

use cumulo_schema::{Cell, Timestamp};

use super::{MigrationPlan, Pending, Version, record};
use crate::db::{Batch, Db, DbError, statement::Statement};

pub(super) async fn apply(db: &Db, program: Version, plan: &MigrationPlan) -> Result<(), DbError> {
    let mut table = db.batch();
    for sql in record::missing(db).await? {
        add(&mut table, sql, vec![]);
    }
    if !table.is_empty() {
        db.commit(table).await?;
    }
    for pending in &plan.pending {
        apply_one(db, program, pending).await?;
    }
    Ok(())
}

async fn apply_one(db: &Db, program: Version, pending: &Pending) -> Result<(), DbError> {
    let mut batch = db.batch();
    // The record first: where another process was faster, its key stops the rest.
    add(
        &mut batch,
        "INSERT INTO schema_migration (name, hash, applied_at, version, oldest) VALUES (?, ?, ?, ?, ?)",
        vec![
            Cell::Text(pending.name.to_owned()),
            Cell::Text(pending.hash.clone()),
            Cell::Int(Timestamp::now().0),
            Cell::Text(program.to_string()),
            Cell::Text(pending.oldest(program).to_string()),
        ],
    );
    for sql in &pending.statements {
        add(&mut batch, sql, vec![]);
    }
    match db.commit(batch).await {
        Ok(_) => tracing::info!(migration = pending.name, "schema migrated"),
        Err(DbError::Conflict { .. }) => tracing::info!(migration = pending.name, "schema migrated by another process"),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn add(batch: &mut Batch, sql: &str, args: Vec<Cell>) {
    let what = sql.lines().next().unwrap_or_default().to_owned();
    batch.statements.push(Statement { sql: sql.into(), args, what, expect: None, target: None });
}

//! The table that says what was applied, by whom, and who can work with it.

use cumulo_schema::{Cell, FieldKind};

use super::Version;
use crate::db::{Db, DbError, DbRow, Dialect};

/// The table as the first version made it, and what was added since.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration \
     (name VARCHAR(128) NOT NULL PRIMARY KEY, hash CHAR(32) NOT NULL, applied_at BIGINT NOT NULL)";
const ADDED: [(&str, &str); 3] = [
    ("version", "ALTER TABLE schema_migration ADD COLUMN version VARCHAR(32) NOT NULL DEFAULT '0.1.0'"),
    ("oldest", "ALTER TABLE schema_migration ADD COLUMN oldest VARCHAR(32) NOT NULL DEFAULT '0.1.0'"),
    // How many statements are done, of a migration that is not; MariaDB cannot apply several in one transaction.
    ("done", "ALTER TABLE schema_migration ADD COLUMN done INTEGER NULL"),
];

/// A migration that was applied, or begun.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) name: String,
    pub(super) hash: String,
    /// Of the program that applied it.
    pub(super) version: Version,
    /// Of the oldest program that can work with it.
    pub(super) oldest: Version,
    pub(super) done: Option<usize>,
}

/// What is still to be done to have the table.
pub(super) async fn missing(db: &Db) -> Result<Vec<&'static str>, DbError> {
    let there = columns(db).await?;
    let table = there.is_empty().then_some(TABLE);
    let added = ADDED.iter().filter(|(column, _)| !there.iter().any(|name| name == column)).map(|(_, sql)| *sql);
    Ok(table.into_iter().chain(added).collect())
}

/// What was applied so far, in the order of names.
pub(super) async fn applied(db: &Db) -> Result<Vec<Applied>, DbError> {
    let there = columns(db).await?;
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let or = |column: &str, otherwise: &str| {
        if there.iter().any(|name| name == column) { column.to_owned() } else { otherwise.to_owned() }
    };
    let sql = format!(
        "SELECT name, hash, {}, {}, {} FROM schema_migration ORDER BY name",
        or("version", "'0.1.0'"),
        or("oldest", "'0.1.0'"),
        or("done", "NULL")
    );
    db.fetch_sql(sql, vec![]).await?.iter().map(read).collect()
}

fn read(row: &DbRow) -> Result<Applied, DbError> {
    let version = |index| {
        let text = text(row, index)?;
        text.parse().map_err(|_| DbError::Unmet { what: format!("schema_migration holds '{text}' for a version") })
    };
    let done = match row.at(4, FieldKind::Integer) {
        Ok(Cell::Int(done)) => usize::try_from(done).ok(),
        Ok(_) => None,
        Err(cause) => return Err(DbError::Unreadable { table: "schema_migration", cause }),
    };
    Ok(Applied { name: text(row, 0)?, hash: text(row, 1)?, version: version(2)?, oldest: version(3)?, done })
}

fn text(row: &DbRow, index: usize) -> Result<String, DbError> {
    match row.at(index, FieldKind::String) {
        Ok(Cell::Text(text)) => Ok(text),
        Ok(_) => Ok(String::new()),
        Err(cause) => Err(DbError::Unreadable { table: "schema_migration", cause }),
    }
}

async fn columns(db: &Db) -> Result<Vec<String>, DbError> {
    let sql = match db.dialect() {
        Dialect::Sqlite => "SELECT name FROM pragma_table_info('schema_migration')",
        Dialect::MySql => {
            "SELECT column_name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = 'schema_migration'"
        }
    };
    db.fetch_sql(sql.to_owned(), vec![]).await?.iter().map(|row| text(row, 0)).collect()
}

//! Schema migrations: owned by the services, gathered here into one ordered list.
//!
//! Names start with a date and time, `20261121_0100_zone`, and are applied in their order whoever owns them. A
//! migration once applied is frozen: its text's hash is recorded, and a changed text is refused at start.

use cumulo_schema::{Cell, FieldKind, Timestamp};

use super::{Db, DbError, Dialect, statement::Statement};

/// One migration. Its text is SQL in the portable subset, statements separated by `;` at a line's end.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Date, time and owner: its place in the order.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration \
     (name VARCHAR(128) NOT NULL PRIMARY KEY, hash CHAR(32) NOT NULL, applied_at BIGINT NOT NULL)";

impl Db {
    /// Brings the schema to what `migrations` say; does nothing when it is there.
    ///
    /// # Errors
    /// When the database has migrations this program does not know (it is newer), when the text of an applied one
    /// changed, or when a statement fails.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<(), DbError> {
        let mut migrations = migrations.to_vec();
        migrations.sort_by_key(|migration| migration.name);
        self.commit(self.raw_batch([(TABLE.to_owned(), vec![])])).await?;
        let applied = self.applied_migrations().await?;
        for (name, _) in &applied {
            if !migrations.iter().any(|migration| migration.name == name) {
                return Err(DbError::Unmet {
                    what: format!("the database has the migration {name}, which this program is too old to know"),
                });
            }
        }
        for migration in &migrations {
            let hash = hash(migration.sql);
            match applied.iter().find(|(name, _)| name == migration.name) {
                Some((_, recorded)) if *recorded == hash => {}
                Some(_) => {
                    let what = format!("the text of the applied migration {} has changed", migration.name);
                    return Err(DbError::Unmet { what });
                }
                None => self.apply(migration, hash).await?,
            }
        }
        Ok(())
    }

    async fn apply(&self, migration: &Migration, hash: String) -> Result<(), DbError> {
        let statements = migration
            .sql
            .split(";\n")
            .map(|sql| sql.trim().trim_end_matches(';').to_owned())
            .filter(|sql| !sql.is_empty())
            .map(|sql| (sql, vec![]));
        let record = (
            "INSERT INTO schema_migration (name, hash, applied_at) VALUES (?, ?, ?)".to_owned(),
            vec![Cell::Text(migration.name.to_owned()), Cell::Text(hash), Cell::Int(Timestamp::now().0)],
        );
        self.commit(self.raw_batch(statements.chain([record]))).await?;
        tracing::info!(migration = migration.name, "schema migrated");
        Ok(())
    }

    async fn applied_migrations(&self) -> Result<Vec<(String, String)>, DbError> {
        let rows = self.fetch_sql("SELECT name, hash FROM schema_migration ORDER BY name".to_owned(), vec![]).await?;
        let text = |row: &super::DbRow, index| match row.at(index, FieldKind::String) {
            Ok(Cell::Text(text)) => Ok(text),
            Ok(_) => Ok(String::new()),
            Err(cause) => Err(DbError::Unreadable { table: "schema_migration", cause }),
        };
        rows.iter().map(|row| Ok((text(row, 0)?, text(row, 1)?))).collect()
    }

    fn raw_batch(&self, statements: impl IntoIterator<Item = (String, Vec<Cell>)>) -> super::Batch {
        let mut batch = self.batch();
        let on_mysql = self.dialect() == Dialect::MySql;
        batch.statements.extend(statements.into_iter().map(|(sql, args)| {
            let what = sql.lines().next().unwrap_or_default().to_owned();
            let sql = if on_mysql { sql.replace('"', "`") } else { sql };
            Statement { sql, args, what, expect: None, target: None }
        }));
        batch
    }
}

/// FNV-1a, 128 bit: tells an edited text from the applied one; not a defence against anybody.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    format!("{hash:032x}")
}

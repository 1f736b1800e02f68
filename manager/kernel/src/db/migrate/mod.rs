//! Schema migrations: owned by the services, gathered here into one ordered list.
//!
//! Names start with a date and time, `20261121_0100_zone`, and are applied in their order whoever owns them. A
//! migration once applied is frozen: its text's hash is recorded, and a changed text is refused at start.
//!
//! **Nodes of two versions side by side.** A migration expands the schema, so that programs of the minor version before
//! can go on with it: new tables, new columns that may be NULL or have a default. What takes something away is marked by
//! a line `-- contracts` and comes a release later. With each migration is recorded which program applied it and the
//! oldest one that can work with the result; a program that meets migrations it does not know starts if it is not older
//! than any of those says, and refuses otherwise. So nodes can be upgraded one by one, and taken back, within a minor
//! version.
//!
//! **Several nodes at once.** On MariaDB one node migrates under a lock of the server and the others wait for it. The
//! embedded database has one node, and applies each migration in one transaction.

mod backup;
mod mariadb;
mod record;
mod sqlite;
mod version;

use std::collections::HashSet;

use self::record::Applied;
pub use self::version::Version;
use super::{Db, DbError, Dialect, backend::Backend, render::Renderer};

/// One migration. Its text is SQL in the portable subset, statements separated by `;` at a line's end.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Date, time and owner: its place in the order.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// What there is to do.
#[derive(Debug, Clone)]
pub struct MigrationPlan {
    /// To be applied, in order.
    pub pending: Vec<Pending>,
    /// Whether the database is empty as far as we are concerned.
    pub fresh: bool,
    /// Migrations of newer programs that let this one work beside them.
    pub newer: Vec<String>,
}

/// A migration to be applied.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Its name.
    pub name: &'static str,
    /// What it does, as this database reads it.
    pub statements: Vec<String>,
    /// Whether it takes away what programs of the version before need.
    pub contracts: bool,
    hash: String,
    /// How many statements an earlier attempt is known to have done; `None`: there was no attempt.
    done: Option<usize>,
}

impl Db {
    /// Brings the schema to what `migrations` say; does nothing when it is there. A copy of an embedded database is made
    /// beforehand, beside it.
    ///
    /// # Errors
    /// When the database has migrations of a program too new to work beside, when the text of an applied one changed, or
    /// when a statement fails.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<(), DbError> {
        self.migrate_as(Version::OURS, migrations).await
    }

    /// As [`Db::migrate`], done by a program of the version `program`.
    ///
    /// # Errors
    /// As there.
    pub async fn migrate_as(&self, program: Version, migrations: &[Migration]) -> Result<(), DbError> {
        let plan = self.migration_plan_of(program, migrations).await?;
        for name in &plan.newer {
            tracing::warn!(migration = name, "the schema is of a newer version that works beside this one");
        }
        match self.backend() {
            Backend::Sqlite(_) | Backend::Far(_) if plan.pending.is_empty() => Ok(()),
            Backend::Far(_) => sqlite::apply(self, program, &plan).await,
            Backend::Sqlite(_) => {
                if !plan.fresh {
                    self.back_up(&plan).await?;
                }
                sqlite::apply(self, program, &plan).await
            }
            Backend::MySql(server) => mariadb::apply(self, server, program, migrations, &plan).await,
        }
    }

    /// What [`Db::migrate`] would do. Changes nothing.
    ///
    /// # Errors
    /// As there, except for statements.
    pub async fn migration_plan(&self, migrations: &[Migration]) -> Result<MigrationPlan, DbError> {
        self.migration_plan_of(Version::OURS, migrations).await
    }

    async fn migration_plan_of(&self, program: Version, migrations: &[Migration]) -> Result<MigrationPlan, DbError> {
        let collation = match self.backend() {
            Backend::Sqlite(_) | Backend::Far(_) => "",
            Backend::MySql(server) => server.collation(),
        };
        MigrationPlan::new(program, migrations, &record::applied(self).await?, self.dialect(), collation)
    }
}

impl MigrationPlan {
    /// What a new embedded database would be made of.
    ///
    /// # Errors
    /// When two migrations have one name.
    pub fn of_new(migrations: &[Migration]) -> Result<Self, DbError> {
        Self::new(Version::OURS, migrations, &[], Dialect::Sqlite, "")
    }

    fn new(
        program: Version,
        migrations: &[Migration],
        applied: &[Applied],
        dialect: Dialect,
        collation: &str,
    ) -> Result<Self, DbError> {
        let refuse = |what: String| Err(DbError::Unmet { what });
        let mut migrations = migrations.to_vec();
        migrations.sort_by_key(|migration| migration.name);
        let names: HashSet<&str> = migrations.iter().map(|migration| migration.name).collect();
        if names.len() != migrations.len() {
            return refuse("two migrations have one name".to_owned());
        }
        let mut newer = Vec::new();
        for row in applied.iter().filter(|row| !names.contains(row.name.as_str())) {
            if program < row.oldest {
                return refuse(format!(
                    "the database is of version {}: its migration {} needs programs of {} or newer, and this is {program}; \
                     install a newer one, or restore the backup that was made before the upgrade",
                    row.version, row.name, row.oldest
                ));
            }
            newer.push(row.name.clone());
        }
        let mut renderer = Renderer::new(dialect, collation);
        let mut pending = Vec::new();
        for migration in &migrations {
            // All are rendered: what an earlier one says of a column decides how a later one is read.
            let statements = renderer.migration(migration.sql);
            let hash = hash(migration.sql);
            let row = applied.iter().find(|row| row.name == migration.name);
            if row.is_some_and(|row| row.hash != hash) {
                return refuse(format!("the text of the applied migration {} has changed", migration.name));
            }
            if row.is_none_or(|row| row.done.is_some()) {
                let contracts = migration.sql.lines().any(|line| line.trim() == "-- contracts");
                let done = row.and_then(|row| row.done);
                pending.push(Pending { name: migration.name, statements, contracts, hash, done });
            }
        }
        Ok(Self { pending, fresh: applied.is_empty(), newer })
    }
}

impl Pending {
    /// The oldest program that can work with the schema after this.
    fn oldest(&self, program: Version) -> Version {
        if self.contracts { program.minor_start() } else { program.minor_before() }
    }
}

/// FNV-1a, 128 bit: tells an edited text from the applied one; not a defence against anybody.
pub(super) fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    format!("{hash:032x}")
}

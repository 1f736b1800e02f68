//! The database: SQLite in the data directory, or MariaDB by URL; one portable subset of SQL for both.
//!
//! Reads are [`Select`]s over declared resources. **A write is data**: a [`Batch`] of statements, each with what it
//! expects to touch, committed whole or not at all. Closures over an open transaction would be the usual choice; data
//! is better here, because the embedded backend can gather the batches of many callers under one durable commit, the
//! other backend can repeat a batch that lost a deadlock, and nobody can hold the only writer across an await. What
//! needs a read first reads outside and says in the batch what must still be true (`when …`, a unique key).

mod backend;
mod batch;
mod check;
mod deferred;
mod error;
mod far;
mod keys;
mod migrate;
mod mysql;
#[cfg(test)]
mod power;
mod render;
mod row;
mod select;
mod shape;
mod sqlite;
mod statement;
mod trial;

pub use backend::{Answer, Db, Outcome};
pub use batch::{Batch, Delete, Update};
pub(crate) use deferred::Deferred;
pub use error::DbError;
pub use far::{Commit, Read, Server, Store};
pub(crate) use keys::{CHUNK, keys_of, rows_with};
pub use migrate::{Migration, MigrationPlan, Pending, Version};
pub use mysql::MySqlOptions;
pub use row::{Columns, DbRow};
pub use select::Select;
pub use statement::{Dialect, Statement, to_cells, to_value};
pub use trial::Verb;
pub(crate) use trial::{Tried, text};

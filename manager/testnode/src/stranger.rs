//! Resources whose services are not installed.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_kernel::{Setup, cascade::CascadeAction, db::Migration};
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid, ddl};

/// Makes the resource `meta` known with a table for its rows, for a test of a service that refers to it. Services do not
/// depend on each other, and neither do their tests. It is a root of the cascade, and deleting it is done by nobody.
pub fn stranger(setup: &mut Setup, meta: &'static ResourceMeta) {
    // A test's few texts live as long as its process.
    let name: &'static str = format!("00000000_0000_{}", meta.table).leak();
    let sql: &'static str = ddl::create_table(meta, &[]).leak();
    setup.resources(&[meta]).migrations(&[Migration { name, sql }]).cascade(meta, &[], Arc::new(Nobody));
}

struct Nobody;

#[async_trait]
impl CascadeAction for Nobody {
    async fn affected(&self, _losing: &str, _uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(vec![])
    }
    async fn act(&self, _losing: &str, _uuids: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(())
    }
}

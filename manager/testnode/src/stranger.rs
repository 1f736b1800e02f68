//! Resources whose services are not installed.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_kernel::{
    Kernel, Setup,
    cascade::{CascadeAction, Loss, Work},
    db::Migration,
};
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid, ddl};

/// Makes the resource `meta` known with a table for its rows, for a test of a service that refers to it. Services do not
/// depend on each other, and neither do their tests. It is a root of the cascade, and deleting
/// it removes its rows.
pub fn stranger(setup: &mut Setup, meta: &'static ResourceMeta) {
    // A test's few texts live as long as its process.
    let name: &'static str = format!("00000000_0000_{}", meta.table).leak();
    let sql: &'static str = ddl::create_table(meta, &[]).leak();
    let rows = Arc::new(Rows { kernel: setup.kernel().clone(), meta });
    setup.resources(&[meta]).migrations(&[Migration { name, sql }]).cascade(meta, &[], rows);
}

struct Rows {
    kernel: Kernel,
    meta: &'static ResourceMeta,
}

#[async_trait]
impl CascadeAction for Rows {
    async fn affected(&self, _: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(vec![])
    }
    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        Ok(self.kernel.cascade().remove(self.meta, work.uuids).await?)
    }
}

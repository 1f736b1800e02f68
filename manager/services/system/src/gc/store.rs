//! The table of debts, which is the kernel's.

use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::{Uuid, system::GarbageCollector};

/// Removes debts.
pub(super) struct Store {
    db: Db,
}

impl Store {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Removes a debt; none is fine.
    pub(super) async fn remove(&self, debt: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<GarbageCollector>().eq(GarbageCollector::UUID, &debt).any();
        self.db.commit(batch).await.map(drop)
    }
}

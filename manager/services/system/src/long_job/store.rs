//! The table of long jobs, which is the kernel's.

use cumulo_contracts::api::long_job::UpdateLongJob;
use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::system::LongJob;

/// Writes what people say of long jobs.
pub(super) struct Store {
    db: Db,
}

impl Store {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(super) async fn update(&self, api: &UpdateLongJob) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<LongJob>()
            .set_some(LongJob::NAME, api.name.clone().map(Some).as_ref())
            .set_some(LongJob::DESCRIPTION, api.description.clone().map(Some).as_ref())
            .eq(LongJob::UUID, &api.uuid)
            .expect(format!("long job {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }
}

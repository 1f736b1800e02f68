//! The table of disk offerings.

use cumulo_contracts::{
    api::offering::UpdateDiskOffering,
    resource::{DiskOffering, ResourceState},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
    rows,
};
use cumulo_schema::Uuid;

/// Reads and writes disk offerings.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, offering: Uuid) -> Result<Option<DiskOffering>, DbError> {
        self.db.find(DiskOffering::UUID, &offering).await
    }

    /// Adds `offering` with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, cx: &ApiCx, offering: &DiskOffering) -> Result<(), DbError> {
        rows::insert(&self.db, cx, offering).await
    }

    pub(crate) async fn update(&self, api: &UpdateDiskOffering) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<DiskOffering>()
            .set_some(DiskOffering::NAME, api.name.as_ref())
            .set_some(DiskOffering::DESCRIPTION, api.description.as_ref())
            .eq(DiskOffering::UUID, &api.uuid)
            .expect(format!("disk offering {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_state(&self, offering: Uuid, state: ResourceState) -> Result<(), DbError> {
        rows::set_state(&self.db, offering, DiskOffering::STATE, &state).await
    }
}

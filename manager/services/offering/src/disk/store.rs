//! The table of disk offerings.

use cumulo_contracts::{
    api::offering::UpdateDiskOffering,
    resource::{DiskOffering, ResourceState},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
    ownership,
};
use cumulo_schema::Uuid;

use crate::owner::owned_by;

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

    pub(crate) async fn of_accounts(&self, accounts: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        owned_by::<DiskOffering>(&self.db, accounts).await
    }

    /// Adds `offering` with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, cx: &ApiCx, offering: &DiskOffering) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(offering);
        cx.created::<DiskOffering>(&mut batch);
        self.db.commit(batch).await.map(drop)
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
        let mut batch = self.db.batch();
        batch
            .update::<DiskOffering>()
            .set(DiskOffering::STATE, &state)
            .eq(DiskOffering::UUID, &offering)
            .expect(format!("disk offering {offering} was deleted in the meantime"));
        self.db.commit(batch).await.map(drop)
    }

    /// Removes offerings with owner and tags; those that are gone are fine.
    pub(crate) async fn remove(&self, offerings: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        for offering in offerings {
            ownership::removed::<DiskOffering>(&mut batch, *offering);
        }
        self.db.commit(batch).await.map(drop)
    }
}

//! The table of instance offerings.

use cumulo_contracts::{
    api::offering::UpdateInstanceOffering,
    resource::{InstanceOffering, ResourceState},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
    rows,
};
use cumulo_schema::Uuid;

/// Reads and writes instance offerings.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, offering: Uuid) -> Result<Option<InstanceOffering>, DbError> {
        self.db.find(InstanceOffering::UUID, &offering).await
    }

    /// Adds `offering` with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, cx: &ApiCx, offering: &InstanceOffering) -> Result<(), DbError> {
        rows::insert(&self.db, cx, offering).await
    }

    pub(crate) async fn update(&self, api: &UpdateInstanceOffering) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<InstanceOffering>()
            .set_some(InstanceOffering::NAME, api.name.as_ref())
            .set_some(InstanceOffering::DESCRIPTION, api.description.as_ref())
            .set_some(InstanceOffering::ALLOCATOR_STRATEGY, api.allocator_strategy.as_ref())
            .eq(InstanceOffering::UUID, &api.uuid)
            .expect(format!("instance offering {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_state(&self, offering: Uuid, state: ResourceState) -> Result<(), DbError> {
        rows::set_state(&self.db, offering, InstanceOffering::STATE, &state).await
    }
}

//! The zone table.

use cumulo_contracts::{
    api::zone::UpdateZone,
    resource::{ResourceState, Zone},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Batch, Db, DbError},
    rows,
};
use cumulo_schema::Uuid;

/// Reads and writes zones.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, zone: Uuid) -> Result<Option<Zone>, DbError> {
        self.db.find(Zone::UUID, &zone).await
    }

    /// Adds `zone` with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, cx: &ApiCx, zone: &Zone) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        if zone.is_default {
            no_default(&mut batch);
        }
        batch.insert(zone);
        cx.created::<Zone>(&mut batch);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn update(&self, api: &UpdateZone) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        if api.is_default == Some(true) {
            no_default(&mut batch);
        }
        batch
            .update::<Zone>()
            .set_some(Zone::NAME, api.name.as_ref())
            .set_some(Zone::DESCRIPTION, api.description.as_ref())
            .set_some(Zone::IS_DEFAULT, api.is_default.as_ref())
            .eq(Zone::UUID, &api.uuid)
            .expect(format!("zone {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    /// Those of `zones` that are disabled.
    pub(crate) async fn disabled_among(&self, zones: &[Uuid]) -> Result<Vec<Zone>, DbError> {
        let disabled = self.db.select::<Zone>().one_of(Zone::UUID, zones);
        disabled.eq(Zone::STATE, &ResourceState::Disabled).all().await
    }

    pub(crate) async fn set_state(&self, zone: Uuid, state: ResourceState) -> Result<(), DbError> {
        rows::set_state(&self.db, zone, Zone::STATE, &state).await
    }
}

fn no_default(batch: &mut Batch) {
    batch.update::<Zone>().set(Zone::IS_DEFAULT, &false).eq(Zone::IS_DEFAULT, &true).any();
}

//! The table of access keys.

use cumulo_contracts::resource::{AccessKey, ResourceState};
use cumulo_kernel::{api::ApiCx, db::DbError};
use cumulo_schema::Uuid;

use super::Store;

impl Store {
    pub(crate) async fn access_key(&self, key: Uuid) -> Result<Option<AccessKey>, DbError> {
        self.db.find(AccessKey::UUID, &key).await
    }

    /// The key whose public part is `id`.
    pub(crate) async fn access_key_called(&self, id: &str) -> Result<Option<AccessKey>, DbError> {
        self.db.find(AccessKey::ACCESS_KEY_ID, &id.to_owned()).await
    }

    /// Adds `key`; [`DbError::Conflict`] when its id or public part is taken.
    pub(crate) async fn insert_access_key(&self, key: &AccessKey, cx: &ApiCx) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(key);
        cx.created::<AccessKey>(&mut batch);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_access_key_state(&self, key: Uuid, state: ResourceState) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let update = batch.update::<AccessKey>().set(AccessKey::STATE, &state).eq(AccessKey::UUID, &key);
        update.expect(format!("access key {key} was deleted in the meantime"));
        self.db.commit(batch).await.map(drop)
    }
}

//! The backup storage service's rows. Of `sftp_backup_storage` it writes what people say; what the machine says of itself
//! (its host key) the plugin writes there.

use cumulo_contracts::{
    api::backup_storage::UpdateSftpBackupStorage,
    ext::storage::Capacity,
    resource::{BackupStorage, BackupStorageZoneRef, ResourceState, SftpBackupStorage, StorageStatus},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
    ownership::{self, NewTags},
};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

/// Reads and writes backup storages.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, storage: Uuid) -> Result<Option<BackupStorage>, DbError> {
        self.db.find(BackupStorage::UUID, &storage).await
    }

    /// As [`Store::find`], refusing one that is gone.
    pub(crate) async fn get(&self, storage: Uuid) -> Result<BackupStorage, ErrorCode> {
        self.find(storage).await?.ok_or_else(|| ErrorCode::not_found("BackupStorage", storage))
    }

    pub(crate) async fn all(&self) -> Result<Vec<BackupStorage>, DbError> {
        self.db.select::<BackupStorage>().all().await
    }

    pub(crate) async fn by_hostname(&self, hostname: &str) -> Result<Option<Uuid>, DbError> {
        let found = self.db.find(SftpBackupStorage::HOSTNAME, &hostname.to_owned()).await?;
        Ok(found.map(|storage| storage.uuid))
    }

    /// Adds a storage with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert_sftp(
        &self,
        storage: &BackupStorage,
        sftp: &SftpBackupStorage,
        owner: Uuid,
        tags: &NewTags,
    ) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(storage).insert(sftp);
        ownership::created::<BackupStorage>(&mut batch, storage.uuid, owner, tags);
        self.db.commit(batch).await.map(drop)
    }

    /// Adds the storage that the call `cx` creates; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, cx: &ApiCx, storage: &BackupStorage) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(storage);
        cx.created::<BackupStorage>(&mut batch);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn update(
        &self,
        storage: Uuid,
        name: Option<&String>,
        description: Option<&String>,
    ) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<BackupStorage>()
            .set_some(BackupStorage::NAME, name)
            .set_some(BackupStorage::DESCRIPTION, description)
            .eq(BackupStorage::UUID, &storage)
            .expect(gone(storage));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn update_sftp(
        &self,
        api: &UpdateSftpBackupStorage,
        sealed_password: Option<&String>,
    ) -> Result<(), DbError> {
        if api.hostname.is_none() && api.username.is_none() && api.ssh_port.is_none() && sealed_password.is_none() {
            return Ok(());
        }
        let mut batch = self.db.batch();
        batch
            .update::<SftpBackupStorage>()
            .set_some(SftpBackupStorage::HOSTNAME, api.hostname.as_ref())
            .set_some(SftpBackupStorage::USERNAME, api.username.as_ref())
            .set_some(SftpBackupStorage::SSH_PORT, api.ssh_port.as_ref())
            .set_some(SftpBackupStorage::PASSWORD, sealed_password)
            .eq(SftpBackupStorage::UUID, &api.uuid)
            .expect(gone(api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_state(&self, storage: Uuid, state: ResourceState) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let update = batch.update::<BackupStorage>().set(BackupStorage::STATE, &state);
        update.eq(BackupStorage::UUID, &storage).expect(gone(storage));
        self.db.commit(batch).await.map(drop)
    }

    /// Records what a storage was seen to be; one that is gone is fine.
    pub(crate) async fn set_status(&self, storage: Uuid, status: StorageStatus) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let update = batch.update::<BackupStorage>().set(BackupStorage::STATUS, &status);
        update.eq(BackupStorage::UUID, &storage).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Records that a storage is connected and how large it is.
    pub(crate) async fn connected(&self, storage: Uuid, capacity: Capacity) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<BackupStorage>()
            .set(BackupStorage::STATUS, &StorageStatus::Connected)
            .set(BackupStorage::TOTAL_CAPACITY, &capacity.total)
            .set(BackupStorage::AVAILABLE_CAPACITY, &capacity.available)
            .eq(BackupStorage::UUID, &storage)
            .expect(gone(storage));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_capacity(&self, storage: Uuid, capacity: Capacity) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<BackupStorage>()
            .set(BackupStorage::TOTAL_CAPACITY, &capacity.total)
            .set(BackupStorage::AVAILABLE_CAPACITY, &capacity.available)
            .eq(BackupStorage::UUID, &storage)
            .any();
        self.db.commit(batch).await.map(drop)
    }

    /// Attaches a storage to a zone; [`DbError::Conflict`] when it is attached.
    pub(crate) async fn attach(&self, storage: Uuid, zone: Uuid) -> Result<(), DbError> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&BackupStorageZoneRef {
            backup_storage_uuid: storage,
            zone_uuid: zone,
            create_date: now,
            last_op_date: now,
        });
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn detach(&self, storage: Uuid, zone: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .delete::<BackupStorageZoneRef>()
            .eq(BackupStorageZoneRef::BACKUP_STORAGE_UUID, &storage)
            .eq(BackupStorageZoneRef::ZONE_UUID, &zone)
            .any();
        self.db.commit(batch).await.map(drop)
    }

    /// The storages attached to any of `zones`.
    pub(crate) async fn attached_to(&self, zones: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        Ok(self.refs(zones).await?.into_iter().map(|at| at.backup_storage_uuid).collect())
    }

    async fn refs(&self, zones: &[Uuid]) -> Result<Vec<BackupStorageZoneRef>, DbError> {
        self.db.select().one_of(BackupStorageZoneRef::ZONE_UUID, zones).all().await
    }
}

fn gone(storage: Uuid) -> String {
    format!("backup storage {storage} was deleted in the meantime")
}

//! Which volume and which copy of an image is on which host.

use cumulo_contracts::{
    message::image::ImageLocation,
    resource::{ImageCache, ImageMediaType, LocalStorageResourceRef, ResourceState, Volume},
};
use cumulo_kernel::db::{Db, DbError};
use cumulo_proto::kvm::DownloadImageToCacheReply;
use cumulo_schema::{Resource, Timestamp, Uuid};

/// Numbers that every JSON reader keeps exactly.
const EXACT: i64 = (1 << 53) - 1;

/// Reads and writes the places of things on local storages.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn is_cached(&self, storage: Uuid, host: Uuid, image: Uuid) -> Result<bool, DbError> {
        let found = self.db.find(ImageCache::ID, &cache_id(storage, host, image)).await?;
        Ok(found.is_some())
    }

    /// Records a copy that is there. Recorded already is fine.
    pub(crate) async fn cached(
        &self,
        storage: Uuid,
        host: Uuid,
        image: &ImageLocation,
        path: &str,
        copy: &DownloadImageToCacheReply,
    ) -> Result<(), DbError> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&ImageCache {
            id: cache_id(storage, host, image.image),
            primary_storage_uuid: storage,
            image_uuid: image.image,
            install_url: install_url(path, host),
            media_type: ImageMediaType::RootVolumeTemplate.to_string(),
            size: i64::try_from(copy.actual_size).unwrap_or(i64::MAX),
            md5sum: "not calculated".to_owned(),
            state: ResourceState::Enabled.to_string().to_lowercase(),
            create_date: now,
            last_op_date: now,
        });
        match self.db.commit(batch).await {
            Ok(_) | Err(DbError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn forget_cached(&self, storage: Uuid, host: Uuid, image: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<ImageCache>().eq(ImageCache::ID, &cache_id(storage, host, image)).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Records on whose disk a volume is. Recorded already is fine.
    pub(crate) async fn placed(&self, storage: Uuid, host: Uuid, volume: Uuid, size: i64) -> Result<(), DbError> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&LocalStorageResourceRef {
            resource_uuid: volume,
            primary_storage_uuid: storage,
            host_uuid: host,
            size,
            resource_type: Volume::META.vo.to_owned(),
            create_date: now,
            last_op_date: now,
        });
        match self.db.commit(batch).await {
            Ok(_) | Err(DbError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn unplaced(&self, volume: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<LocalStorageResourceRef>().eq(LocalStorageResourceRef::RESOURCE_UUID, &volume).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Forgets everything on `host`.
    pub(crate) async fn forget_host(&self, host: Uuid) -> Result<(), DbError> {
        let copies = self.db.select::<ImageCache>().all().await?;
        let end = install_url("", host);
        let end = end.trim_start_matches("file://");
        let gone: Vec<i64> = copies.iter().filter(|copy| copy.install_url.ends_with(end)).map(|copy| copy.id).collect();
        let mut batch = self.db.batch();
        batch.delete::<ImageCache>().one_of(ImageCache::ID, &gone).any();
        batch.delete::<LocalStorageResourceRef>().eq(LocalStorageResourceRef::HOST_UUID, &host).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Those of `storages` that have copies of images.
    pub(crate) async fn with_copies(&self, storages: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let copies = self.db.select::<ImageCache>().one_of(ImageCache::PRIMARY_STORAGE_UUID, storages).all().await?;
        Ok(unique(copies.into_iter().map(|copy| copy.primary_storage_uuid)))
    }

    pub(crate) async fn forget_copies(&self, storages: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<ImageCache>().one_of(ImageCache::PRIMARY_STORAGE_UUID, storages).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Those of `storages` that volumes are on.
    pub(crate) async fn with_volumes(&self, storages: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let placed = self.db.select().one_of(LocalStorageResourceRef::PRIMARY_STORAGE_UUID, storages).all().await?;
        Ok(unique(placed.into_iter().map(|placed| placed.primary_storage_uuid)))
    }

    pub(crate) async fn forget_volumes(&self, storages: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let delete = batch.delete::<LocalStorageResourceRef>();
        delete.one_of(LocalStorageResourceRef::PRIMARY_STORAGE_UUID, storages).any();
        self.db.commit(batch).await.map(drop)
    }
}

/// The number of a copy follows from what it is, so that recording it twice is recording it once.
fn cache_id(storage: Uuid, host: Uuid, image: Uuid) -> i64 {
    let derived = storage.derive(&format!("image-cache/{host}/{image}"));
    let bytes: [u8; 8] = std::array::from_fn(|at| derived.as_bytes()[at]);
    i64::from_be_bytes(bytes) & EXACT
}

/// ZStack's way of writing where a copy is, which names the host.
fn install_url(path: &str, host: Uuid) -> String {
    format!("file://{path};hostUuid://{host}")
}

fn unique(uuids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let set: std::collections::BTreeSet<Uuid> = uuids.collect();
    set.into_iter().collect()
}

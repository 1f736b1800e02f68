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
            host_uuid: Some(host),
            media_type: match image.is_iso() {
                true => ImageMediaType::Iso.to_string(),
                false => ImageMediaType::RootVolumeTemplate.to_string(),
            },
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

//! The image cache of a host: one copy of an image, however many volumes start from it.
//!
//! Whoever needs a copy first fetches it; those who come meanwhile wait in the same lane and find it there. The copy's
//! space is held before the fetch and given back when that fails. A copy outlives the volume it was fetched for, also when
//! making that volume failed: it is a cache.

use cumulo_contracts::{
    ext::storage::{BackupStorageDriver, FetchFrom, SftpFile},
    message::{
        image::ImageLocation,
        storage::{HoldCacheSpace, ReleaseCacheSpace},
    },
    resource::{BackupStorage, PrimaryStorage},
};
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Uuid};

use crate::LocalStorage;

impl LocalStorage {
    /// The path of `image`'s copy on `host`, which is there when this returns. `task` is a namespace.
    pub(crate) async fn ensure_cached(
        &self,
        storage: &PrimaryStorage,
        host: Uuid,
        image: &ImageLocation,
        task: Uuid,
    ) -> Result<String, ErrorCode> {
        let path = cache_path(storage, image);
        if self.store.is_cached(storage.uuid, host, image.image).await? {
            return Ok(path);
        }
        let lane = format!("image-cache:{}:{host}:{}", storage.uuid, image.image);
        self.kernel.queues().run(&lane, 1, self.fetch(storage, host, image, &path, task)).await?;
        Ok(path)
    }

    async fn fetch(
        &self,
        storage: &PrimaryStorage,
        host: Uuid,
        image: &ImageLocation,
        path: &str,
        task: Uuid,
    ) -> Result<(), ErrorCode> {
        // Whoever had the turn before may have fetched it.
        if self.store.is_cached(storage.uuid, host, image.image).await? {
            return Ok(());
        }
        let bus = self.kernel.bus();
        let (primary_storage, copy) = (storage.uuid, image.image);
        bus.call(HoldCacheSpace { primary_storage, host, image: copy, size: image.actual_size }).await?;
        match self.download(host, image, path, task).await {
            Ok(fetched) => Ok(self.store.cached(primary_storage, host, image, path, &fetched).await?),
            Err(error) => {
                bus.call(ReleaseCacheSpace { primary_storage, host, image: copy }).await?;
                Err(error)
            }
        }
    }

    pub(crate) async fn download(
        &self,
        host: Uuid,
        image: &ImageLocation,
        path: &str,
        task: Uuid,
    ) -> Result<kvm::DownloadImageToCacheReply, ErrorCode> {
        let command = kvm::DownloadImageToCache {
            header: None,
            image_uuid: image.image.to_string(),
            source: Some(self.source(image).await?),
            cache_path: path.to_owned(),
            // What is recorded is the space on disk, which is less than the length where the file has holes.
            expected_size: 0,
            expected_sha256: image.sha256.clone().unwrap_or_default(),
        };
        self.gateway.call(host, task.derive("cache-image"), command).await
    }

    /// Where and how the host fetches the image.
    async fn source(&self, image: &ImageLocation) -> Result<kvm::SftpFile, ErrorCode> {
        let storage = self.kernel.db().find(BackupStorage::UUID, &image.backup_storage).await?;
        let storage = storage.ok_or_else(|| ErrorCode::not_found("BackupStorage", image.backup_storage))?;
        let registry = self.kernel.registry();
        let driver = registry.driver::<dyn BackupStorageDriver>("backup storage", &image.backup_storage_type)?;
        let FetchFrom::Sftp(file) = driver.fetch_from(&storage, &image.install_path).await?;
        self.remote(file)
    }

    /// A file of a backup storage, with what the agent needs to reach it.
    pub(crate) fn remote(&self, file: SftpFile) -> Result<kvm::SftpFile, ErrorCode> {
        Ok(kvm::SftpFile {
            host: file.hostname,
            port: u32::try_from(file.port).unwrap_or(0),
            username: file.username,
            password: self.kernel.vault().unseal(&file.sealed_password)?,
            private_key: String::new(),
            host_key_fingerprint: file.host_key.unwrap_or_default(),
            path: file.path,
        })
    }
}

pub(crate) fn cache_path(storage: &PrimaryStorage, image: &ImageLocation) -> String {
    let uuid = image.image;
    let folder = if image.is_iso() { "iso" } else { "template" };
    format!("{}/imagecache/{folder}/{uuid}/{uuid}.{}", storage.url, image.format)
}

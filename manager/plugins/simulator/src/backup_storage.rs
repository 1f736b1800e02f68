//! `SimulatorBackupStorage`: whatever URL an image is said to come from, it is there at once and of a usual size.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{BackupStorageDriver, Capacity, FetchFrom, Stored, StoredImage},
    resource::{BackupStorage, Image},
};
use cumulo_schema::{ErrorCode, Uuid, codes};

use crate::{Simulator, store::NewFile};

/// The disk in a pretended image, in bytes.
const IMAGE_SIZE: i64 = 1 << 30;
/// The file of a pretended image, in bytes. An ISO is as large as its file.
const FILE_SIZE: i64 = 64 << 20;

#[async_trait]
impl BackupStorageDriver for Simulator {
    async fn connect(&self, storage: &BackupStorage, _deploy: bool) -> Result<Capacity, ErrorCode> {
        Ok(self.store.space(storage.uuid, storage.total_capacity, storage.available_capacity).await?)
    }

    async fn ping(&self, _storage: &BackupStorage) -> Result<(), ErrorCode> {
        Ok(())
    }

    fn image_path(&self, storage: &BackupStorage, account: Uuid, image: Uuid, format: &str) -> String {
        format!("{}/acct-{account}/{image}/{image}.{format}", storage.url)
    }

    /// A storage that was added without a size takes everything.
    async fn download(
        &self,
        storage: &BackupStorage,
        image: &Image,
        install_path: &str,
        _task: Uuid,
    ) -> Result<StoredImage, ErrorCode> {
        let space = self.connect(storage, false).await?;
        let is_there = self.store.file(storage.uuid, image.uuid).await?.is_some();
        if !is_there && space.total > 0 && space.available < FILE_SIZE {
            let free = space.available;
            let text =
                format!("simulated storage has {free} bytes free, and an image takes {FILE_SIZE}; add a larger one");
            return Err(ErrorCode::operation(text));
        }
        let size = if image.format == "iso" { FILE_SIZE } else { IMAGE_SIZE };
        let stored = Stored { size, actual_size: FILE_SIZE, format: image.format.clone() };
        let (resource, path) = (image.uuid, install_path.to_owned());
        let stored = self.store.add_file(NewFile { resource, storage: storage.uuid, path, stored }).await?;
        let (md5, sha256) = sums(image);
        Ok(StoredImage { stored, md5, sha256 })
    }

    async fn delete(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        _install_path: &str,
        _task: Uuid,
    ) -> Result<(), ErrorCode> {
        Ok(self.store.remove_file(storage.uuid, image).await?)
    }

    async fn fetch_from(&self, storage: &BackupStorage, _install_path: &str) -> Result<FetchFrom, ErrorCode> {
        let text = format!(
            "the image is on simulated backup storage {}[uuid:{}] only, from which real hosts can fetch nothing; add it to \
             another one",
            storage.name, storage.uuid
        );
        Err(ErrorCode::new(codes::NO_CAPABILITY, text))
    }

    async fn disconnect(&self, storage: Uuid) -> Result<(), ErrorCode> {
        Ok(self.store.forget_storages(&[storage]).await?)
    }
}

/// Checksums of what does not exist: those that were expected, or else some that stay the same for one URL.
fn sums(image: &Image) -> (String, String) {
    let of = |name: &str| Uuid::ADMIN.derive(&format!("{name}:{}", image.url)).to_string();
    let md5 = image.md5_sum.clone().unwrap_or_else(|| of("md5"));
    let sha256 = image.sha256.clone().unwrap_or_else(|| of("sha256") + &of("more"));
    (md5, sha256)
}

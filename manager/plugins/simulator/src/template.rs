//! Images of simulated volumes: rows that become other rows.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{
        BackupStorageDriver, FlatVolume, ImageReceiver, Stored, StoredImage, Transport, UploadTo, Uploaded,
        VolumeExporter,
    },
    resource::{BackupStorage, PrimaryStorage},
};
use cumulo_schema::{ErrorCode, Uuid, codes};

use crate::{Simulator, store::NewFile};

#[async_trait]
impl VolumeExporter for Simulator {
    fn transports(&self) -> &'static [Transport] {
        &[Transport::Simulated]
    }

    /// As on a real storage, the file takes room beside the volume.
    async fn flatten(&self, storage: &PrimaryStorage, volume: &FlatVolume, _task: Uuid) -> Result<Stored, ErrorCode> {
        let from = self.store.file(storage.uuid, volume.place.volume).await?;
        let lost = || ErrorCode::operation(format!("volume {} has no file on simulated storage", volume.place.volume));
        let from = from.ok_or_else(lost)?;
        let path = format!("{}/flat/{image}/{image}.qcow2", storage.url, image = volume.image);
        let stored = Stored { size: from.size, actual_size: from.actual_size, format: "qcow2".to_owned() };
        Ok(self.store.add_file(NewFile { resource: volume.image, storage: storage.uuid, path, stored }).await?)
    }

    async fn upload(
        &self,
        _storage: &PrimaryStorage,
        volume: &FlatVolume,
        to: &UploadTo,
        _task: Uuid,
    ) -> Result<String, ErrorCode> {
        match to {
            UploadTo::Simulated => Ok(sum(volume.image, "sha256") + &sum(volume.image, "more")),
            UploadTo::Sftp(_) => {
                let text = "simulated storages have nothing to bring to a real one; take a simulated backup storage";
                Err(ErrorCode::new(codes::NO_CAPABILITY, text))
            }
        }
    }

    async fn drop_flat(&self, storage: &PrimaryStorage, volume: &FlatVolume, _task: Uuid) -> Result<(), ErrorCode> {
        Ok(self.store.remove_file(storage.uuid, volume.image).await?)
    }
}

#[async_trait]
impl ImageReceiver for Simulator {
    fn transport(&self) -> Transport {
        Transport::Simulated
    }

    async fn open(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        _install_path: &str,
        flat: &Stored,
        _task: Uuid,
    ) -> Result<UploadTo, ErrorCode> {
        let space = self.connect(storage, false).await?;
        // A storage that was added without a size takes everything.
        if space.total > 0 && space.available < flat.actual_size {
            let (size, free) = (flat.actual_size, space.available);
            let text =
                format!("simulated storage has {free} bytes free, and image {image} takes {size}; add a larger one");
            return Err(ErrorCode::operation(text));
        }
        Ok(UploadTo::Simulated)
    }

    async fn accept(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        uploaded: &Uploaded,
        _task: Uuid,
    ) -> Result<StoredImage, ErrorCode> {
        let (path, stored) = (install_path.to_owned(), uploaded.flat.clone());
        let stored = self.store.add_file(NewFile { resource: image, storage: storage.uuid, path, stored }).await?;
        Ok(StoredImage { stored, md5: sum(image, "md5"), sha256: uploaded.sha256.clone() })
    }
}

/// A checksum of what does not exist: the same for the same image.
fn sum(image: Uuid, name: &str) -> String {
    image.derive(name).to_string()
}

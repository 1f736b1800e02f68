//! Images of volumes: the host that has the volume makes one file of it and its image, and brings that to backup storages.
//!
//! The flat file lies beside the cache and not in it: what is cached is recorded and counted, and this goes again at once.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{FlatVolume, Stored, Transport, UploadTo, VolumeExporter},
    resource::PrimaryStorage,
};
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Uuid, codes};

use crate::{LocalStorage, driver::stored};

#[async_trait]
impl VolumeExporter for LocalStorage {
    fn transports(&self) -> &'static [Transport] {
        &[Transport::Sftp]
    }

    async fn flatten(&self, storage: &PrimaryStorage, volume: &FlatVolume, task: Uuid) -> Result<Stored, ErrorCode> {
        let host = volume.place.host;
        let command = kvm::FlattenVolume {
            header: None,
            volume_uuid: volume.place.volume.to_string(),
            vm_uuid: volume.vm.to_string(),
            path: volume.place.install_path.clone(),
            format: volume.format.clone(),
            to: flat_path(storage, volume),
        };
        let reply = self.gateway.call(host, task.derive("flatten-volume"), command).await?;
        stored(reply.image, host)
    }

    async fn upload(
        &self,
        storage: &PrimaryStorage,
        volume: &FlatVolume,
        to: &UploadTo,
        task: Uuid,
    ) -> Result<String, ErrorCode> {
        let UploadTo::Sftp(file) = to else {
            let text = "a host brings images over SFTP, and simulated storages have none; take another backup storage";
            return Err(ErrorCode::new(codes::NO_CAPABILITY, text));
        };
        let command = kvm::UploadImage {
            header: None,
            image_uuid: volume.image.to_string(),
            path: flat_path(storage, volume),
            to: Some(self.remote(file.clone())?),
        };
        Ok(self.gateway.call(volume.place.host, task.derive("upload-image"), command).await?.sha256)
    }

    async fn drop_flat(&self, storage: &PrimaryStorage, volume: &FlatVolume, task: Uuid) -> Result<(), ErrorCode> {
        let command = kvm::DeleteVolume {
            header: None,
            volume_uuid: volume.place.volume.to_string(),
            path: flat_path(storage, volume),
        };
        self.gateway.call(volume.place.host, task.derive("drop-flat-volume"), command).await.map(drop)
    }
}

fn flat_path(storage: &PrimaryStorage, volume: &FlatVolume) -> String {
    let image = volume.image;
    format!("{}/flat/{image}/{image}.qcow2", storage.url)
}

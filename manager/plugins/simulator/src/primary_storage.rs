//! `SimulatorPrimaryStorage`: space that hosts share, counted as on any storage, and files that are rows.
//!
//! There is no image cache: every volume is a copy of its image, and takes of the pretended disk what that takes.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{Capacity, PrimaryStorageDriver, Stored, VolumePlace},
    message::image::ImageLocation,
    resource::{Host, PrimaryStorage},
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{HYPERVISOR, Simulator, store::NewFile};

#[async_trait]
impl PrimaryStorageDriver for Simulator {
    async fn connect_host(&self, storage: &PrimaryStorage, host: Uuid) -> Result<Capacity, ErrorCode> {
        let row = self.kernel.db().find(Host::UUID, &host).await?;
        let row = row.ok_or_else(|| ErrorCode::not_found("Host", host))?;
        if row.hypervisor_type != HYPERVISOR {
            let text = format!(
                "a simulated primary storage is for hosts of type {HYPERVISOR}, not {}; attach it to a cluster of those",
                row.hypervisor_type
            );
            return Err(ErrorCode::operation(text));
        }
        self.space_of(storage).await
    }

    fn volume_path(&self, storage: &PrimaryStorage, account: Uuid, volume: Uuid) -> String {
        format!("{}/rootVolumes/acct-{account}/vol-{volume}/{volume}.qcow2", storage.url)
    }

    fn is_per_host(&self) -> bool {
        false
    }

    async fn create_from_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        size: Option<i64>,
        _task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        self.space_of(storage).await?;
        let file = NewFile {
            resource: place.volume,
            storage: storage.uuid,
            path: place.install_path.clone(),
            stored: Stored {
                size: size.unwrap_or(image.size),
                actual_size: image.actual_size,
                format: image.format.clone(),
            },
        };
        Ok(self.store.add_file(file).await?)
    }

    /// A pretended file has no content; as on a real storage, it must be there.
    async fn reset_to_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        size: i64,
        _task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        let file = self.store.file(storage.uuid, place.volume).await?;
        let lost = || ErrorCode::operation(format!("volume {} has no file on simulated storage", place.volume));
        let file = file.ok_or_else(lost)?;
        Ok(Stored { size, actual_size: file.actual_size, format: image.format.clone() })
    }

    async fn create_empty(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        size: i64,
        _task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        self.space_of(storage).await?;
        let file = NewFile {
            resource: place.volume,
            storage: storage.uuid,
            path: place.install_path.clone(),
            stored: Stored { size, actual_size: 0, format: "qcow2".to_owned() },
        };
        Ok(self.store.add_file(file).await?)
    }

    /// Nobody reads it, so it takes no room.
    async fn fetch_iso(
        &self,
        storage: &PrimaryStorage,
        _host: Uuid,
        image: &ImageLocation,
        _task: Uuid,
    ) -> Result<String, ErrorCode> {
        Ok(format!("{}/imagecache/iso/{uuid}/{uuid}.iso", storage.url, uuid = image.image))
    }

    async fn delete(&self, storage: &PrimaryStorage, place: &VolumePlace, _task: Uuid) -> Result<(), ErrorCode> {
        Ok(self.store.remove_file(storage.uuid, place.volume).await?)
    }
}

impl Simulator {
    async fn space_of(&self, storage: &PrimaryStorage) -> Result<Capacity, ErrorCode> {
        Ok(self.store.space(storage.uuid, storage.total_capacity, storage.available_physical_capacity).await?)
    }
}

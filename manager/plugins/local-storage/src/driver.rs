//! The driver: what the primary storage and volume services ask, in words of the KVM agent.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{Capacity, PrimaryStorageDriver, Stored, VolumePlace},
    message::image::ImageLocation,
    resource::PrimaryStorage,
};
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{LocalStorage, cache::cache_path};

/// What the agent says when the image's copy is not where it was.
const NO_SUCH_FILE: &str = "storage.no-such-file";

#[async_trait]
impl PrimaryStorageDriver for LocalStorage {
    async fn connect_host(&self, storage: &PrimaryStorage, host: Uuid) -> Result<Capacity, ErrorCode> {
        let command = kvm::InitLocalStorage { header: None, path: storage.url.clone() };
        // Sizes change, so each connection is a task of its own.
        let reply = self.gateway.call(host, Uuid::random(), command).await?;
        let none = || ErrorCode::operation(format!("the agent of host {host} told no size of {}", storage.url));
        let capacity = reply.capacity.ok_or_else(none)?;
        Ok(Capacity { total: bytes(capacity.total), available: bytes(capacity.available) })
    }

    fn volume_path(&self, storage: &PrimaryStorage, account: Uuid, volume: Uuid) -> String {
        format!("{}/rootVolumes/acct-{account}/vol-{volume}/{volume}.qcow2", storage.url)
    }

    fn is_per_host(&self) -> bool {
        true
    }

    async fn create_from_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        size: Option<i64>,
        task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        let made = self.on_image(storage, place, image, Overlay { size, anew: false }, task).await?;
        self.store.placed(storage.uuid, place.host, place.volume, made.size).await?;
        Ok(made)
    }

    async fn reset_to_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        size: i64,
        task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        self.on_image(storage, place, image, Overlay { size: Some(size), anew: true }, task).await
    }

    async fn create_empty(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        size: i64,
        task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        let command = kvm::CreateEmptyVolume {
            header: None,
            volume_uuid: place.volume.to_string(),
            path: place.install_path.clone(),
            virtual_size: u64::try_from(size).unwrap_or(0),
            format: String::new(),
        };
        let reply = self.gateway.call(place.host, task.derive("create-volume"), command).await?;
        let made = stored(reply.volume, place.host)?;
        self.store.placed(storage.uuid, place.host, place.volume, made.size).await?;
        Ok(made)
    }

    /// The agent is asked also about a copy that is recorded: no volume stands on it, so nobody would miss it before the
    /// VM starts.
    async fn fetch_iso(
        &self,
        storage: &PrimaryStorage,
        host: Uuid,
        image: &ImageLocation,
        task: Uuid,
    ) -> Result<String, ErrorCode> {
        if self.store.is_cached(storage.uuid, host, image.image).await? {
            let path = cache_path(storage, image);
            self.download(host, image, &path, task.derive("look")).await?;
            return Ok(path);
        }
        self.ensure_cached(storage, host, image, task).await
    }

    async fn delete(&self, _storage: &PrimaryStorage, place: &VolumePlace, task: Uuid) -> Result<(), ErrorCode> {
        let command =
            kvm::DeleteVolume { header: None, volume_uuid: place.volume.to_string(), path: place.install_path.clone() };
        self.gateway.call(place.host, task.derive("delete-volume"), command).await?;
        Ok(self.store.unplaced(place.volume).await?)
    }
}

/// A volume on top of an image.
#[derive(Debug, Clone, Copy)]
struct Overlay {
    /// Bytes; the image's where absent.
    size: Option<i64>,
    /// Whether one that is there already is made anew.
    anew: bool,
}

impl LocalStorage {
    /// Makes a volume on top of the copy of `image` on its host, fetching that where it is not.
    async fn on_image(
        &self,
        storage: &PrimaryStorage,
        place: &VolumePlace,
        image: &ImageLocation,
        how: Overlay,
        task: Uuid,
    ) -> Result<Stored, ErrorCode> {
        let backing = self.ensure_cached(storage, place.host, image, task).await?;
        match self.overlay(place, &backing, how, task.derive("create-volume")).await {
            // Somebody cleaned up on the host. The record was wrong; what it should say is made true.
            Err(error) if is_missing(&error) => {
                tracing::warn!(host = %place.host, image = %image.image, "a cached image is gone and fetched again");
                self.store.forget_cached(storage.uuid, place.host, image.image).await?;
                let task = task.derive("again");
                let backing = self.ensure_cached(storage, place.host, image, task).await?;
                self.overlay(place, &backing, how, task.derive("create-volume")).await
            }
            made => made,
        }
    }

    async fn overlay(&self, place: &VolumePlace, backing: &str, how: Overlay, task: Uuid) -> Result<Stored, ErrorCode> {
        let command = kvm::CreateRootVolume {
            header: None,
            volume_uuid: place.volume.to_string(),
            path: place.install_path.clone(),
            backing_path: backing.to_owned(),
            virtual_size: how.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            anew: how.anew,
        };
        let reply = self.gateway.call(place.host, task, command).await?;
        stored(reply.volume, place.host)
    }
}

pub(crate) fn stored(made: Option<kvm::VolumeFacts>, host: Uuid) -> Result<Stored, ErrorCode> {
    let none = || ErrorCode::operation(format!("the agent of host {host} told nothing of the volume"));
    let made = made.ok_or_else(none)?;
    Ok(Stored { size: bytes(made.size), actual_size: bytes(made.actual_size), format: made.format })
}

fn is_missing(error: &ErrorCode) -> bool {
    let code = error.opaque.as_ref().and_then(|facts| facts.get("agentCode"));
    code.is_some_and(|code| code == NO_SUCH_FILE)
}

fn bytes(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! `MakeFlatVolume`, `UploadFlatVolume` and `DropFlatVolume`: the file out of which an image is made of a volume.
//!
//! They say where it is themselves, so that the file can be removed also when the volume has been.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{FlatVolume, Stored, VolumeExporter},
    message::volume::{DropFlatVolume, MakeFlatVolume, RootVolume, UploadFlatVolume},
    resource::{Host, PrimaryStorage},
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Uuid};

use crate::Volumes;

#[async_trait]
impl Handle<MakeFlatVolume> for Volumes {
    async fn handle(&self, ask: MakeFlatVolume) -> Result<Stored, ErrorCode> {
        let (storage, exporter) = self.export_from(ask.from.storage).await?;
        exporter.flatten(&storage, &flat(ask.from, ask.image), ask.task).await
    }
}

#[async_trait]
impl Handle<UploadFlatVolume> for Volumes {
    async fn handle(&self, ask: UploadFlatVolume) -> Result<String, ErrorCode> {
        let (storage, exporter) = self.export_from(ask.from.storage).await?;
        exporter.upload(&storage, &flat(ask.from, ask.image), &ask.to, ask.task).await
    }
}

#[async_trait]
impl Handle<DropFlatVolume> for Volumes {
    async fn handle(&self, ask: DropFlatVolume) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let there = db.find(PrimaryStorage::UUID, &ask.from.storage).await?.is_some()
            && db.find(Host::UUID, &ask.from.place.host).await?.is_some();
        if !there {
            return Ok(());
        }
        let (storage, exporter) = self.export_from(ask.from.storage).await?;
        exporter.drop_flat(&storage, &flat(ask.from, ask.image), ask.task).await
    }
}

impl Volumes {
    async fn export_from(&self, storage: Uuid) -> Result<(PrimaryStorage, Arc<dyn VolumeExporter>), ErrorCode> {
        let (storage, _) = self.storage(storage).await?;
        let exporter = self.exporter(&storage)?;
        Ok((storage, exporter))
    }
}

fn flat(from: RootVolume, image: Uuid) -> FlatVolume {
    FlatVolume { place: from.place, vm: from.vm, format: from.format, image }
}

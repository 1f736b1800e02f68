//! Volumes: the disks of virtual machines.
//!
//! Who makes a VM asks for its root volume here; this service finds the image, has space held, has the storage's driver
//! make it, and records each as it goes. A volume is known by its id from before the first of these, and every one of
//! them is found again by that id, so that making can be repeated and [`ExpungeVolume`] takes back whatever there is of
//! it, however far making got.

mod cascade;
mod create_root;
mod expunge;
mod fetch_iso;
mod flat;
mod locate_root;
mod of_vm;
mod reset_root;
mod store;

use std::sync::Arc;

use cumulo_contracts::{
    api::volume::QueryVolume,
    ext::storage::{PrimaryStorageDriver, VolumeExporter},
    message::volume::{
        CreateRootVolume, DropFlatVolume, ExpungeVolume, ExpungeVolumes, FetchIso, LocateRootVolume, MakeFlatVolume,
        OutliveVm, ResetRootVolume, UploadFlatVolume, VolumesOfVm,
    },
    resource::{DiskOffering, PrimaryStorage, Volume},
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, ErrorCode, Resource, Uuid, codes};

use store::Store;

/// The volume service.
struct Volumes {
    kernel: Kernel,
    store: Store,
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let volumes = Arc::new(Volumes { store: Store::new(kernel.db().clone()), kernel });
    setup
        .migrations(&[
            Migration { name: "20261121_0200_volume", sql: include_str!("../migrations/20261121_0200_volume.sql") },
            Migration {
                name: "20261121_0201_volume_names",
                sql: include_str!("../migrations/20261121_0201_volume_names.sql"),
            },
        ])
        .quotas(store::QUOTAS)
        .query(QueryVolume::META)
        .message::<CreateRootVolume>(volumes.clone())
        .message::<ResetRootVolume>(volumes.clone())
        .message::<VolumesOfVm>(volumes.clone())
        .message::<FetchIso>(volumes.clone())
        .message::<LocateRootVolume>(volumes.clone())
        .message::<MakeFlatVolume>(volumes.clone())
        .message::<UploadFlatVolume>(volumes.clone())
        .message::<DropFlatVolume>(volumes.clone())
        .message::<ExpungeVolume>(volumes.clone())
        .message::<ExpungeVolumes>(volumes.clone())
        .message::<OutliveVm>(volumes.clone())
        .cascade(Volume::META, &[PrimaryStorage::META.vo, DiskOffering::META.vo, cascade::ACCOUNT], volumes);
}

impl Volumes {
    /// The storage called `uuid`, with its driver.
    async fn storage(&self, uuid: Uuid) -> Result<(PrimaryStorage, Arc<dyn PrimaryStorageDriver>), ErrorCode> {
        let storage = self.kernel.db().find(PrimaryStorage::UUID, &uuid).await?;
        let storage = storage.ok_or_else(|| ErrorCode::not_found("PrimaryStorage", uuid))?;
        let driver = self.kernel.registry().driver::<dyn PrimaryStorageDriver>("primary storage", &storage.r#type)?;
        Ok((storage, driver))
    }

    /// What makes images of volumes on `storage`.
    fn exporter(&self, storage: &PrimaryStorage) -> Result<Arc<dyn VolumeExporter>, ErrorCode> {
        let found =
            self.kernel.registry().driver::<dyn VolumeExporter>("images of volumes on storage", &storage.r#type);
        found.map_err(|cause| {
            let (name, uuid, kind) = (&storage.name, storage.uuid, &storage.r#type);
            let text = format!("no image can be made of volumes on primary storage {name}[uuid:{uuid}] of type {kind}");
            ErrorCode::new(codes::NO_CAPABILITY, text).because(cause)
        })
    }

    /// What happens to one volume happens in order, also when a call is repeated while its first run still works.
    fn lane(volume: Uuid) -> String {
        format!("volume:{volume}")
    }
}

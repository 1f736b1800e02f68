//! `CreateRootVolumeTemplateFromRootVolume`: what is asked for is checked here; [`flow`] does it.
//!
//! Only of a VM that is stopped. Of one that runs, the image would lack what the guest has not yet written down, and pausing it
//! does not help that; ZStack pauses it nevertheless. Who wants an image of a running VM stops it for the while.

pub(crate) mod flow;
mod transfer;

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::CreateRootVolumeTemplateFromRootVolume,
    ext::storage::{ImageReceiver, Transport},
    message::volume::{LocateRootVolume, RootVolume},
    resource::{BackupStorage, Image, ResourceState, StorageStatus},
};
use cumulo_kernel::{
    Setup,
    api::{ApiCx, HandleApi},
};
use cumulo_schema::{ErrorCode, Inventory, Uuid, codes};

use crate::{
    Images,
    add::taken,
    boot_mode::BOOT_MODE,
    draft::{Draft, MarkReady, Record},
};
use flow::{NewTemplate, TemplateCopy};

/// What volumes become.
const FORMAT: &str = "qcow2";

#[async_trait]
impl HandleApi<CreateRootVolumeTemplateFromRootVolume> for Images {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: CreateRootVolumeTemplateFromRootVolume,
    ) -> Result<Inventory<Image>, ErrorCode> {
        let from = self.kernel.bus().call(LocateRootVolume { volume: api.root_volume_uuid }).await?;
        let vm = self.store.vm(from.vm).await?;
        let (image, account) = (cx.resource_uuid, cx.caller.account);
        let mut copies = Vec::new();
        for storage in self.targets(api.backup_storage_uuids.as_deref(), &from).await? {
            let path = self.driver(&storage.r#type)?.image_path(&storage, account, image, FORMAT);
            copies.push(TemplateCopy::new(storage.uuid, path));
        }
        if self.store.find(image).await?.is_some() {
            return Err(taken(image));
        }
        let mut tags = cx.tags.clone();
        // The guest was installed for it; another one would not boot.
        if !tags.system.iter().any(|tag| BOOT_MODE.tokens(tag).is_some())
            && let Some(mode) = BOOT_MODE.on(self.kernel.db(), vm.uuid).await?
        {
            tags.system.push(BOOT_MODE.instantiate(&[("bootMode", &mode["bootMode"])]));
        }
        let draft = Draft {
            image,
            account,
            since: cx.now().0,
            name: api.name,
            description: api.description,
            guest_os_type: api.guest_os_type.or(vm.guest_os_type),
            architecture: api.architecture.or(vm.architecture),
            platform: Some(api.platform.unwrap_or(vm.platform)),
            system: api.system,
            virtio: api.virtio,
            tags,
        };
        let context = NewTemplate { draft, from, flat: None, copies };
        cx.run_flow("create-template", context).await
    }
}

impl Images {
    /// What takes images that hosts bring to `storage`, if it does so by one of `transports`.
    pub(crate) fn receiver(
        &self,
        storage: &BackupStorage,
        transports: &[Transport],
    ) -> Result<Arc<dyn ImageReceiver>, ErrorCode> {
        let refused = |why: String| {
            let text = format!("backup storage {}[uuid:{}] {why}; take another", storage.name, storage.uuid);
            ErrorCode::new(codes::NO_CAPABILITY, text)
        };
        let found = self.kernel.registry().driver::<dyn ImageReceiver>("images of volumes", &storage.r#type);
        let kind = &storage.r#type;
        let receiver =
            found.map_err(|cause| refused(format!("of type {kind} takes no images of volumes")).because(cause))?;
        if transports.contains(&receiver.transport()) {
            return Ok(receiver);
        }
        let known: Vec<String> = transports.iter().map(Transport::to_string).collect();
        let (takes, known) = (receiver.transport(), known.join(", "));
        Err(refused(format!("takes images by {takes}, and the volume's primary storage gives them by {known}")))
    }

    /// The backup storages named, or else the emptiest that can take the image: each fit to do so now.
    async fn targets(&self, named: Option<&[Uuid]>, from: &RootVolume) -> Result<Vec<BackupStorage>, ErrorCode> {
        let near = self.store.storages_of_zone(from.zone).await?;
        let Some(named) = named else {
            let mut fit = Vec::new();
            for uuid in near {
                let storage = self.store.backup_storage(uuid).await?;
                let usable = storage.state == ResourceState::Enabled && storage.status == StorageStatus::Connected;
                if usable && self.receiver(&storage, &from.transports).is_ok() {
                    fit.push(storage);
                }
            }
            let none = || {
                let text =
                    "no enabled and connected backup storage of the zone takes images of this volume; attach one";
                ErrorCode::operation(format!("{text} to zone {}", from.zone))
            };
            return Ok(vec![fit.into_iter().max_by_key(|storage| storage.available_capacity).ok_or_else(none)?]);
        };
        let storages = self.storages(named).await?;
        for storage in &storages {
            if !near.contains(&storage.uuid) {
                let (name, uuid, zone) = (&storage.name, storage.uuid, from.zone);
                let text = format!("backup storage {name}[uuid:{uuid}] is not attached to zone {zone} of the volume");
                return Err(ErrorCode::operation(format!("{text}; attach it there or take another")));
            }
            self.receiver(storage, &from.transports)?;
        }
        Ok(storages)
    }
}

pub(crate) fn install(setup: &mut Setup, images: &Arc<Images>) {
    setup
        .api::<CreateRootVolumeTemplateFromRootVolume>(images.clone())
        .step(flow::Check(images.clone()))
        .step::<NewTemplate>(Record(images.clone()))
        .step(transfer::Flatten(images.clone()))
        .step(transfer::Open(images.clone()))
        .step(transfer::Upload(images.clone()))
        .step(transfer::Accept(images.clone()))
        .step::<NewTemplate>(MarkReady(images.clone()))
        .step(transfer::DropFlat(images.clone()))
        .gc_runner(transfer::RUNNER, Arc::new(transfer::DropFlat(images.clone())));
}

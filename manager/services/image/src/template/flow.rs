//! Making an image of a root volume: on every backup storage asked for, or on none.
//!
//! It is a flow of the VM, so that nobody starts the VM, or expunges it with its volume, while the volume is read.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{Stored, StoredImage, UploadTo},
    message::{
        backup_storage::RefreshBackupStorage,
        volume::{LocateRootVolume, RootVolume},
    },
    resource::{Image, ImageMediaType, ImageStatus, ResourceState, VmState, Volume},
};
use cumulo_kernel::{
    db::DbError,
    flow::{Flow, FlowReply, Step, StepCx},
    ownership::NewTags,
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes};
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::{
    Images,
    add::{TYPE, taken},
};

/// The flow's context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewTemplate {
    /// The image.
    pub image: Uuid,
    /// Who owns it.
    pub account: Uuid,
    /// When it is made, in epoch milliseconds: tells ours from one that was there before.
    pub since: i64,
    /// Its name.
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The operating system in it.
    pub guest_os_type: Option<String>,
    /// Processor architecture.
    pub architecture: Option<String>,
    /// The family of the operating system.
    pub platform: String,
    /// Whether it serves the system itself.
    pub system: bool,
    /// Whether the guest has virtio drivers.
    pub virtio: bool,
    /// Tags to create with it.
    pub tags: NewTags,
    /// The volume it is made of.
    pub from: RootVolume,
    /// What the volume is as one file, once that is there.
    pub flat: Option<Stored>,
    /// Where it is to be.
    pub copies: Vec<TemplateCopy>,
}

/// One copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TemplateCopy {
    /// The backup storage.
    pub storage: Uuid,
    /// Where on it.
    pub install_path: String,
    /// Where the host puts it, once there is room.
    pub to: Option<UploadTo>,
    /// SHA-256 of what the host sent, once it did.
    pub sha256: Option<String>,
    /// What it is, once it is accepted.
    pub stored: Option<StoredImage>,
}

impl TemplateCopy {
    pub(crate) fn new(storage: Uuid, install_path: String) -> Self {
        Self { storage, install_path, to: None, sha256: None, stored: None }
    }
}

impl Flow for NewTemplate {
    const NAME: &'static str = "create-template";

    fn resource(&self) -> Uuid {
        self.from.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("Image", self.image)
    }
}

impl NewTemplate {
    fn row(&self) -> Image {
        let since = Timestamp(self.since);
        Image {
            uuid: self.image,
            name: self.name.clone(),
            description: self.description.clone(),
            state: ResourceState::Enabled,
            status: ImageStatus::Creating,
            size: 0,
            actual_size: 0,
            md5_sum: None,
            url: format!("volume://{}", self.from.place.volume),
            media_type: ImageMediaType::RootVolumeTemplate,
            guest_os_type: self.guest_os_type.clone(),
            r#type: TYPE.to_owned(),
            platform: Some(self.platform.clone()),
            architecture: self.architecture.clone(),
            format: FORMAT.to_owned(),
            system: self.system,
            virtio: self.virtio,
            create_date: since,
            last_op_date: since,
            sha256: None,
        }
    }
}

/// Refuses what is no longer as it was when the call came, and a VM that writes into its volume.
pub(crate) struct Check(pub(crate) Arc<Images>);

impl Check {
    async fn judge(&self, cx: &NewTemplate) -> Result<RootVolume, ErrorCode> {
        let vm = self.0.store.vm(cx.from.vm).await?;
        if vm.state != VmState::Stopped {
            let (name, uuid, state) = (&vm.name, vm.uuid, vm.state);
            let text =
                format!("VM {name}[uuid:{uuid}] is {state}; an image is made of a VM that is Stopped, stop it first");
            return Err(ErrorCode::new(codes::VM_STATE, text));
        }
        let from = self.0.kernel.bus().call(LocateRootVolume { volume: cx.from.place.volume }).await?;
        match from.vm == cx.from.vm {
            true => Ok(from),
            false => Err(ErrorCode::operation(format!(
                "volume {} went to another VM in the meantime; ask again",
                from.place.volume
            ))),
        }
    }
}

#[async_trait]
impl Step<NewTemplate> for Check {
    fn name(&self) -> &'static str {
        "check-volume"
    }

    fn describe(&self) -> &'static str {
        "makes sure that the VM is stopped and its root volume can be read"
    }

    async fn foresee(&self, cx: &StepCx<NewTemplate>, planning: &Planning) -> Result<(), ErrorCode> {
        self.judge(cx).await?;
        planning.touch(Volume::META.vo, "read", [cx.from.place.volume]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        cx.from = self.judge(cx).await?;
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Records the image with its references, so that it can be asked about from now on.
pub(crate) struct Record(pub(crate) Arc<Images>);

impl Record {
    async fn is_ours(&self, cx: &NewTemplate) -> Result<bool, ErrorCode> {
        let there = self.0.store.find(cx.image).await?;
        Ok(there.is_some_and(|there| there.create_date == Timestamp(cx.since)))
    }
}

#[async_trait]
impl Step<NewTemplate> for Record {
    fn name(&self) -> &'static str {
        "record-image"
    }

    fn describe(&self) -> &'static str {
        "records the image and its copies"
    }

    async fn foresee(&self, cx: &StepCx<NewTemplate>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(Image::META.vo, effect::CREATED, [cx.image]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let copies = cx.copies.iter().map(|copy| (copy.storage, copy.install_path.as_str()));
        match self.0.store.insert(&cx.row(), copies, cx.account, &cx.tags).await {
            Err(DbError::Conflict { .. }) if self.is_ours(cx).await? => Ok(()),
            Err(DbError::Conflict { .. }) => Err(taken(cx.image)),
            inserted => Ok(inserted?),
        }
    }

    async fn undo(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        if self.is_ours(cx).await? {
            self.0.kernel.cascade().remove(Image::META, &[cx.image]).await?;
        }
        Ok(())
    }
}

/// Records what the image turned out to be.
pub(crate) struct MarkReady(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewTemplate> for MarkReady {
    fn name(&self) -> &'static str {
        "mark-ready"
    }

    fn describe(&self) -> &'static str {
        "records what came, and that it can be used"
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let stored = cx.copies.iter().find_map(|copy| copy.stored.as_ref());
        let stored = stored.ok_or_else(|| ErrorCode::internal("an image that is nowhere is not ready"))?;
        self.0.store.ready(cx.image, stored).await?;
        for copy in &cx.copies {
            self.0.kernel.bus().send(RefreshBackupStorage { backup_storage: copy.storage });
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        Ok(self.0.store.unready(cx.image, ImageStatus::Creating).await?)
    }
}

//! Making an image of a root volume: on every backup storage asked for, or on none.
//!
//! It is a flow of the VM, so that nobody starts the VM, or expunges it with its volume, while the volume is read.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{Stored, UploadTo},
    message::volume::{LocateRootVolume, RootVolume},
    resource::{Image, ImageMediaType, ImageStatus, VmState, Volume},
};
use cumulo_kernel::{
    flow::{Flow, FlowReply, Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid, codes};
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::{
    Images,
    draft::{Copy, Draft, Making},
};

/// The flow's context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewTemplate {
    /// What is to be recorded of it.
    #[serde(flatten)]
    pub draft: Draft,
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
    /// The copy.
    #[serde(flatten)]
    pub copy: Copy,
    /// Where the host puts it, once there is room.
    pub to: Option<UploadTo>,
    /// SHA-256 of what the host sent, once it did.
    pub sha256: Option<String>,
}

impl TemplateCopy {
    pub(crate) fn new(storage: Uuid, install_path: String) -> Self {
        Self { copy: Copy { storage, install_path, stored: None }, to: None, sha256: None }
    }
}

impl Flow for NewTemplate {
    const NAME: &'static str = "create-template";

    fn resource(&self) -> Uuid {
        self.from.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("Image", self.draft.image)
    }
}

impl Making for NewTemplate {
    const STATUS: ImageStatus = ImageStatus::Creating;

    fn draft(&self) -> &Draft {
        &self.draft
    }

    fn row(&self, _: &Images) -> Result<Image, ErrorCode> {
        let url = format!("volume://{}", self.from.place.volume);
        Ok(self.draft.row(Self::STATUS, url, ImageMediaType::RootVolumeTemplate, FORMAT))
    }

    fn copies(&self) -> Vec<&Copy> {
        self.copies.iter().map(|copy| &copy.copy).collect()
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

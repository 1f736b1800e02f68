//! The root volume of a VM becomes what its image says again.
//!
//! The storage does it at once or not at all, so there is nothing to be taken back: a call that fails has left the volume as
//! it was, or, where only the answer was lost, as it was to become. Flows of one VM run one after another, so nobody starts
//! it meanwhile.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::volume::ResetRootVolume,
    resource::{VmInstance, VmState, Volume},
};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply, Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use crate::{Vms, store};

/// The states in which nothing reads the volume.
const RESETTABLE: [VmState; 1] = [VmState::Stopped];

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReimageVm {
    /// The VM.
    pub vm: Uuid,
}

impl Flow for ReimageVm {
    const NAME: &'static str = "reimage-vm";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("VmInstance", self.vm)
    }
}

/// Resets the volume.
struct Reset(Arc<Vms>);

impl Reset {
    /// The VM's zone and root volume, if that can be reset.
    async fn judge(&self, vm: Uuid) -> Result<(Uuid, Uuid), ErrorCode> {
        let vm: VmInstance = store::find(self.0.kernel.db(), vm).await?;
        if !RESETTABLE.contains(&vm.state) {
            return Err(store::wrong_state(&vm, &RESETTABLE));
        }
        let none = || ErrorCode::operation(format!("VM {}[uuid:{}] has no root volume yet", vm.name, vm.uuid));
        vm.zone_uuid.zip(vm.root_volume_uuid).ok_or_else(none)
    }
}

#[async_trait]
impl Step<ReimageVm> for Reset {
    fn name(&self) -> &'static str {
        "reset-root-volume"
    }

    fn describe(&self) -> &'static str {
        "makes the root volume what the image says again"
    }

    async fn foresee(&self, cx: &StepCx<ReimageVm>, planning: &Planning) -> Result<(), ErrorCode> {
        let (_, volume) = self.judge(cx.vm).await?;
        planning.touch(Volume::META.vo, "as its image again; what is in it is lost", [volume]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<ReimageVm>) -> Result<(), ErrorCode> {
        let (zone, volume) = self.judge(cx.vm).await?;
        self.0.kernel.bus().call(ResetRootVolume { volume, zone, task: cx.task("reset") }).await
    }

    async fn undo(&self, _: &mut StepCx<ReimageVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup.step(Reset(vms.clone()));
}

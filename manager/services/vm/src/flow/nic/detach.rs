//! The steps by which a NIC goes.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{VmInstance, VmNic};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource};

use super::{ChangeNic, deeds, running_on};
use crate::{Vms, store};

/// Looks whether the NIC can go, and what it is to the VM.
pub(super) struct Check(pub(super) Arc<Vms>);

impl Check {
    async fn judge(&self, cx: &StepCx<ChangeNic>) -> Result<VmInstance, ErrorCode> {
        let vm = cx.look(&self.0).await?;
        // Another detachment of it may have been faster.
        store::nic(self.0.kernel.db(), cx.nic).await?;
        Ok(vm)
    }
}

#[async_trait]
impl Step<ChangeNic> for Check {
    fn name(&self) -> &'static str {
        "check-detach"
    }

    fn describe(&self) -> &'static str {
        "looks whether the NIC can go"
    }

    async fn foresee(&self, cx: &StepCx<ChangeNic>, _: &Planning) -> Result<(), ErrorCode> {
        self.judge(cx).await.map(drop)
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let vm = self.judge(cx).await?;
        cx.on = running_on(&vm);
        cx.is_default = vm.default_l3_network_uuid == Some(cx.l3);
        cx.claim = store::static_ips(self.0.kernel.db(), cx.vm, cx.l3).await?.pop();
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Whether the NIC is still there to be given back. Where the host was away the undo is owed, and tried long after the detachment
/// failed: the NIC, or the VM with it, may be gone by then.
async fn is_there(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<bool, ErrorCode> {
    Ok(store::find_nic(vms.kernel.db(), cx.nic).await?.is_some())
}

/// Takes it out of the guest, which has to let go of it.
pub(super) struct Unplug(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Unplug {
    fn name(&self) -> &'static str {
        "unplug-nic"
    }

    fn describe(&self) -> &'static str {
        "takes it out of the guest, where that runs"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::unplug(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        match is_there(&self.0, cx).await? {
            true => deeds::plug(&self.0, cx).await,
            false => Ok(()),
        }
    }
}

/// Takes the services of its network back.
pub(super) struct Unserve(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Unserve {
    fn name(&self) -> &'static str {
        "unserve-nic"
    }

    fn describe(&self) -> &'static str {
        "takes the services of its network back"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::unserve(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        match is_there(&self.0, cx).await? {
            true => deeds::serve(&self.0, cx).await,
            false => Ok(()),
        }
    }
}

/// Gives its address back and takes it off the record.
pub(super) struct Drop(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Drop {
    fn name(&self) -> &'static str {
        "drop-nic"
    }

    fn describe(&self) -> &'static str {
        "gives its address back and takes it off the record"
    }

    async fn foresee(&self, cx: &StepCx<ChangeNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.note_removal(self.0.kernel.cascade(), VmNic::META, &[cx.nic]).await
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::drop_it(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::make(&self.0, cx).await
    }
}

/// Tells the NICs that are left of the default route, which may be one of them now.
pub(super) struct ServeOthers(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for ServeOthers {
    fn name(&self) -> &'static str {
        "serve-others"
    }

    fn describe(&self) -> &'static str {
        "tells the NICs that are left of the default route"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        match cx.is_default {
            true => deeds::serve(&self.0, cx).await,
            false => Ok(()),
        }
    }

    // Served anew by the undo of the steps before.
    async fn undo(&self, _: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

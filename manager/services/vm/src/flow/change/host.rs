//! What is done on the host.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{Hypervisor, StopKind},
    message::{host::ReleaseHost, network::ServedNic, network::UnserveNics},
    resource::VmInstance,
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Uuid};

use super::{ChangeVm, OnHost};
use crate::{Vms, api::spec, store};

/// The driver and host of a VM that must be on one.
fn on(vms: &Vms, cx: &StepCx<ChangeVm>) -> Result<(Arc<dyn Hypervisor>, Uuid), ErrorCode> {
    let lost = || ErrorCode::operation(format!("VM {} is on no host", cx.vm));
    let OnHost { host, hypervisor } = cx.on.as_ref().ok_or_else(lost)?;
    Ok((vms.hypervisor(hypervisor)?, *host))
}

/// Whether the VM is as the change found it, or is still on its way. Where the host was away the undo is owed, and tried long
/// after the change failed: what was done to the VM since then counts more.
async fn is_to_be_undone(vms: &Vms, cx: &StepCx<ChangeVm>) -> Result<bool, ErrorCode> {
    let vm = vms.kernel.db().find(VmInstance::UUID, &cx.vm).await?;
    Ok(vm.is_some_and(|vm| vm.state == cx.change.through() || Some(vm.state) == cx.from))
}

/// Stops the guest.
pub(super) struct Stop(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Stop {
    fn name(&self) -> &'static str {
        "stop-on-host"
    }

    fn describe(&self) -> &'static str {
        "stops the guest on its host"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let (hypervisor, host) = on(&self.0, cx)?;
        hypervisor.stop(host, cx.task("stop"), cx.vm, cx.how).await
    }

    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Stops the guest and starts it.
pub(super) struct Reboot(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Reboot {
    fn name(&self) -> &'static str {
        "reboot-on-host"
    }

    fn describe(&self) -> &'static str {
        "stops the guest on its host and starts it again"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let (hypervisor, host) = on(&self.0, cx)?;
        let networks = spec::networks(&self.0, cx.vm, host, cx.task("networks")).await?;
        let spec = spec::of(&self.0, cx.vm, &networks).await?;
        hypervisor.reboot(host, cx.task("reboot"), &spec, cx.how).await
    }

    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Freezes the guest.
pub(super) struct Pause(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Pause {
    fn name(&self) -> &'static str {
        "pause-on-host"
    }

    fn describe(&self) -> &'static str {
        "freezes the guest on its host"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let (hypervisor, host) = on(&self.0, cx)?;
        hypervisor.pause(host, cx.task("pause"), cx.vm).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        if !is_to_be_undone(&self.0, cx).await? {
            return Ok(());
        }
        let (hypervisor, host) = on(&self.0, cx)?;
        hypervisor.resume(host, cx.task("resume"), cx.vm).await
    }
}

/// Unfreezes the guest.
pub(super) struct Resume(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Resume {
    fn name(&self) -> &'static str {
        "resume-on-host"
    }

    fn describe(&self) -> &'static str {
        "unfreezes the guest on its host"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let (hypervisor, host) = on(&self.0, cx)?;
        hypervisor.resume(host, cx.task("resume"), cx.vm).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        if !is_to_be_undone(&self.0, cx).await? {
            return Ok(());
        }
        let (hypervisor, host) = on(&self.0, cx)?;
        hypervisor.pause(host, cx.task("pause"), cx.vm).await
    }
}

/// Makes sure the domain is gone. A VM that never was on a host has none.
pub(super) struct Remove(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Remove {
    fn name(&self) -> &'static str {
        "remove-from-host"
    }

    fn describe(&self) -> &'static str {
        "makes sure the guest is gone from its host"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        if cx.on.is_none() {
            return Ok(());
        }
        let (hypervisor, host) = on(&self.0, cx)?;
        if matches!(cx.how, StopKind::Graceful { .. }) {
            hypervisor.stop(host, cx.task("stop"), cx.vm, cx.how).await?;
        }
        hypervisor.destroy(host, cx.task("destroy"), cx.vm).await
    }

    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Takes back what the VM has on its host beside the domain: network services and the capacity it held.
pub(super) struct LeaveHost(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for LeaveHost {
    fn name(&self) -> &'static str {
        "leave-host"
    }

    fn describe(&self) -> &'static str {
        "takes back network services and capacity on the host"
    }

    async fn foresee(&self, cx: &StepCx<ChangeVm>, planning: &Planning) -> Result<(), ErrorCode> {
        self.0.note_leaving(planning, &[cx.vm]).await
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        if let Some(on) = &cx.on {
            let vm = store::find(kernel.db(), cx.vm).await?;
            let nics = store::nics(kernel.db(), cx.vm).await?;
            let nics: Vec<ServedNic> =
                nics.iter().filter_map(|nic| store::served(nic, vm.default_l3_network_uuid)).collect();
            if !nics.is_empty() {
                let ask = UnserveNics { vm: cx.vm, host: on.host, nics, task: cx.task("services") };
                if let Err(error) = kernel.bus().call(ask).await {
                    // The guest is gone already. What stays is a lease of an address that is still the VM's, and the next
                    // whole configuration of that network on the host drops it.
                    tracing::warn!(vm = %cx.vm, host = %on.host, %error, "network services of a stopped VM stay on its host");
                }
            }
        }
        kernel.bus().call(ReleaseHost { vm: cx.vm }).await
    }

    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

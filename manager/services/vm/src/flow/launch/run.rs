//! The domain itself, and the VM's state at the end.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::Hypervisor,
    message::host::ReleaseHost,
    message::vm::{VmCreated, VmStateChanged},
    resource::VmState,
};
use cumulo_kernel::flow::{Step, StepCx};
use cumulo_schema::ErrorCode;

use super::LaunchVm;
use crate::{Vms, api::spec, store};

/// Starts the domain.
pub(super) struct StartOnHost(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for StartOnHost {
    fn name(&self) -> &'static str {
        "start-on-host"
    }

    // Its undo goes by the VM and its host.
    fn is_foretold(&self) -> bool {
        true
    }

    fn describe(&self) -> &'static str {
        "starts the guest on the host"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let choice = cx.chosen()?;
        let spec = spec::of(&self.0, cx.vm, &cx.networks).await?;
        let hypervisor = self.0.hypervisor(&choice.hypervisor_type)?;
        hypervisor.start(choice.host, cx.task("start"), &spec).await
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let Ok(choice) = cx.chosen() else { return Ok(()) };
        self.0.hypervisor(&choice.hypervisor_type)?.destroy(choice.host, cx.task("destroy"), cx.vm).await
    }
}

impl Vms {
    /// The driver that runs VMs of `kind`.
    pub(crate) fn hypervisor(&self, kind: &str) -> Result<Arc<dyn Hypervisor>, ErrorCode> {
        self.kernel.registry().driver::<dyn Hypervisor>("hypervisor", kind)
    }

    /// Tells everybody where a launch ended.
    fn launched(&self, cx: &LaunchVm, state: VmState) {
        let bus = self.kernel.bus();
        bus.publish(&VmStateChanged { vm: cx.vm, old: VmState::Starting, new: state });
        if cx.new.is_some() {
            bus.publish(&VmCreated { vm: cx.vm });
        }
    }
}

/// Records that it runs, and where.
pub(super) struct MarkRunning(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for MarkRunning {
    fn name(&self) -> &'static str {
        "mark-running"
    }

    fn describe(&self) -> &'static str {
        "records that it runs, and where"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        store::running(kernel.db(), cx.vm, cx.place()?, &cx.chosen()?.hypervisor_type).await?;
        self.0.launched(cx, VmState::Running);
        Ok(())
    }

    // The row goes, or goes back, with the steps before; only the host must not linger on it.
    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        match store::find(self.0.kernel.db(), cx.vm).await {
            Ok(_) => store::off_host(self.0.kernel.db(), cx.vm, VmState::Starting, None).await,
            Err(_) => Ok(()),
        }
    }
}

/// Records that everything is there and it does not run; gives the held capacity back.
pub(super) struct MarkStopped(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for MarkStopped {
    fn name(&self) -> &'static str {
        "mark-stopped"
    }

    fn describe(&self) -> &'static str {
        "records that it is ready to be started"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        store::placed(kernel.db(), cx.vm, cx.place()?, &cx.chosen()?.hypervisor_type).await?;
        kernel.bus().call(ReleaseHost { vm: cx.vm }).await?;
        self.0.launched(cx, VmState::Stopped);
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Records that it is only recorded.
pub(super) struct MarkCreated(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for MarkCreated {
    fn name(&self) -> &'static str {
        "mark-created"
    }

    fn describe(&self) -> &'static str {
        "records that it exists"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        store::set_state(self.0.kernel.db(), cx.vm, VmState::Created).await?;
        self.0.launched(cx, VmState::Created);
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

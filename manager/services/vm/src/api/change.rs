//! Stop, reboot, pause, resume, destroy, recover, expunge.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm::{
        DestroyVmInstance, ExpungeVmInstance, PauseVmInstance, RebootVmInstance, RecoverVmInstance, ResumeVmInstance,
        StopVmInstance,
    },
    ext::hypervisor::StopKind,
    message::vm::VmStateChanged,
    resource::{VmInstance, VmState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Inventory, Reply, Uuid};

use crate::{
    Vms,
    flow::change::{Change, ChangeVm},
    store,
};

impl Vms {
    /// A guest gets this long to shut down before the plug is pulled.
    pub(crate) fn graceful(&self) -> Result<StopKind, ErrorCode> {
        Ok(StopKind::Graceful { timeout_s: self.kernel.configs().get("vm", "gracefulStopTimeout")? })
    }

    async fn change<R: Reply>(&self, cx: &ApiCx, vm: Uuid, change: Change, how: StopKind) -> Result<R, ErrorCode> {
        cx.run_flow(change.chain(), ChangeVm { vm, change, how, from: None, on: None }).await
    }
}

#[async_trait]
impl HandleApi<StopVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: StopVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        let vm = store::find(self.kernel.db(), api.uuid).await?;
        if vm.state == VmState::Stopped {
            return cx.inventory(&api.uuid).await;
        }
        let how = if api.r#type == "cold" { StopKind::Hard } else { self.graceful()? };
        self.change(cx, api.uuid, Change::Stop, how).await
    }
}

#[async_trait]
impl HandleApi<RebootVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: RebootVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        self.change(cx, api.uuid, Change::Reboot, self.graceful()?).await
    }
}

#[async_trait]
impl HandleApi<PauseVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: PauseVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        self.change(cx, api.uuid, Change::Pause, StopKind::Hard).await
    }
}

#[async_trait]
impl HandleApi<ResumeVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: ResumeVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        self.change(cx, api.uuid, Change::Resume, StopKind::Hard).await
    }
}

#[async_trait]
impl HandleApi<DestroyVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: DestroyVmInstance) -> Result<Empty, ErrorCode> {
        let vm = store::find(self.kernel.db(), api.uuid).await?;
        if vm.state == VmState::Destroyed {
            return Ok(Empty {});
        }
        self.change(cx, api.uuid, Change::Destroy, StopKind::Hard).await
    }
}

#[async_trait]
impl HandleApi<RecoverVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: RecoverVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        let db = self.kernel.db();
        let vm = store::find(db, api.uuid).await?;
        store::enter(db, &vm, &[VmState::Destroyed], VmState::Stopped).await?;
        store::off_host(db, vm.uuid, VmState::Stopped, None).await?;
        self.kernel.bus().publish(&VmStateChanged { vm: vm.uuid, old: vm.state, new: VmState::Stopped });
        cx.inventory(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<ExpungeVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: ExpungeVmInstance) -> Result<Empty, ErrorCode> {
        self.change(cx, api.uuid, Change::Expunge, StopKind::Hard).await
    }
}

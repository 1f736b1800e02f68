//! Stopping many VMs, for a loss or because another service asks.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::StopKind,
    message::{host::ReleaseHost, vm::StopVms},
    resource::{Host, VmInstance, VmState},
};
use cumulo_kernel::{bus::Handle, plan::Planning};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use super::each;
use crate::{Vms, flow::change::Change, store};

#[async_trait]
impl Handle<StopVms> for Vms {
    async fn handle(&self, ask: StopVms) -> Result<(), ErrorCode> {
        let (up, how) = (store::up_among(self.kernel.db(), &ask.vms).await?, self.graceful()?);
        if let Some(planning) = Planning::current() {
            planning.step("stop-vms", ask.reason, Some(up.len()));
            let up: Vec<Uuid> = up.iter().map(|vm| vm.uuid).collect();
            planning.touch(VmInstance::META.vo, "stopped", &up);
            return self.note_leaving(&planning, &up).await;
        }
        if !up.is_empty() {
            tracing::info!(vms = up.len(), reason = ask.reason, "VMs are stopped");
        }
        let failures = each(up, |vm| async move { self.run_change(vm.uuid, Change::Stop, how).await }).await;
        failures.into_iter().next().map_or(Ok(()), Err)
    }
}

impl Vms {
    /// Refuses VMs that are up on hosts which cannot be asked to stop them.
    pub(super) async fn refuse_unreachable(&self, vms: &[Uuid]) -> Result<(), ErrorCode> {
        let up = store::up_among(self.kernel.db(), vms).await?;
        let hosts: BTreeSet<Uuid> = up.iter().filter_map(|vm| vm.host_uuid).collect();
        let hosts: Vec<Uuid> = hosts.into_iter().collect();
        let away = store::disconnected_among(self.kernel.db(), &hosts).await?;
        let on = |host: &Host| up.iter().filter(|vm| vm.host_uuid == Some(host.uuid)).count();
        match away.first() {
            None => Ok(()),
            Some(host) => Err(ErrorCode::operation(format!(
                "{} VMs are up on host '{}' ({}), which is {}: they cannot be stopped before it is back",
                on(host),
                host.name,
                host.uuid,
                host.status
            ))),
        }
    }

    /// Stops those of `vms` that are up, at once. Where that cannot be done `enforcing` takes them off their hosts on record:
    /// the host is given up.
    pub(super) async fn stop_set(&self, vms: &[Uuid], enforcing: bool) -> Result<(), ErrorCode> {
        let up = store::up_among(self.kernel.db(), vms).await?;
        let stop = |vm: VmInstance| async move {
            match self.run_change(vm.uuid, Change::Stop, StopKind::Hard).await {
                Err(error) if enforcing => self.give_up(&vm, VmState::Stopped, &error).await,
                outcome => outcome,
            }
        };
        let failures = each(up, stop).await;
        failures.into_iter().next().map_or(Ok(()), Err)
    }

    /// Records that `vm` is off its host, though nobody there said so.
    pub(super) async fn give_up(&self, vm: &VmInstance, state: VmState, why: &ErrorCode) -> Result<(), ErrorCode> {
        tracing::warn!(vm = %vm.uuid, host = ?vm.host_uuid, error = %why, "a VM is given up with its host");
        store::off_host(self.kernel.db(), vm.uuid, state, None).await?;
        self.kernel.bus().call(ReleaseHost { vm: vm.uuid }).await
    }

    /// Runs a change as a flow of its own.
    pub(crate) async fn run_change(&self, vm: Uuid, change: Change, how: StopKind) -> Result<(), ErrorCode> {
        let context = crate::ChangeVm { vm, change, how, from: None, on: None };
        self.kernel.flows().run(change.chain(), Uuid::random(), context).await.map(drop)
    }
}

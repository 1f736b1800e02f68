//! VMs that go: off their hosts first, then their volumes and addresses, then the record, which takes everything along that
//! is part of it.

use std::collections::BTreeSet;

use cumulo_contracts::{
    ext::hypervisor::StopKind,
    message::{network::ReleaseIps, volume::ExpungeVolumes},
    resource::{Host, L3Network, PrimaryStorage, VmInstance, VmState, Volume},
};
use cumulo_kernel::cascade::{Work, hanging_on};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use super::each;
use crate::{Vms, flow::change::Change, store};

impl Vms {
    pub(super) async fn expunge_set(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        let kernel = &self.kernel;
        self.destroy_set(work).await?;
        let volumes = hanging_on(kernel.db(), Volume::VM_INSTANCE_UUID, work.uuids).await?;
        let abandoned = work.doomed.of(PrimaryStorage::META.vo);
        match kernel.bus().call(ExpungeVolumes { volumes, abandoned, task: Uuid::random() }).await {
            Err(error) if !work.enforcing => return Err(error),
            Err(error) => tracing::warn!(%error, "volumes of deleted VMs stay on their hosts"),
            Ok(()) => {}
        }
        let l3s = work.doomed.of(L3Network::META.vo);
        // Networks that go take their addresses along.
        let nics = store::nics_of(kernel.db(), work.uuids, &l3s).await?;
        kernel.bus().call(ReleaseIps { nics }).await?;
        Ok(kernel.cascade().remove(VmInstance::META, work.uuids).await?)
    }

    /// Brings all of them to `Destroyed`. Where a host goes too, those that are down there are only a word on the record;
    /// the others are taken off their hosts, which keep the definition of a VM that is stopped.
    async fn destroy_set(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        let (db, enforcing) = (self.kernel.db(), work.enforcing);
        let vms = store::not_destroyed(db, work.uuids).await?;
        let hosts: BTreeSet<Uuid> = vms.iter().filter_map(|vm| vm.last_host_uuid).collect();
        let hosts = store::hosts_among(db, &hosts.into_iter().collect::<Vec<_>>()).await?;
        let forgotten = |vm: &VmInstance| match vm.last_host_uuid {
            Some(host) => work.doomed.has(Host::META.vo, host) || !hosts.contains(&host),
            None => true,
        };
        let (down, on_hosts): (Vec<_>, Vec<_>) =
            vms.into_iter().partition(|vm| store::DOWN.contains(&vm.state) && forgotten(vm));
        let down: Vec<Uuid> = down.iter().map(|vm| vm.uuid).collect();
        store::destroy_down(db, &down, self.expunge_time()?).await?;
        let destroy = |vm: VmInstance| async move {
            match self.run_change(vm.uuid, Change::Destroy, StopKind::Hard).await {
                Err(error) if enforcing => self.give_up(&vm, VmState::Destroyed, &error).await,
                outcome => outcome,
            }
        };
        let failures = each(on_hosts, destroy).await;
        failures.into_iter().next().map_or(Ok(()), Err)
    }
}

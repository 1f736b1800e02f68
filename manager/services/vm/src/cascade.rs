//! What VMs do when something they need goes: stopped when their host goes, destroyed with their storage or account,
//! stopped when a network goes.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::StopKind,
    message::network::ReleaseIp,
    resource::{VmInstance, VmNic, VmState, Volume},
};
use cumulo_kernel::cascade::CascadeAction;
use cumulo_schema::{ErrorCode, Resource, Uuid, system::AccountResourceRef};

use crate::{
    Vms,
    flow::change::{Change, ChangeVm},
    store,
};

pub(crate) const PARENTS: &[&str] = &["HostVO", "L3NetworkVO", "PrimaryStorageVO", "InstanceOfferingVO", "AccountVO"];

#[async_trait]
impl CascadeAction for Vms {
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        let db = self.kernel.db();
        let some: Vec<Option<Uuid>> = uuids.iter().copied().map(Some).collect();
        let vms = |rows: Vec<VmInstance>| rows.into_iter().map(|vm| vm.uuid).collect();
        Ok(match losing {
            "HostVO" => vms(db.select::<VmInstance>().one_of(VmInstance::HOST_UUID, &some).all().await?),
            "L3NetworkVO" => {
                let nics = db.select::<VmNic>().one_of(VmNic::L3_NETWORK_UUID, &some).all().await?;
                unique(nics.into_iter().filter_map(|nic| nic.vm_instance_uuid))
            }
            "PrimaryStorageVO" => {
                let volumes = db.select::<Volume>().one_of(Volume::PRIMARY_STORAGE_UUID, &some).all().await?;
                unique(volumes.into_iter().filter_map(|volume| volume.vm_instance_uuid))
            }
            "AccountVO" => {
                let owned =
                    db.select::<AccountResourceRef>().one_of(AccountResourceRef::ACCOUNT_UUID, uuids).all().await?;
                owned
                    .into_iter()
                    .filter(|row| row.resource_type == VmInstance::META.vo)
                    .map(|row| row.resource_uuid)
                    .collect()
            }
            // A VM keeps its size when its offering goes.
            _ => vec![],
        })
    }

    fn is_deleted_by(&self, losing: &str) -> bool {
        matches!(losing, "PrimaryStorageVO" | "AccountVO")
    }

    async fn act(&self, losing: &str, uuids: &[Uuid], _: bool) -> Result<(), ErrorCode> {
        for vm in uuids {
            match losing {
                "HostVO" | "L3NetworkVO" => self.stop_for_cascade(*vm).await?,
                _ => self.expunge_for_cascade(*vm).await?,
            }
        }
        Ok(())
    }
}

fn unique(uuids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let set: std::collections::BTreeSet<Uuid> = uuids.collect();
    set.into_iter().collect()
}

impl Vms {
    async fn stop_for_cascade(&self, vm: Uuid) -> Result<(), ErrorCode> {
        let row = store::find(self.kernel.db(), vm).await?;
        if matches!(row.state, VmState::Stopped | VmState::Destroyed | VmState::Created) {
            return Ok(());
        }
        self.run_change(vm, Change::Stop, StopKind::Hard).await
    }

    async fn expunge_for_cascade(&self, vm: Uuid) -> Result<(), ErrorCode> {
        let row = store::find(self.kernel.db(), vm).await?;
        if row.state != VmState::Destroyed {
            self.run_change(vm, Change::Destroy, StopKind::Hard).await?;
        }
        self.run_change(vm, Change::Expunge, StopKind::Hard).await
    }

    /// Runs a change as a flow of its own.
    pub(crate) async fn run_change(&self, vm: Uuid, change: Change, how: StopKind) -> Result<(), ErrorCode> {
        let context = ChangeVm { vm, change, how, from: None, on: None };
        self.kernel.flows().run(change.chain(), Uuid::random(), context).await.map(drop)
    }
}

/// The NICs of VMs, which go with their L3 network, after the VM was stopped.
pub(crate) struct Nics(pub(crate) std::sync::Arc<Vms>);

#[async_trait]
impl CascadeAction for Nics {
    async fn affected(&self, _: &str, l3s: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        let l3s: Vec<Option<Uuid>> = l3s.iter().copied().map(Some).collect();
        let nics = self.0.kernel.db().select::<VmNic>().one_of(VmNic::L3_NETWORK_UUID, &l3s).all().await?;
        Ok(nics.into_iter().map(|nic| nic.uuid).collect())
    }

    async fn act(&self, _: &str, nics: &[Uuid], _: bool) -> Result<(), ErrorCode> {
        for nic in nics {
            self.0.kernel.bus().call(ReleaseIp { nic: *nic }).await?;
            store::remove_nic(self.0.kernel.db(), *nic).await?;
        }
        Ok(())
    }
}

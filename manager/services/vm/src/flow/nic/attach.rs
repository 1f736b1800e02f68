//! The steps by which a NIC comes.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{L3Network, UsedIp, VmInstance, VmNic};
use cumulo_kernel::{
    db::Db,
    flow::{Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource};

use super::{ChangeNic, deeds, running_on};
use crate::{Vms, store};

/// Looks whether the VM can have the NIC, and chooses its place.
pub(super) struct Check(pub(super) Arc<Vms>);

impl Check {
    /// The VM and its NICs, if it can have one more on the network.
    async fn judge(&self, cx: &StepCx<ChangeNic>) -> Result<(VmInstance, Vec<VmNic>), ErrorCode> {
        let db = self.0.kernel.db();
        let vm = cx.look(&self.0).await?;
        let l3 = db.find(L3Network::UUID, &cx.l3).await?;
        let l3 = l3.ok_or_else(|| ErrorCode::not_found("L3Network", cx.l3))?;
        let nics = store::nics(db, vm.uuid).await?;
        refuse_unfit(db, &vm, &l3, &nics).await?;
        Ok((vm, nics))
    }
}

#[async_trait]
impl Step<ChangeNic> for Check {
    fn name(&self) -> &'static str {
        "check-attach"
    }

    fn describe(&self) -> &'static str {
        "looks whether the VM can have the NIC"
    }

    async fn foresee(&self, cx: &StepCx<ChangeNic>, _: &Planning) -> Result<(), ErrorCode> {
        self.judge(cx).await.map(drop)
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let (vm, nics) = self.judge(cx).await?;
        cx.on = running_on(&vm);
        cx.device_id = (0..).find(|place| nics.iter().all(|nic| nic.device_id != *place)).unwrap_or_default();
        cx.is_default = nics.iter().all(|nic| nic.l3_network_uuid != vm.default_l3_network_uuid);
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Refuses a NIC on `l3` to a VM that has `nics`.
///
/// # Errors
/// When it has one there, or could not run with it where it is.
pub(crate) async fn refuse_unfit(db: &Db, vm: &VmInstance, l3: &L3Network, nics: &[VmNic]) -> Result<(), ErrorCode> {
    refuse_second(vm, l3, nics)?;
    match vm.cluster_uuid {
        Some(cluster) if !store::l3_in_cluster(db, l3, cluster).await? => Err(ErrorCode::operation(format!(
            "L3 network {}[uuid:{}] is not in cluster {cluster} of VM {}[uuid:{}]; attach its L2 network {} there first",
            l3.name, l3.uuid, vm.name, vm.uuid, l3.l2_network_uuid
        ))),
        _ => Ok(()),
    }
}

fn refuse_second(vm: &VmInstance, l3: &L3Network, nics: &[VmNic]) -> Result<(), ErrorCode> {
    match nics.iter().find(|nic| nic.l3_network_uuid == Some(l3.uuid)) {
        None => Ok(()),
        Some(nic) => Err(ErrorCode::operation(format!(
            "VM {}[uuid:{}] is on L3 network {}[uuid:{}] already, with NIC {}",
            vm.name, vm.uuid, l3.name, l3.uuid, nic.uuid
        ))),
    }
}

/// Takes an address and records the NIC.
pub(super) struct Make(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Make {
    fn name(&self) -> &'static str {
        "make-nic"
    }

    fn describe(&self) -> &'static str {
        "takes an address and records the NIC"
    }

    async fn foresee(&self, cx: &StepCx<ChangeNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmNic::META.vo, effect::CREATED, [cx.nic]);
        planning.touch_some(UsedIp::META.vo, effect::CREATED, 1);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::make(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::drop_it(&self.0, cx).await
    }
}

/// Gives it the services of its network, before the guest asks for them.
pub(super) struct Serve(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Serve {
    fn name(&self) -> &'static str {
        "serve-nic"
    }

    fn describe(&self) -> &'static str {
        "gives it the services of its network"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::serve(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::unserve(&self.0, cx).await
    }
}

/// Plugs it in.
pub(super) struct Plug(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Plug {
    fn name(&self) -> &'static str {
        "plug-nic"
    }

    fn describe(&self) -> &'static str {
        "plugs it into the guest, where that runs"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::plug(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::unplug(&self.0, cx).await
    }
}

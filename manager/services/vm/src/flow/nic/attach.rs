//! The steps by which a NIC comes.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{L3Network, VmInstance, VmNic};
use cumulo_kernel::flow::{Step, StepCx};
use cumulo_schema::ErrorCode;

use super::{ChangeNic, deeds};
use crate::{Vms, store};

/// Looks whether the VM can have the NIC, and chooses its place.
pub(super) struct Check(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Check {
    fn name(&self) -> &'static str {
        "check-attach"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let vm = cx.look(&self.0).await?;
        let l3 = db.find(L3Network::UUID, &cx.l3).await?;
        let l3 = l3.ok_or_else(|| ErrorCode::not_found("L3Network", cx.l3))?;
        let nics = store::nics(db, vm.uuid).await?;
        refuse_second(&vm, &l3, &nics)?;
        if let Some(cluster) = vm.cluster_uuid
            && !store::l3_in_cluster(db, &l3, cluster).await?
        {
            return Err(ErrorCode::operation(format!(
                "L3 network {}[uuid:{}] is not in cluster {cluster} of VM {}[uuid:{}]; attach its L2 network {} there first",
                l3.name, l3.uuid, vm.name, vm.uuid, l3.l2_network_uuid
            )));
        }
        cx.device_id = (0..).find(|place| nics.iter().all(|nic| nic.device_id != *place)).unwrap_or_default();
        cx.is_default = nics.iter().all(|nic| nic.l3_network_uuid != vm.default_l3_network_uuid);
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        Ok(())
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

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::plug(&self.0, cx).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        deeds::unplug(&self.0, cx).await
    }
}

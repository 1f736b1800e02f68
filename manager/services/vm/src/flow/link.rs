//! A NIC of a VM is switched off, or on again: its cable is out, also in a guest that runs.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{NicState, VmNic};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply, Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use super::{
    change::OnHost,
    nic::{ChangeNic, running_on},
};
use crate::{Vms, store};

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeLink {
    /// The VM.
    pub vm: Uuid,
    /// Its NIC.
    pub nic: Uuid,
    /// Its hardware address.
    pub mac: String,
    /// What it is to be.
    pub state: NicState,
    /// What it was.
    pub before: Option<NicState>,
    /// Where the VM runs, if it does.
    pub on: Option<OnHost>,
}

impl Flow for ChangeLink {
    const NAME: &'static str = "change-link";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("VmInstance", self.vm)
    }
}

impl ChangeLink {
    async fn plug(&self, vms: &Vms, task: Uuid, state: NicState) -> Result<(), ErrorCode> {
        let Some(OnHost { host, hypervisor }) = &self.on else { return Ok(()) };
        vms.hypervisor(hypervisor)?.set_link(*host, task, self.vm, &self.mac, state == NicState::Enable).await
    }
}

/// Looks what the NIC is, and where its VM runs.
struct Check(Arc<Vms>);

impl Check {
    async fn judge(&self, cx: &StepCx<ChangeLink>) -> Result<(Option<OnHost>, NicState), ErrorCode> {
        let db = self.0.kernel.db();
        let (vm, nic) = (store::find(db, cx.vm).await?, store::nic(db, cx.nic).await?);
        ChangeNic::check_state(&vm)?;
        match nic.vm_instance_uuid == Some(vm.uuid) {
            true => Ok((running_on(&vm), nic.state)),
            false => Err(ErrorCode::operation(format!("NIC {} is not of VM {}[uuid:{}]", nic.uuid, vm.name, vm.uuid))),
        }
    }
}

#[async_trait]
impl Step<ChangeLink> for Check {
    fn name(&self) -> &'static str {
        "check-link"
    }

    fn describe(&self) -> &'static str {
        "looks whether the NIC can be switched"
    }

    async fn foresee(&self, cx: &StepCx<ChangeLink>, planning: &Planning) -> Result<(), ErrorCode> {
        let what = match cx.state {
            NicState::Enable => "switched on",
            NicState::Disable => "switched off",
        };
        planning.touch(VmNic::META.vo, what, [cx.nic]);
        self.judge(cx).await.map(drop)
    }

    async fn run(&self, cx: &mut StepCx<ChangeLink>) -> Result<(), ErrorCode> {
        let (on, before) = self.judge(cx).await?;
        (cx.on, cx.before) = (on, Some(before));
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeLink>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Records it.
struct Record(Arc<Vms>);

#[async_trait]
impl Step<ChangeLink> for Record {
    fn name(&self) -> &'static str {
        "record-link"
    }

    fn describe(&self) -> &'static str {
        "records what the NIC is to be"
    }

    async fn run(&self, cx: &mut StepCx<ChangeLink>) -> Result<(), ErrorCode> {
        store::set_nic_state(self.0.kernel.db(), cx.nic, cx.state).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeLink>) -> Result<(), ErrorCode> {
        match cx.before {
            Some(before) => store::set_nic_state(self.0.kernel.db(), cx.nic, before).await,
            None => Ok(()),
        }
    }
}

/// Tells the guest.
struct Set(Arc<Vms>);

#[async_trait]
impl Step<ChangeLink> for Set {
    fn name(&self) -> &'static str {
        "set-link"
    }

    fn describe(&self) -> &'static str {
        "pulls its cable or plugs it in, where the guest runs"
    }

    async fn run(&self, cx: &mut StepCx<ChangeLink>) -> Result<(), ErrorCode> {
        cx.plug(&self.0, cx.task("link"), cx.state).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeLink>) -> Result<(), ErrorCode> {
        match cx.before {
            Some(before) => cx.plug(&self.0, cx.task("unlink"), before).await,
            None => Ok(()),
        }
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup.step(Check(vms.clone())).step(Record(vms.clone())).step(Set(vms.clone()));
}

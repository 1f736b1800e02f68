//! A NIC comes to a VM that exists, made for it or made before; goes from it, or goes to another network.
//!
//! Either chain is the other one backwards: what one step does, the undo of its counterpart does too. So the deeds stand
//! once ([`deeds`]), and a detachment that fails half way puts the NIC back as it was, address and hardware address
//! included. Of a VM that does not run only rows change; its next start makes the rest.

mod adopt;
mod attach;
mod deeds;
mod detach;
mod relocate;

use std::sync::Arc;

pub(crate) use adopt::Loose;
pub(crate) use attach::refuse_unfit;
use cumulo_contracts::resource::{VmInstance, VmState};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply},
};
use cumulo_schema::{ErrorCode, Uuid};
pub(crate) use relocate::Destination;
use serde::{Deserialize, Serialize};

use super::change::OnHost;
use crate::{
    Vms,
    store::{self, Tag},
};

/// The states in which NICs come and go. A paused guest cannot let go of one.
const CHANGEABLE: [VmState; 3] = [VmState::Running, VmState::Stopped, VmState::Created];

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeNic {
    /// The VM.
    pub vm: Uuid,
    /// Who owns it, and the NIC.
    pub account: Uuid,
    /// The NIC.
    pub nic: Uuid,
    /// Its L3 network.
    pub l3: Uuid,
    /// Its place; chosen by the first step of an attachment.
    pub device_id: i32,
    /// Its hardware address; made up where absent.
    pub mac: Option<String>,
    /// Its model; virtio where absent.
    pub model: Option<String>,
    /// The address it wants, or has.
    pub ip: Option<String>,
    /// The tag with which the VM claims that address: comes and goes with the NIC.
    #[serde(default)]
    pub claim: Option<Tag>,
    /// Whether the VM's default route is to go over it, or went.
    pub is_default: bool,
    /// Where the VM runs, if it does.
    pub on: Option<OnHost>,
    /// Where the NIC goes, if it stays with its VM.
    #[serde(default)]
    pub to: Option<Destination>,
    /// What the NIC was that there was before the VM got it.
    #[serde(default)]
    pub loose: Option<Loose>,
}

impl Flow for ChangeNic {
    const NAME: &'static str = "change-nic";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        match &self.to {
            Some(_) => FlowReply::Inventory("VmNic", self.nic),
            None => FlowReply::Inventory("VmInstance", self.vm),
        }
    }
}

impl ChangeNic {
    /// A change of `nic`, which `account` owns, for `vm` on `l3`; what else there is to say of it is said beside.
    pub(crate) fn of(vm: Uuid, account: Uuid, nic: Uuid, l3: Uuid) -> Self {
        Self {
            vm,
            account,
            nic,
            l3,
            device_id: 0,
            mac: None,
            model: None,
            ip: None,
            claim: None,
            is_default: false,
            on: None,
            to: None,
            loose: None,
        }
    }

    /// Refuses a VM whose NICs cannot change now.
    pub(crate) fn check_state(vm: &VmInstance) -> Result<(), ErrorCode> {
        match CHANGEABLE.contains(&vm.state) {
            true => Ok(()),
            false => Err(store::wrong_state(vm, &CHANGEABLE)),
        }
    }

    /// Reads the VM; refuses when it is in the wrong state by now.
    async fn look(&self, vms: &Vms) -> Result<VmInstance, ErrorCode> {
        let vm = store::find(vms.kernel.db(), self.vm).await?;
        Self::check_state(&vm)?;
        Ok(vm)
    }
}

/// Where `vm` runs, if it does.
pub(crate) fn running_on(vm: &VmInstance) -> Option<OnHost> {
    OnHost::of(vm).filter(|_| vm.state == VmState::Running)
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .step(adopt::Check(vms.clone()))
        .step(adopt::Adopt(vms.clone()))
        .step(attach::Check(vms.clone()))
        .step(attach::Make(vms.clone()))
        .step(attach::Serve(vms.clone()))
        .step(attach::Plug(vms.clone()))
        .step(detach::Check(vms.clone()))
        .step(detach::Unplug(vms.clone()))
        .step(detach::Unserve(vms.clone()))
        .step(detach::Drop(vms.clone()))
        .step(detach::ServeOthers(vms.clone()))
        .step(relocate::Check(vms.clone()))
        .step(relocate::Hold(vms.clone()))
        .step(relocate::Record(vms.clone()))
        .step(relocate::Release(vms.clone()));
}

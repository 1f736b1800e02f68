//! Changing a VM that exists: stop, reboot, pause, resume, destroy, expunge.
//!
//! Each is a chain over one context: enter the state on the way, do it on the host, settle in the state it leads to. What is
//! done on the host cannot be taken back (a guest that was shut down is shut down), so the steps after it must not fail
//! the flow: what they cannot do becomes a debt of its own.

mod host;
mod settle;

use std::sync::Arc;

use cumulo_contracts::{
    ext::hypervisor::StopKind,
    resource::{VmInstance, VmState},
};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply},
};
use cumulo_schema::Uuid;
use serde::{Deserialize, Serialize};

use crate::Vms;

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// To stopped.
    Stop,
    /// To running again.
    Reboot,
    /// To paused.
    Pause,
    /// From paused to running.
    Resume,
    /// To destroyed: off its host, recoverable.
    Destroy,
    /// To nothing.
    Expunge,
}

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeVm {
    /// The VM.
    pub vm: Uuid,
    /// What is to happen.
    pub change: Change,
    /// How its guest is stopped, where it is.
    pub how: StopKind,
    /// The state it was in.
    pub from: Option<VmState>,
    /// Where it runs, as recorded when the change began.
    pub on: Option<OnHost>,
}

/// Where a VM runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OnHost {
    /// The host.
    pub host: Uuid,
    /// Its hypervisor.
    pub hypervisor: String,
}

impl Change {
    /// The chain that does it.
    pub(crate) fn chain(self) -> &'static str {
        match self {
            Change::Stop => "stop-vm",
            Change::Reboot => "reboot-vm",
            Change::Pause => "pause-vm",
            Change::Resume => "resume-vm",
            Change::Destroy => "destroy-vm",
            Change::Expunge => "expunge-vm",
        }
    }

    /// The states it may begin in.
    pub(crate) fn from(self) -> &'static [VmState] {
        use VmState::{Crashed, Created, Destroyed, Paused, Running, Stopped, Unknown};
        match self {
            Change::Stop => &[Running, Paused, Unknown, Crashed],
            Change::Reboot | Change::Pause => &[Running],
            Change::Resume => &[Paused],
            Change::Destroy => &[Created, Running, Paused, Stopped, Unknown, Crashed],
            Change::Expunge => &[Destroyed],
        }
    }

    /// What becomes of the VM, in a word for plans.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Change::Stop => "stopped",
            Change::Reboot => "rebooted",
            Change::Pause => "paused",
            Change::Resume => "resumed",
            Change::Destroy => "destroyed",
            Change::Expunge => "expunged",
        }
    }

    /// The state on the way.
    pub(crate) fn through(self) -> VmState {
        match self {
            Change::Stop => VmState::Stopping,
            Change::Reboot => VmState::Rebooting,
            Change::Pause => VmState::Pausing,
            Change::Resume => VmState::Resuming,
            Change::Destroy => VmState::Destroying,
            Change::Expunge => VmState::Expunging,
        }
    }
}

impl Flow for ChangeVm {
    const NAME: &'static str = "change-vm";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        match self.change {
            Change::Destroy | Change::Expunge => FlowReply::Empty,
            _ => FlowReply::Inventory("VmInstance", self.vm),
        }
    }
}

impl OnHost {
    /// Where `vm` runs, or ran last.
    pub(crate) fn of(vm: &VmInstance) -> Option<Self> {
        let host = vm.host_uuid.or(vm.last_host_uuid)?;
        Some(Self { host, hypervisor: vm.hypervisor_type.clone()? })
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .step(settle::Enter(vms.clone()))
        .step(host::Stop(vms.clone()))
        .step(host::Reboot(vms.clone()))
        .step(host::Pause(vms.clone()))
        .step(host::Resume(vms.clone()))
        .step(host::Remove(vms.clone()))
        .step(host::LeaveHost(vms.clone()))
        .step(settle::Settle(vms.clone()))
        .step(settle::ReleaseAll(vms.clone()))
        .step(settle::Forget(vms.clone()));
}

//! Launching: from nothing or from stopped to running, or as far as the chain goes.
//!
//! Chains: `create-vm` records the VM and launches it; `create-vm-stopped` makes everything but the domain;
//! `create-vm-record` only records it; `launch-vm` starts one that exists. The steps are the same.

mod discs;
mod network;
mod place;
mod record;
mod run;

use std::sync::Arc;

use cumulo_contracts::{
    ext::host::HostRequest,
    message::{host::HostChoice, network::NetworkOnHost},
    resource::VmState,
};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply},
    ownership::NewTags,
};
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

pub(crate) use record::STARTABLE;

use crate::{Vms, cdrom::NewDrive, store::Place};

/// The context: what was asked for, and what was chosen on the way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LaunchVm {
    /// The VM.
    pub vm: Uuid,
    /// Who owns it.
    pub account: Uuid,
    /// The state it comes from; `None` for a VM that this flow creates.
    pub from: Option<VmState>,
    /// What is recorded of a new VM.
    pub new: Option<NewVm>,
    /// What it needs of a host.
    pub request: HostRequest,
    /// NICs to be made with the VM.
    pub nics: Vec<NewNic>,
    /// Its root volume.
    pub root_volume: Uuid,
    /// Its name, for that of the volume.
    pub name: String,
    /// The size of the root volume, in bytes; the image's where absent.
    pub root_size: Option<i64>,
    /// What the guest is to be called.
    pub hostname: Option<String>,
    /// The L3 network of its default route.
    pub default_l3: Option<Uuid>,
    /// The host that was chosen.
    pub choice: Option<HostChoice>,
    /// The networks there.
    pub networks: Vec<NetworkOnHost>,
    /// The NICs of a VM that exists which had no address before, and have none again if it does not start.
    #[serde(default)]
    pub renewed: Vec<Uuid>,
}

/// What is recorded of a VM that is being created.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewVm {
    /// What people wrote about it.
    pub description: Option<String>,
    /// The instance offering it is made by.
    pub instance_offering: Option<Uuid>,
    /// Processors.
    pub cpu_num: i32,
    /// Their speed, in MHz; 0 for as it comes.
    pub cpu_speed: i64,
    /// Memory, in bytes.
    pub memory: i64,
    /// Memory that is never shared, in bytes.
    pub reserved_memory: i64,
    /// The family of the guest's system.
    pub platform: String,
    /// The guest's system.
    pub guest_os_type: Option<String>,
    /// Processor architecture.
    pub architecture: Option<String>,
    /// How its host is chosen.
    pub allocator_strategy: String,
    /// Its CD drives.
    #[serde(default)]
    pub drives: Vec<NewDrive>,
    /// The SSH keys of those who may log in.
    #[serde(default)]
    pub key_pairs: Vec<Uuid>,
    /// Its tags.
    pub tags: NewTags,
}

/// A NIC to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewNic {
    /// The NIC.
    pub nic: Uuid,
    /// Its L3 network.
    pub l3: Uuid,
    /// Its place.
    pub device_id: i32,
    /// The address it wants.
    pub wanted_ip: Option<String>,
}

impl Flow for LaunchVm {
    const NAME: &'static str = "launch-vm";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("VmInstance", self.vm)
    }
}

impl LaunchVm {
    fn chosen(&self) -> Result<&HostChoice, ErrorCode> {
        self.choice.as_ref().ok_or_else(|| ErrorCode::internal("no host was chosen before this step"))
    }

    fn place(&self) -> Result<Place, ErrorCode> {
        let choice = self.chosen()?;
        Ok(Place { zone: choice.zone, cluster: choice.cluster, host: choice.host })
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .step(record::RecordVm(vms.clone()))
        .step(record::EnterStarting(vms.clone()))
        .step(place::AllocateHost(vms.clone()))
        .step(place::CreateRootVolume(vms.clone()))
        .step(network::AllocateNics(vms.clone()))
        .step(network::RenewAddresses(vms.clone()))
        .step(network::PrepareNetworks(vms.clone()))
        .step(network::ServeNics(vms.clone()))
        .step(discs::FetchIsos(vms.clone()))
        .step(run::StartOnHost(vms.clone()))
        .step(run::MarkRunning(vms.clone()))
        .step(run::MarkStopped(vms.clone()))
        .step(run::MarkCreated(vms.clone()));
}

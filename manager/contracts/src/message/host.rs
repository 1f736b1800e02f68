//! Asked of the host service.

use cumulo_schema::{Event, StateChange, Uuid, message};
use serde::{Deserialize, Serialize};

use crate::{
    ext::{host::HostRequest, hypervisor::OsUpdate},
    resource::HostStatus,
};

/// Choose a host for a VM and hold its processors and memory there. Asking again for the same VM answers the same host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllocateHost {
    /// The VM.
    pub vm: Uuid,
    /// What it needs.
    pub request: HostRequest,
}
message!(AllocateHost => HostChoice, service = "host", key = vm);

/// The host that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostChoice {
    /// The host.
    pub host: Uuid,
    /// Its cluster.
    pub cluster: Uuid,
    /// Its zone.
    pub zone: Uuid,
    /// What runs VMs there: the name of the [`crate::ext::hypervisor::Hypervisor`] driver.
    pub hypervisor_type: String,
}

/// What each host says to a VM, best first; those that refuse it last. Holds nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExplainHosts {
    /// What the VM needs.
    pub request: HostRequest,
}
message!(ExplainHosts => Vec<HostVerdict>, service = "host");

/// What one host says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostVerdict {
    /// The host.
    pub host_uuid: Uuid,
    /// Its name.
    pub name: String,
    /// The filter that refuses the VM; absent where it would be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// Why, and by how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Processors that are missing.
    pub lacking_cpu: i64,
    /// Memory that is missing, in bytes.
    pub lacking_memory: i64,
}

/// Give back what a VM holds on its host. Nothing held is fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseHost {
    /// The VM.
    pub vm: Uuid,
}
message!(ReleaseHost => (), service = "host", key = vm);

/// Connect to a host again: deploy its agent where it is missing or old, learn its facts. Repeatable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectHost {
    /// The host.
    pub host: Uuid,
    /// Bring the agent up to date first.
    pub deploy: bool,
}
message!(ConnectHost => (), service = "host", key = host);

/// Bring the packages of a host up to date; it takes no VMs meanwhile. Asking again with the same `flow` answers how that
/// one goes or went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateHostOs {
    /// The host.
    pub host: Uuid,
    /// The id of the flow that does it.
    pub flow: Uuid,
    /// What is brought up to date.
    pub update: OsUpdate,
    /// Also where VMs run.
    pub force: bool,
}
message!(UpdateHostOs => (), service = "host", key = host);

/// A host was connected, or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatusChanged {
    /// The host.
    #[serde(rename = "hostUuid")]
    pub host: Uuid,
    /// What it was.
    #[serde(rename = "oldStatus")]
    pub old: HostStatus,
    /// What it is now.
    #[serde(rename = "newStatus")]
    pub new: HostStatus,
}
impl Event for HostStatusChanged {
    const NAME: &'static str = "HostStatusChanged";
    const PATH: Option<&'static str> = Some("/host/status/change");

    fn change(&self) -> Option<StateChange> {
        Some(StateChange { resource: self.host, old: self.old.to_string(), new: self.new.to_string() })
    }
}

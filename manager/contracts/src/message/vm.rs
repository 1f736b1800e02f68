//! Asked of the VM service, and told by it.

use cumulo_schema::{Event, StateChange, Uuid, message};
use serde::{Deserialize, Serialize};

use crate::resource::VmState;

/// Stop VMs, because what they run on is about to be taken from them. Guests are asked to shut down first, and made to
/// when they do not in time. Those that are down, or gone, are fine. Answers the first failure, after all were tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopVms {
    /// The VMs.
    pub vms: Vec<Uuid>,
    /// Why, for the log and for plans: "host h1 goes into maintenance".
    pub reason: String,
}
message!(StopVms => (), service = "vm");

/// A VM's state changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmStateChanged {
    /// The VM.
    #[serde(rename = "vmUuid")]
    pub vm: Uuid,
    /// What it was.
    #[serde(rename = "oldState")]
    pub old: VmState,
    /// What it is now.
    #[serde(rename = "newState")]
    pub new: VmState,
}
impl Event for VmStateChanged {
    const NAME: &'static str = "VmStateChanged";
    const PATH: Option<&'static str> = Some("/vm/state/change");

    fn change(&self) -> Option<StateChange> {
        Some(StateChange { resource: self.vm, old: self.old.to_string(), new: self.new.to_string() })
    }
}

/// A VM was made, whether it runs or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmCreated {
    /// The VM.
    #[serde(rename = "vmUuid")]
    pub vm: Uuid,
}
impl Event for VmCreated {
    const NAME: &'static str = "VmCreated";
    const PATH: Option<&'static str> = Some("/vm/create");
}

/// A VM was destroyed; it can be recovered until it is expunged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmDestroyed {
    /// The VM.
    #[serde(rename = "vmUuid")]
    pub vm: Uuid,
}
impl Event for VmDestroyed {
    const NAME: &'static str = "VmDestroyed";
    const PATH: Option<&'static str> = Some("/vm/destroy");
}

/// A VM is gone for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmExpunged {
    /// The VM.
    #[serde(rename = "vmUuid")]
    pub vm: Uuid,
}
impl Event for VmExpunged {
    const NAME: &'static str = "VmExpunged";
    const PATH: Option<&'static str> = Some("/vm/expunge");
}

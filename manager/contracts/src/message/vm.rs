//! Asked of the VM service, and told by it.

use cumulo_schema::{Event, Uuid, message};
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
    pub vm: Uuid,
    /// What it is now.
    pub state: VmState,
}
impl Event for VmStateChanged {
    const NAME: &'static str = "VmStateChanged";
}

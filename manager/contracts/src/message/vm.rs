//! Told by the VM service.

use cumulo_schema::{Event, Uuid};
use serde::{Deserialize, Serialize};

use crate::resource::VmState;

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

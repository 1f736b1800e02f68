//! The flows of VMs.

pub(crate) mod change;
pub(crate) mod launch;
pub(crate) mod nic;

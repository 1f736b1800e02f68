//! The flows of VMs.

pub(crate) mod address;
pub(crate) mod change;
pub(crate) mod disc;
pub(crate) mod launch;
pub(crate) mod link;
pub(crate) mod loose;
pub(crate) mod nic;
pub(crate) mod reimage;
pub(crate) mod rename;
mod serving;

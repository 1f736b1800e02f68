//! The metadata service: what a VM learns about itself at `http://169.254.169.254`.

mod answer;
#[cfg(feature = "sim")]
mod fake;
mod real;

use async_trait::async_trait;

#[cfg(feature = "sim")]
pub use fake::FakeUserdata;
pub use real::MetadataServers;

use crate::{HostError, ObjectId, dhcp::L3State};

/// The door to metadata services.
#[async_trait]
pub trait Userdata: Send + Sync {
    /// Serves what `state` says to the VMs of its network, whose DHCP is set up already.
    async fn apply(&self, state: &L3State) -> Result<(), HostError>;
    /// Makes sure nothing is served on the network.
    async fn remove(&self, l3: &ObjectId) -> Result<(), HostError>;
}

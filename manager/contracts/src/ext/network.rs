//! Networks on hosts.

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{
    message::network::ServedNic,
    resource::{L2Network, L3Network},
};

/// Makes L2 networks on hosts. The driver's name is the L2 type: `L2NoVlanNetwork`.
#[async_trait]
pub trait L2Driver: Send + Sync {
    /// The name of the network's bridge, the same on every host.
    fn bridge(&self, l2: &L2Network) -> String;
    /// The port of that bridge behind which other hosts are.
    fn uplink(&self, l2: &L2Network) -> Option<String> {
        l2.physical_interface.clone()
    }
    /// Makes sure the network is on the host. Called when it is attached, when a host connects and before a VM starts.
    async fn ensure(&self, host: Uuid, task: Uuid, l2: &L2Network) -> Result<(), ErrorCode>;
    /// Takes it off the host. Called when it is detached or deleted.
    async fn remove(&self, host: Uuid, task: Uuid, l2: &L2Network) -> Result<(), ErrorCode>;
}

/// What a network service backend works on.
#[derive(Clone)]
pub struct ServiceRequest {
    /// The L3 network.
    pub l3: L3Network,
    /// Its L2 network.
    pub l2: L2Network,
    /// The bridge on the host.
    pub bridge: String,
    /// The host.
    pub host: Uuid,
    /// The VM.
    pub vm: Uuid,
    /// What the guest is to be called.
    pub hostname: Option<String>,
    /// Its user data.
    pub user_data: Option<String>,
    /// Public keys of those who may log in.
    pub ssh_keys: Vec<String>,
    /// The NIC.
    pub nic: ServedNic,
    /// The services wanted of this provider: `DHCP`, `Userdata`.
    pub services: Vec<String>,
    /// Namespace for ids of agent tasks.
    pub task: Uuid,
}

impl std::fmt::Debug for ServiceRequest {
    // User data often holds passwords and tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceRequest")
            .field("l3", &self.l3.uuid)
            .field("host", &self.host)
            .field("vm", &self.vm)
            .field("nic", &self.nic)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

/// Provides network services. The driver's name is the provider's type: `Flat`.
#[async_trait]
pub trait NetworkServiceBackend: Send + Sync {
    /// The provider's name, for `QueryNetworkServiceProvider`.
    fn name(&self) -> &'static str;
    /// The services it has.
    fn services(&self) -> &'static [&'static str];
    /// The versions of IP that it serves: an L3 network of another cannot have its services.
    fn ip_versions(&self) -> &'static [i32] {
        &[4]
    }
    /// Gives a NIC its services, before its VM starts. An `Err` fails the start.
    async fn serve(&self, request: &ServiceRequest) -> Result<(), ErrorCode>;
    /// Takes them back, after its VM stopped. What is not there is fine.
    async fn unserve(&self, request: &ServiceRequest) -> Result<(), ErrorCode>;
    /// Called when an L3 network with IP ranges has services of this provider, now or since a range of it changed: takes
    /// what the services need of the network itself, an address of a server for example, before guests take it.
    /// `services` is everything it has of this provider. May be called again; an `Err` fails the attachment of a service.
    async fn prepare(&self, l3: &L3Network, services: &[String]) -> Result<(), ErrorCode> {
        let _ = (l3, services);
        Ok(())
    }
    /// Called when an L3 network loses this provider or is deleted: takes what it left on hosts.
    async fn forget(&self, l3: &L3Network) -> Result<(), ErrorCode>;
    /// Called when what guests are told of an L3 network has changed, its name servers for example: tells the hosts that
    /// serve it. An `Err` is logged, since the next start of a VM tells its host anyway.
    async fn refresh(&self, l3: &L3Network) -> Result<(), ErrorCode> {
        let _ = l3;
        Ok(())
    }
}

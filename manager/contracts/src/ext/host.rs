//! Choosing hosts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use super::storage::StorageTag;

/// What a VM needs of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRequest {
    /// Processors.
    pub cpu_num: i64,
    /// Memory, in bytes.
    pub memory: i64,
    /// Only in this zone.
    pub zone: Option<Uuid>,
    /// Only in this cluster.
    pub cluster: Option<Uuid>,
    /// Only this host.
    pub host: Option<Uuid>,
    /// The L3 networks it will have NICs on.
    pub l3s: Vec<Uuid>,
    /// The image its root volume starts from.
    pub image: Option<Uuid>,
    /// Size of its root volume as the guest sees it, in bytes.
    pub root_size: i64,
    /// Only hosts that see this primary storage.
    pub primary_storage: Option<Uuid>,
    /// Where its volumes are already, for a VM that starts again: only hosts that can use them.
    pub volumes: Vec<Uuid>,
    /// Hosts not to take.
    pub avoid: Vec<Uuid>,
    /// What the primary storage of its root volume should carry.
    #[serde(default)]
    pub storage_tags: Vec<StorageTag>,
}

/// A host that passed every filter so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCandidate {
    /// The host.
    pub host: Uuid,
    /// Its name, for explanations.
    pub name: String,
    /// Its cluster.
    pub cluster: Uuid,
    /// Its zone.
    pub zone: Uuid,
    /// Its hypervisor.
    pub hypervisor_type: String,
}

/// One filter of host allocation. Asked in order, before every placement, with the hosts that are left.
#[async_trait]
pub trait HostFilter: Send + Sync {
    /// Kebab-case; part of the explanation.
    fn name(&self) -> &'static str;

    /// The hosts it refuses, each with the reason and by how much: "lacks 2048 MiB of memory". An `Err` fails the whole
    /// allocation; refusing every host is not an error.
    async fn refused(
        &self,
        request: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode>;
}

/// Told when a host becomes usable, in order, before it is marked connected: prepare storage, networks, services there.
#[async_trait]
pub trait OnHostConnected: Send + Sync {
    /// An `Err` fails the connection; its text is shown to the operator.
    async fn host_connected(&self, host: Uuid) -> Result<(), ErrorCode>;
}

/// Told before a host's row is deleted; takes back what `OnHostConnected` prepared.
#[async_trait]
pub trait BeforeHostDelete: Send + Sync {
    /// An `Err` refuses a permissive delete.
    async fn before_host_delete(&self, host: Uuid) -> Result<(), ErrorCode>;
}

/// The names that an instance offering's `allocatorStrategy` may have, the default first.
pub const HOST_ALLOCATOR_STRATEGIES: &[&str] =
    &["LeastVmPreferredHostAllocatorStrategy", "LastHostPreferredAllocatorStrategy", "DesignatedHostAllocatorStrategy"];

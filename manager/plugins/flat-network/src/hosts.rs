//! The door to the hosts.

use async_trait::async_trait;
use cumulo_gateway::Gateway;
use cumulo_proto::kvm::{
    AddDhcpEntry, DhcpEntry, DhcpNetwork, EnsureDhcp, EnsureUserdata, RemoveDhcp, RemoveDhcpEntry, RemoveUserdata,
    UserdataEntry,
};
use cumulo_schema::{ErrorCode, Uuid};

/// What hosts are told. `task` is the agent task's id: the same id is done once.
#[async_trait]
pub(crate) trait FlatHosts: Send + Sync {
    /// Sets the DHCP of a network, whole.
    async fn ensure_dhcp(
        &self,
        host: Uuid,
        task: Uuid,
        network: DhcpNetwork,
        entries: Vec<DhcpEntry>,
        generation: u64,
    ) -> Result<(), ErrorCode>;
    /// Adds one NIC, setting the network up where it is missing.
    async fn add_dhcp_entry(
        &self,
        host: Uuid,
        task: Uuid,
        network: DhcpNetwork,
        entry: DhcpEntry,
    ) -> Result<(), ErrorCode>;
    /// Makes sure a NIC is served no more.
    async fn remove_dhcp_entry(&self, host: Uuid, task: Uuid, l3: Uuid, nic: Uuid) -> Result<(), ErrorCode>;
    /// Takes DHCP and user data of a network off the host.
    async fn remove_dhcp(&self, host: Uuid, task: Uuid, l3: Uuid) -> Result<(), ErrorCode>;
    /// Sets what a VM is told of itself.
    async fn ensure_userdata(&self, host: Uuid, task: Uuid, l3: Uuid, entry: UserdataEntry) -> Result<(), ErrorCode>;
    /// Makes sure a VM is told nothing any more.
    async fn remove_userdata(&self, host: Uuid, task: Uuid, l3: Uuid, vm: Uuid) -> Result<(), ErrorCode>;
}

#[async_trait]
impl FlatHosts for Gateway {
    async fn ensure_dhcp(
        &self,
        host: Uuid,
        task: Uuid,
        network: DhcpNetwork,
        entries: Vec<DhcpEntry>,
        generation: u64,
    ) -> Result<(), ErrorCode> {
        let command = EnsureDhcp { header: None, network: Some(network), entries, generation };
        self.call(host, task, command).await.map(drop)
    }

    async fn add_dhcp_entry(
        &self,
        host: Uuid,
        task: Uuid,
        network: DhcpNetwork,
        entry: DhcpEntry,
    ) -> Result<(), ErrorCode> {
        let command = AddDhcpEntry { header: None, network: Some(network), entry: Some(entry) };
        self.call(host, task, command).await.map(drop)
    }

    async fn remove_dhcp_entry(&self, host: Uuid, task: Uuid, l3: Uuid, nic: Uuid) -> Result<(), ErrorCode> {
        let command = RemoveDhcpEntry { header: None, l3_uuid: l3.to_string(), nic_uuid: nic.to_string() };
        self.call(host, task, command).await.map(drop)
    }

    async fn remove_dhcp(&self, host: Uuid, task: Uuid, l3: Uuid) -> Result<(), ErrorCode> {
        self.call(host, task, RemoveDhcp { header: None, l3_uuid: l3.to_string() }).await.map(drop)
    }

    async fn ensure_userdata(&self, host: Uuid, task: Uuid, l3: Uuid, entry: UserdataEntry) -> Result<(), ErrorCode> {
        let command = EnsureUserdata { header: None, l3_uuid: l3.to_string(), entry: Some(entry) };
        self.call(host, task, command).await.map(drop)
    }

    async fn remove_userdata(&self, host: Uuid, task: Uuid, l3: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        let command = RemoveUserdata { header: None, l3_uuid: l3.to_string(), vm_uuid: vm.to_string() };
        self.call(host, task, command).await.map(drop)
    }
}

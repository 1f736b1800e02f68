//! Serving a NIC, and ending it.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::network::{NetworkServiceBackend, ServiceRequest},
    message::network::{DHCP, ReleaseServiceIp},
    resource::L3Network,
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{
    Flat,
    store::{self, FlatNic, USERDATA},
};

/// Elastic IPs: see the header of this crate.
const EIP: &str = "Eip";

#[async_trait]
impl NetworkServiceBackend for Flat {
    fn name(&self) -> &'static str {
        "Flat Network Service Provider"
    }

    fn services(&self) -> &'static [&'static str] {
        &[DHCP, EIP, USERDATA]
    }

    async fn serve(&self, request: &ServiceRequest) -> Result<(), ErrorCode> {
        let Some(nic) = FlatNic::of(request) else { return Ok(()) };
        self.leave_other_host(&nic).await?;
        if !nic.dhcp {
            // User data needs the network to be there, which no single entry brings.
            let _lane = self.lanes.alone(request.host, request.l3.uuid).await;
            store::put(self.kernel.db(), &nic).await?;
            return self.converge_alone(request.host, request.l3.uuid, request.task).await;
        }
        let _lane = self.lanes.shared(request.host, request.l3.uuid).await;
        store::put(self.kernel.db(), &nic).await?;
        let network = self.network(&request.l3, &request.l2, &request.bridge).await?;
        self.hosts.add_dhcp_entry(request.host, request.task.derive("dhcp"), network, nic.dhcp_entry()).await?;
        if nic.metadata {
            let (task, entry) = (request.task.derive("userdata"), nic.userdata_entry());
            self.hosts.ensure_userdata(request.host, task, request.l3.uuid, entry).await?;
        }
        Ok(())
    }

    async fn unserve(&self, request: &ServiceRequest) -> Result<(), ErrorCode> {
        let (db, host, l3, nic) = (self.kernel.db(), request.host, request.l3.uuid, request.nic.nic);
        let _lane = self.lanes.alone(host, l3).await;
        store::remove(db, nic, host).await?;
        self.tell_or_owe(host, l3, self.take_off(request, host, l3)).await
    }

    /// Guests in a burst must not leave the network without an address for its server. Once neither service is left,
    /// it goes back.
    async fn prepare(&self, l3: &L3Network, services: &[String]) -> Result<(), ErrorCode> {
        match services.iter().any(|service| service == DHCP || service == USERDATA) {
            true => self.server(l3.uuid).await.map(drop),
            false => self.forget(l3).await,
        }
    }

    async fn forget(&self, l3: &L3Network) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        for host in store::hosts_of(db, l3.uuid).await? {
            let _lane = self.lanes.alone(host, l3.uuid).await;
            let off = self.hosts.remove_dhcp(host, Uuid::random(), l3.uuid);
            self.tell_or_owe(host, l3.uuid, off).await?;
            store::remove_all(db, host, l3.uuid).await?;
        }
        self.kernel.bus().call(ReleaseServiceIp { l3: l3.uuid, used_for: DHCP.to_owned() }).await
    }

    /// Tells all hosts before it answers the first failure; hosts that are away are told when they connect.
    async fn refresh(&self, l3: &L3Network) -> Result<(), ErrorCode> {
        let mut outcome = Ok(());
        for host in store::hosts_of(self.kernel.db(), l3.uuid).await? {
            if self.is_connected(host).await? == Some(true) {
                outcome = outcome.and(self.converge(host, l3.uuid).await);
            }
        }
        outcome
    }
}

impl Flat {
    /// Tells `host` that it does not serve the NIC of `request` any more.
    async fn take_off(&self, request: &ServiceRequest, host: Uuid, l3: Uuid) -> Result<(), ErrorCode> {
        if !store::serves_any(self.kernel.db(), host, l3).await? {
            // Which looks whether another node records one meanwhile.
            return self.converge_alone(host, l3, request.task).await;
        }
        let nic = request.nic.nic;
        self.hosts.remove_dhcp_entry(host, request.task.derive("remove-dhcp-entry"), l3, nic).await?;
        self.hosts.remove_userdata(host, request.task.derive("remove-userdata"), l3, request.vm).await
    }

    /// A NIC recorded on another host was there when that host was lost: the host forgets it when it is back.
    async fn leave_other_host(&self, nic: &FlatNic) -> Result<(), ErrorCode> {
        match store::find(self.kernel.db(), nic.nic_uuid).await? {
            Some(before) if before.host_uuid != nic.host_uuid => {
                let moved = ErrorCode::operation(format!("VM {} runs on host {} now", nic.vm_uuid, nic.host_uuid));
                self.owe(before.host_uuid, before.l3_network_uuid, &moved).await
            }
            Some(_) | None => Ok(()),
        }
    }
}

//! An L3 network and its NICs in the words of hosts.

use cumulo_contracts::{
    ext::network::L2Driver,
    message::network::{DHCP, GuestMtu, HoldServiceIp, IpLease},
    resource::{L2Network, L3Network, L3NetworkHostRoute},
};
use cumulo_proto::kvm::{DhcpEntry, DhcpNetwork, HostRoute, UserdataEntry};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::{
    Flat,
    store::{self, FlatNic},
};

impl Flat {
    /// The address of the DHCP server of `l3`, taken where it has none yet.
    pub(crate) async fn server(&self, l3: Uuid) -> Result<IpLease, ErrorCode> {
        self.kernel.bus().call(HoldServiceIp { l3, used_for: DHCP.to_owned() }).await
    }

    /// What a host needs to know of `l3`.
    pub(crate) async fn network(&self, l3: &L3Network, l2: &L2Network, bridge: &str) -> Result<DhcpNetwork, ErrorCode> {
        let server = self.server(l3.uuid).await?;
        let mtu = GuestMtu { l3: l3.uuid, l2: l2.uuid, l2_type: l2.r#type.clone() };
        let uplink = self.kernel.registry().driver::<dyn L2Driver>("L2 networks", &l2.r#type)?.uplink(l2);
        Ok(DhcpNetwork {
            l3_uuid: l3.uuid.to_string(),
            bridge_name: bridge.to_owned(),
            physical_interface: uplink.unwrap_or_default(),
            server_ip: server.ip,
            prefix_len: u32::try_from(server.prefix_len).unwrap_or(0),
            gateway: server.gateway,
            dns: store::dns(self.kernel.db(), l3.uuid).await?,
            domain: l3.dns_domain.clone().unwrap_or_default(),
            mtu: self.kernel.bus().call(mtu).await?,
            routes: store::routes(self.kernel.db(), l3.uuid).await?.into_iter().map(route).collect(),
        })
    }

    /// As [`Flat::network`], for who knows only the id.
    pub(crate) async fn network_of(&self, l3: Uuid) -> Result<DhcpNetwork, ErrorCode> {
        let db = self.kernel.db();
        let gone = || ErrorCode::not_found(L3Network::META.name, l3);
        let l3 = db.find(L3Network::UUID, &l3).await?.ok_or_else(gone)?;
        let gone = || ErrorCode::not_found(L2Network::META.name, l3.l2_network_uuid);
        let l2 = db.find(L2Network::UUID, &l3.l2_network_uuid).await?.ok_or_else(gone)?;
        let driver = self.kernel.registry().driver::<dyn L2Driver>("L2 networks", &l2.r#type)?;
        self.network(&l3, &l2, &driver.bridge(&l2)).await
    }
}

fn route(row: L3NetworkHostRoute) -> HostRoute {
    HostRoute { prefix: row.prefix, next_hop: row.nexthop }
}

impl FlatNic {
    pub(crate) fn dhcp_entry(&self) -> DhcpEntry {
        DhcpEntry {
            mac: self.mac.clone(),
            ip: self.ip.clone(),
            hostname: self.hostname.clone().unwrap_or_default(),
            vm_uuid: self.vm_uuid.to_string(),
            nic_uuid: self.nic_uuid.to_string(),
            default_route: self.default_route,
        }
    }

    pub(crate) fn userdata_entry(&self) -> UserdataEntry {
        UserdataEntry {
            vm_uuid: self.vm_uuid.to_string(),
            ip: self.ip.clone(),
            hostname: self.hostname.clone().unwrap_or_default(),
            user_data: self.user_data.clone().unwrap_or_default().into_bytes(),
            ssh_keys: self.ssh_keys.iter().flat_map(|keys| keys.lines()).map(str::to_owned).collect(),
            mac: self.mac.clone(),
            instance_type: String::new(),
        }
    }
}

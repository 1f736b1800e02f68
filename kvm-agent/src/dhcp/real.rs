//! The real [`Dhcp`]: a namespace, a veth pair, a firewall, dnsmasq.

use std::{
    net::{IpAddr, Ipv4Addr},
    os::fd::AsRawFd as _,
    path::PathBuf,
};

use async_trait::async_trait;
use tracing::info;

use super::{
    Dhcp, DhcpNetwork, L3State, Namespace,
    dnsmasq::{DEVICE, METADATA_IP},
    isolation::Isolation,
    server::Server,
};
use crate::{
    HostError, Mac, ObjectId,
    network::{Link, Netlink, address_ip},
};

/// DHCP servers in namespaces.
pub struct NamespacedDhcp {
    run_dir: PathBuf,
    isolation: Isolation,
}

impl NamespacedDhcp {
    /// Files of the servers go below `run_dir`.
    pub fn new(run_dir: PathBuf) -> Self {
        Self { run_dir, isolation: Isolation::default() }
    }

    fn server(&self, l3: &ObjectId) -> Server {
        Server::new(l3.clone(), self.run_dir.join("dhcp").join(l3.as_str()))
    }
}

/// The namespace of an L3 network.
pub(crate) fn namespace(l3: &ObjectId) -> Namespace {
    Namespace::new(format!("cumulo-{l3}"))
}

/// The end of the veth pair on the bridge. 48 bits of the uuid; the kernel allows 15 characters.
fn outer_name(l3: &ObjectId) -> String {
    format!("cd{}", &l3.as_str()[..12])
}

#[async_trait]
impl Dhcp for NamespacedDhcp {
    async fn apply(&self, state: &L3State) -> Result<(), HostError> {
        let network = &state.network;
        let namespace = namespace(&network.l3);
        namespace.ensure().await?;
        let outer = outer_name(&network.l3);
        let inner = connect(network, &namespace, &outer).await?;
        self.isolation.apply(state, &outer, &inner.mac).await?;
        attach(network, &outer).await?;
        self.server(&network.l3).apply(state, inner.index, &namespace).await
    }

    fn runs(&self, l3: &ObjectId) -> bool {
        self.server(l3).runs()
    }

    async fn remove(&self, l3: &ObjectId) -> Result<(), HostError> {
        self.server(l3).remove().await?;
        let netlink = Netlink::open()?;
        if let Some(outer) = netlink.link(&outer_name(l3)).await? {
            // Its peer goes with it.
            netlink.remove(&outer).await?;
        }
        self.isolation.remove(l3).await?;
        namespace(l3).remove()?;
        info!(%l3, "removed the DHCP of a network");
        Ok(())
    }
}

/// The device in the namespace.
struct Inner {
    index: u32,
    mac: Mac,
}

/// Makes sure the pair exists and its inner end is set up; returns that.
async fn connect(network: &DhcpNetwork, namespace: &Namespace, outer: &str) -> Result<Inner, HostError> {
    let inner = namespace.visit_async(async || Netlink::open()?.link(DEVICE).await).await?;
    let netlink = Netlink::open()?;
    let have_outer = netlink.link(outer).await?;
    if inner.is_none() || have_outer.is_none() {
        if let Some(half) = have_outer {
            netlink.remove(&half).await?;
        }
        let coming = format!("ci{}", &network.l3.as_str()[..12]);
        netlink.add_veth(outer, &coming).await?;
        let peer = existing(&netlink, &coming).await?;
        let Some(file) = namespace.open()? else {
            return Err(HostError::NoInterface { name: DEVICE.to_owned(), present: "no namespace".to_owned() });
        };
        netlink.set_namespace(&peer, file.as_raw_fd()).await?;
        namespace
            .visit_async(async move || {
                let netlink = Netlink::open()?;
                netlink.set_name(&existing(&netlink, &coming).await?, DEVICE).await
            })
            .await?;
    }
    let wanted = [(network.server, network.prefix), (METADATA_IP, 32)];
    namespace.visit_async(move || set_up(wanted)).await
}

/// Inside the namespace: devices up, the wanted addresses on them and no others.
async fn set_up(wanted: [(Ipv4Addr, u8); 2]) -> Result<Inner, HostError> {
    let netlink = Netlink::open()?;
    netlink.set_up(&existing(&netlink, "lo").await?).await?;
    let device = existing(&netlink, DEVICE).await?;
    netlink.set_up(&device).await?;
    for address in netlink.addresses(&device).await? {
        let stale = match address_ip(&address) {
            Some(IpAddr::V4(ip)) => !wanted.contains(&(ip, address.header.prefix_len)),
            _ => false,
        };
        if stale {
            netlink.remove_address(&device, address).await?;
        }
    }
    for (ip, prefix) in wanted {
        netlink.add_address(&device, ip.into(), prefix).await?;
    }
    let octets = device.mac.as_slice().try_into().unwrap_or_default();
    Ok(Inner { index: device.index, mac: Mac::from_octets(octets)? })
}

/// Makes the outer end a port of the bridge.
async fn attach(network: &DhcpNetwork, outer: &str) -> Result<(), HostError> {
    let netlink = Netlink::open()?;
    let bridge = existing(&netlink, network.bridge.as_str()).await?;
    if !bridge.is_bridge {
        return Err(HostError::NotABridge { name: bridge.name });
    }
    let port = existing(&netlink, outer).await?;
    if port.controller != Some(bridge.index) {
        netlink.set_controller(&port, Some(&bridge)).await?;
    }
    netlink.set_up(&port).await
}

async fn existing(netlink: &Netlink, name: &str) -> Result<Link, HostError> {
    let Some(link) = netlink.link(name).await? else {
        let links = netlink.links().await?;
        let present = links.into_iter().map(|l| l.name).collect::<Vec<_>>().join(", ");
        return Err(HostError::NoInterface { name: name.to_owned(), present });
    };
    Ok(link)
}

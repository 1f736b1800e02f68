//! The real [`Network`]: the kernel's bridges through rtnetlink.

use std::fs;

use async_trait::async_trait;
use cumulo_agent_rt::Chain;
use tracing::{debug, info, warn};

use super::{Interface, Link, Netlink, Network, moving::move_addresses};
use crate::{HostError, IfName};

/// The network namespace the agent runs in.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelNetwork;

#[async_trait]
impl Network for KernelNetwork {
    async fn interface(&self, name: &IfName) -> Result<Option<Interface>, HostError> {
        let links = Netlink::open()?.links().await?;
        let Some(link) = links.iter().find(|l| l.name == name.as_str()) else { return Ok(None) };
        let bridge = link.controller.and_then(|index| links.iter().find(|l| l.index == index));
        Ok(Some(Interface { up: link.up, bridge: bridge.map(|b| b.name.clone()), mtu: link.mtu, mac: link.mac_text() }))
    }

    async fn ensure_bridge(&self, bridge: &IfName, nic: &IfName, mtu: Option<u32>) -> Result<(), HostError> {
        let netlink = Netlink::open()?;
        let port = existing(&netlink, nic).await?;
        let (device, made) = match netlink.link(bridge.as_str()).await? {
            Some(device) if !device.is_bridge => return Err(HostError::NotABridge { name: bridge.to_string() }),
            Some(device) => (device, false),
            None if port.controller.is_some() => return Err(taken(&netlink, &port, bridge).await?),
            None => {
                // With the NIC's own MAC address the host looks the same to the network as before.
                netlink.add_bridge(bridge, &port.mac).await?;
                info!(%bridge, %nic, "made a bridge");
                (existing(&netlink, bridge).await?, true)
            }
        };
        let joined = join(&netlink, &device, &port, mtu).await;
        if joined.is_err() && made {
            // The host must not be left between two devices; what went wrong first is what is told.
            if let Err(error) = self.remove_bridge(bridge, nic).await {
                warn!(%bridge, error = %Chain(&error), "could not take back half a bridge");
            }
        }
        joined
    }

    async fn ensure_vlan(&self, device: &IfName, nic: &IfName, id: u16) -> Result<(), HostError> {
        Self::make_vlan(device, nic, id).await
    }

    async fn remove_vlan(&self, device: &IfName) -> Result<(), HostError> {
        Self::drop_vlan(device).await
    }

    async fn remove_bridge(&self, bridge: &IfName, nic: &IfName) -> Result<(), HostError> {
        let netlink = Netlink::open()?;
        let Some(device) = netlink.link(bridge.as_str()).await? else { return Ok(()) };
        if !device.is_bridge {
            return Err(HostError::NotABridge { name: bridge.to_string() });
        }
        let links = netlink.links().await?;
        let ports: Vec<_> = links
            .iter()
            .filter(|l| l.controller == Some(device.index) && l.name != nic.as_str())
            .map(|l| l.name.as_str())
            .collect();
        if !ports.is_empty() {
            return Err(HostError::BridgeInUse { bridge: bridge.to_string(), ports: ports.join(", ") });
        }
        // Where the NIC is gone (pulled, renamed) there is nobody to give the addresses to.
        if let Some(port) = links.iter().find(|l| l.name == nic.as_str()) {
            if port.controller == Some(device.index) {
                netlink.set_controller(port, None).await?;
            }
            netlink.set_up(port).await?;
            move_addresses(&netlink, &device, port).await?;
        }
        netlink.remove(&device).await?;
        info!(%bridge, %nic, "removed a bridge");
        Ok(())
    }
}

/// Makes `port` a port of `device`, which takes over what the port was to the host.
async fn join(netlink: &Netlink, device: &Link, port: &Link, mtu: Option<u32>) -> Result<(), HostError> {
    if port.controller.is_some_and(|other| other != device.index) {
        let bridge = IfName::try_from(device.name.as_str())?;
        return Err(taken(netlink, port, &bridge).await?);
    }
    if let Some(mtu) = mtu.filter(|mtu| port.mtu != *mtu) {
        netlink.set_mtu(port, mtu).await?;
    }
    netlink.set_up(port).await?;
    netlink.set_up(device).await?;
    leave_bridged_packets_alone();
    if port.controller.is_none() {
        netlink.set_controller(port, Some(device)).await?;
    }
    move_addresses(netlink, port, device).await
}

/// The error for a NIC that is a port of something else already.
async fn taken(netlink: &Netlink, port: &Link, bridge: &IfName) -> Result<HostError, HostError> {
    let links = netlink.links().await?;
    let other = links.into_iter().find(|l| Some(l.index) == port.controller).map_or_else(String::new, |l| l.name);
    Ok(HostError::InterfaceTaken { name: port.name.clone(), other, bridge: bridge.to_string() })
}

pub(super) async fn existing(netlink: &Netlink, name: &IfName) -> Result<Link, HostError> {
    if let Some(link) = netlink.link(name.as_str()).await? {
        return Ok(link);
    }
    let present: Vec<_> = netlink.links().await?.into_iter().map(|l| l.name).filter(|n| n != "lo").collect();
    Err(HostError::NoInterface { name: name.to_string(), present: present.join(", ") })
}

/// Where the host filters bridged packets with its own IP firewall (Docker switches that on), VMs would be cut off by
/// rules nobody made for them. Not all kernels have the switch.
fn leave_bridged_packets_alone() {
    for family in ["iptables", "ip6tables", "arptables"] {
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
        if let Err(error) = fs::write(&path, "0") {
            debug!(path, %error, "not switched off");
        }
    }
}

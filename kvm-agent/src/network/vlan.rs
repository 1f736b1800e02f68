//! VLANs on an interface, each a device of its own.

use tracing::info;

use super::{KernelNetwork, Netlink, netlink::Link, real::existing};
use crate::{HostError, IfName};

/// What the devices that the agent made say of themselves: only those are ever removed.
const OURS: &str = "cumulo";

impl KernelNetwork {
    /// See [`super::Network::ensure_vlan`].
    pub(super) async fn make_vlan(device: &IfName, nic: &IfName, id: u16) -> Result<(), HostError> {
        let netlink = Netlink::open()?;
        let parent = existing(&netlink, nic).await?;
        let links = netlink.links().await?;
        let is_it = |link: &&Link| link.vlan == Some(id) && link.parent == Some(parent.index);
        let link = match (links.iter().find(|link| link.name == device.as_str()), links.iter().find(is_it)) {
            (Some(named), Some(vlan)) if named.index == vlan.index => named.clone(),
            (Some(_), _) => {
                let (name, nic) = (device.to_string(), nic.to_string());
                return Err(HostError::NotTheVlan { name, nic, id });
            }
            (None, Some(vlan)) => {
                let (other, nic) = (vlan.name.clone(), nic.to_string());
                return Err(HostError::VlanTaken { nic, id, other });
            }
            (None, None) => {
                netlink.add_vlan(device, &parent, id).await?;
                info!(%device, %nic, id, "made a VLAN");
                let made = existing(&netlink, device).await?;
                netlink.set_alias(&made, OURS).await?;
                made
            }
        };
        netlink.set_up(&parent).await?;
        netlink.set_up(&link).await
    }

    /// See [`super::Network::remove_vlan`].
    pub(super) async fn drop_vlan(device: &IfName) -> Result<(), HostError> {
        let netlink = Netlink::open()?;
        match netlink.link(device.as_str()).await? {
            Some(link) if link.vlan.is_some() && link.alias.as_deref() == Some(OURS) => {
                netlink.remove(&link).await?;
                info!(%device, "removed a VLAN");
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }
}

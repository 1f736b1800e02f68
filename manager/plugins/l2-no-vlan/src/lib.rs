//! L2 networks that are a bridge on an untagged interface: `L2NoVlanNetwork`.
//!
//! The bridge is named after the interface, `br_eth0`, as operators know it from ZStack, so that the name is the same on
//! every host and whoever looks at a host sees what belongs to what. An interface name that leaves no room for the prefix
//! is replaced by a hash of it.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{ext::network::L2Driver, resource::L2Network};
use cumulo_gateway::Gateway;
use cumulo_kernel::Setup;
use cumulo_proto::kvm::{EnsureBridge, RemoveBridge};
use cumulo_schema::{ErrorCode, Uuid};

/// The type of networks served.
const TYPE: &str = "L2NoVlanNetwork";
const PREFIX: &str = "br_";
/// What the kernel allows for the name of an interface.
const NAME: usize = 15;

/// The driver.
struct NoVlan {
    gateway: Gateway,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    setup.driver::<dyn L2Driver>(TYPE, Arc::new(NoVlan { gateway }));
}

#[async_trait]
impl L2Driver for NoVlan {
    fn bridge(&self, l2: &L2Network) -> String {
        bridge_name(l2.physical_interface.as_deref().unwrap_or_default())
    }

    async fn ensure(&self, host: Uuid, task: Uuid, l2: &L2Network) -> Result<(), ErrorCode> {
        let command = EnsureBridge {
            header: None,
            l2_uuid: l2.uuid.to_string(),
            bridge_name: self.bridge(l2),
            physical_interface: interface(l2)?,
            // As it is.
            mtu: 0,
            vlan: None,
        };
        self.gateway.call(host, task, command).await.map(drop)
    }

    async fn remove(&self, host: Uuid, task: Uuid, l2: &L2Network) -> Result<(), ErrorCode> {
        let command = RemoveBridge {
            header: None,
            l2_uuid: l2.uuid.to_string(),
            bridge_name: self.bridge(l2),
            physical_interface: interface(l2)?,
            vlan: None,
        };
        self.gateway.call(host, task, command).await.map(drop)
    }
}

fn interface(l2: &L2Network) -> Result<String, ErrorCode> {
    let none = || ErrorCode::operation(format!("L2 network '{}' ({}) has no physical interface", l2.name, l2.uuid));
    l2.physical_interface.clone().ok_or_else(none)
}

/// The bridge on `interface`: at most 15 characters, like every interface.
fn bridge_name(interface: &str) -> String {
    let name = format!("{PREFIX}{interface}");
    match name.len() <= NAME {
        true => name,
        false => {
            let hash = Uuid::ADMIN.derive(&format!("bridge/{interface}")).to_string();
            format!("{PREFIX}{}", &hash[..NAME - PREFIX.len()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_are_named_after_their_interface() {
        assert_eq!(bridge_name("eth0"), "br_eth0");
        assert_eq!(bridge_name("enp129s0f1np"), "br_enp129s0f1np");
    }

    #[test]
    fn a_long_name_gives_a_stable_short_one() {
        let (one, other) = (bridge_name("enp129s0f1np0d1"), bridge_name("enp129s0f1np0d2"));
        assert_eq!(one.len(), NAME);
        assert!(one.starts_with(PREFIX));
        assert_eq!(one, bridge_name("enp129s0f1np0d1"));
        assert_ne!(one, other);
    }
}

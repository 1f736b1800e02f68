//! L2 networks that are a bridge on a VLAN of an interface: `L2VlanNetwork`.
//!
//! The VLAN is a device of its own, `eth0.100`, and the bridge `br_eth0_100` has it as its port: the names that operators
//! know from ZStack and from Linux, the same on every host. A bridge that filters VLANs would need one device less, but
//! all networks of the interface would share it, and with it each other's mistakes. Where an interface name leaves no
//! room, a hash stands for it.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{ext::network::L2Driver, resource::L2Network};
use cumulo_gateway::Gateway;
use cumulo_kernel::Setup;
use cumulo_proto::kvm::{EnsureBridge, RemoveBridge, Vlan};
use cumulo_schema::{ErrorCode, Uuid};

/// The type of networks served.
const TYPE: &str = "L2VlanNetwork";
/// What the kernel allows for the name of an interface.
const NAME: usize = 15;

/// The driver.
struct Vlans {
    gateway: Gateway,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    setup.driver::<dyn L2Driver>(TYPE, Arc::new(Vlans { gateway }));
}

#[async_trait]
impl L2Driver for Vlans {
    fn bridge(&self, l2: &L2Network) -> String {
        bridge_name(l2.physical_interface.as_deref().unwrap_or_default(), l2.virtual_network_id)
    }

    fn uplink(&self, l2: &L2Network) -> Option<String> {
        Some(device_name(l2.physical_interface.as_deref()?, l2.virtual_network_id))
    }

    async fn ensure(&self, host: Uuid, task: Uuid, l2: &L2Network) -> Result<(), ErrorCode> {
        let (physical_interface, vlan) = vlan(l2)?;
        let command = EnsureBridge {
            header: None,
            l2_uuid: l2.uuid.to_string(),
            bridge_name: self.bridge(l2),
            physical_interface,
            // As it is.
            mtu: 0,
            vlan: Some(vlan),
        };
        self.gateway.call(host, task, command).await.map(drop)
    }

    async fn remove(&self, host: Uuid, task: Uuid, l2: &L2Network) -> Result<(), ErrorCode> {
        let (physical_interface, vlan) = vlan(l2)?;
        let command = RemoveBridge {
            header: None,
            l2_uuid: l2.uuid.to_string(),
            bridge_name: self.bridge(l2),
            physical_interface,
            vlan: Some(vlan),
        };
        self.gateway.call(host, task, command).await.map(drop)
    }
}

/// The interface and what the network is on it.
fn vlan(l2: &L2Network) -> Result<(String, Vlan), ErrorCode> {
    let wrong = |lack: &str| ErrorCode::operation(format!("L2 network '{}' ({}) has no {lack}", l2.name, l2.uuid));
    let interface = l2.physical_interface.clone().ok_or_else(|| wrong("physical interface"))?;
    let id = u32::try_from(l2.virtual_network_id).map_err(|_| wrong("VLAN"))?;
    let device = device_name(&interface, l2.virtual_network_id);
    Ok((interface, Vlan { id, device }))
}

fn bridge_name(interface: &str, vlan: i32) -> String {
    fitting(&format!("br_{interface}_{vlan}"), "br_", interface, &format!("_{vlan}"))
}

fn device_name(interface: &str, vlan: i32) -> String {
    fitting(&format!("{interface}.{vlan}"), "v", interface, &format!(".{vlan}"))
}

/// `plain`, or with a hash in place of the interface where that is too long.
fn fitting(plain: &str, prefix: &str, interface: &str, suffix: &str) -> String {
    match plain.len() <= NAME {
        true => plain.to_owned(),
        false => {
            let hash = Uuid::ADMIN.derive(&format!("vlan/{interface}")).to_string();
            let room = NAME.saturating_sub(prefix.len() + suffix.len());
            format!("{prefix}{}{suffix}", &hash[..room])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_after_interface_and_vlan() {
        assert_eq!((bridge_name("eth0", 100), device_name("eth0", 100)), ("br_eth0_100".into(), "eth0.100".into()));
        assert_eq!(device_name("enp129s0f1", 4094), "enp129s0f1.4094");
    }

    #[test]
    fn a_long_name_gives_stable_short_ones_that_differ() {
        let names = |interface: &str, vlan| [bridge_name(interface, vlan), device_name(interface, vlan)];
        let (one, other, next) =
            (names("enp129s0f1np0d1", 4094), names("enp129s0f1np0d2", 4094), names("enp129s0f1np0d1", 4093));
        assert_eq!(one, names("enp129s0f1np0d1", 4094));
        for (name, others) in one.iter().zip(other.iter().zip(&next)) {
            assert!(name.len() <= NAME && name.contains("4094"), "{name}");
            assert!(name != others.0 && name != others.1, "{name}");
        }
        assert_ne!(one[0], one[1]);
    }
}

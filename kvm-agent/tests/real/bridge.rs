//! Bridges in the kernel, for real: a NIC with addresses and routes, and a neighbour that keeps talking to it.

use crate::fixture::{in_namespaces, sh, try_sh};
use cumulo_kvm_agent::{
    HostError, IfName,
    network::{KernelNetwork, Network as _},
};

fn name(text: &str) -> IfName {
    IfName::try_from(text).unwrap()
}

/// A host with eth1 = 10.0.101.1/24 and routes through it, and a neighbour at 10.0.101.9.
fn machine() {
    sh("ip netns add other && ip link add eth1 type veth peer name eth0 netns other && ip link set eth1 up");
    sh("ip -n other link set eth0 up && ip -n other addr add 10.0.101.9/24 dev eth0");
    sh("ip addr add 10.0.101.1/24 brd + dev eth1 && ip addr add 10.0.102.1/24 dev eth1 label eth1:x");
    sh("ip -6 addr add fd00:101::1/64 dev eth1 nodad && ip -n other -6 addr add fd00:101::9/64 dev eth0 nodad");
    sh("ip route add default via 10.0.101.9 dev eth1 proto static metric 50");
    sh("ip route add 10.9.0.0/16 via 10.0.102.9 dev eth1 && ip route add 10.8.0.0/16 dev eth1 scope link");
    sh("ip -6 route add default via fd00:101::9 dev eth1 metric 70");
}

/// Everything that should look the same afterwards, whatever device it is on.
fn picture(device: &str) -> String {
    let mut lines: Vec<_> = [
        format!("ip -o -4 addr show dev {device} | sed 's/.*inet \\([^ ]*\\).*/\\1/'"),
        format!("ip -o -6 addr show dev {device} scope global | sed 's/.*inet6 \\([^ ]*\\).*/\\1/'"),
        format!("ip -4 route show dev {device} | sed 's/ *$//'"),
        format!("ip -6 route show dev {device} | grep -v -e fe80 -e ff00 | sed 's/ *$//; s/linkdown//'"),
    ]
    .iter()
    .flat_map(|line| sh(line).lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>())
    .collect();
    lines.sort();
    lines.join("\n")
}

fn reachable() {
    sh("ping -c 1 -W 5 10.0.101.9");
    sh("ping -c 1 -W 5 fd00:101::9");
    sh("ip netns exec other ping -c 1 -W 5 10.0.101.1");
}

#[test]
fn a_nic_becomes_a_port_and_the_bridge_takes_over_what_it_was() {
    in_namespaces(&["/run"], async || {
        machine();
        let before = picture("eth1");
        let mac = sh("cat /sys/class/net/eth1/address");
        let (bridge, nic) = (name("br_eth1"), name("eth1"));
        for _ in 0..2 {
            KernelNetwork.ensure_bridge(&bridge, &nic, None).await.unwrap();
            assert_eq!(picture("br_eth1"), before);
            assert_eq!(picture("eth1"), "");
            reachable();
        }
        assert_eq!(sh("cat /sys/class/net/br_eth1/address"), mac);
        let seen = KernelNetwork.interface(&nic).await.unwrap().unwrap();
        assert!(seen.up && seen.bridge.as_deref() == Some("br_eth1") && seen.mac == mac.trim(), "{seen:?}");

        for _ in 0..2 {
            KernelNetwork.remove_bridge(&bridge, &nic).await.unwrap();
            assert_eq!(picture("eth1"), before);
            reachable();
        }
        assert_eq!(KernelNetwork.interface(&bridge).await.unwrap(), None);
    });
}

#[test]
fn connections_over_the_nic_survive() {
    in_namespaces(&["/run"], async || {
        machine();
        // A hundred pings a second; of those sent while the bridge comes and goes at most a few may be lost.
        let ping = std::process::Command::new("ping")
            .args(["-i", "0.01", "-c", "300", "-W", "1", "10.0.101.9"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (bridge, nic) = (name("br_eth1"), name("eth1"));
        KernelNetwork.ensure_bridge(&bridge, &nic, None).await.unwrap();
        KernelNetwork.remove_bridge(&bridge, &nic).await.unwrap();
        KernelNetwork.ensure_bridge(&bridge, &nic, None).await.unwrap();
        let output = tokio::task::spawn_blocking(|| ping.wait_with_output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let received: u32 = text
            .lines()
            .find_map(|line| line.split(", ").find_map(|part| part.strip_suffix(" received")?.parse().ok()))
            .unwrap_or_else(|| panic!("{text}"));
        assert!(received >= 280, "{text}");
    });
}

#[test]
fn a_call_that_was_interrupted_is_finished_by_the_next() {
    in_namespaces(&["/run"], async || {
        machine();
        let before = picture("eth1");
        // As if the agent had died after the first address was copied.
        sh("ip link add br_eth1 type bridge && ip link set br_eth1 up && ip addr add 10.0.101.1/24 dev br_eth1");
        KernelNetwork.ensure_bridge(&name("br_eth1"), &name("eth1"), None).await.unwrap();
        assert_eq!(picture("br_eth1"), before);
        assert_eq!(picture("eth1"), "");
        reachable();
    });
}

#[test]
fn what_is_in_the_way_is_named() {
    in_namespaces(&["/run"], async || {
        machine();
        let missing = KernelNetwork.ensure_bridge(&name("br_x"), &name("eth7"), None).await.unwrap_err();
        assert_eq!(missing.to_string(), "this host has no network interface eth7; it has eth1");
        assert!(!try_sh("ip link show br_x").status.success());
        let no_bridge = KernelNetwork.ensure_bridge(&name("eth1"), &name("eth1"), None).await.unwrap_err();
        assert!(matches!(no_bridge, HostError::NotABridge { .. }), "{no_bridge}");

        KernelNetwork.ensure_bridge(&name("br_eth1"), &name("eth1"), Some(1400)).await.unwrap();
        assert_eq!(sh("cat /sys/class/net/eth1/mtu /sys/class/net/br_eth1/mtu"), "1400\n1400\n");
        let taken = KernelNetwork.ensure_bridge(&name("br_other"), &name("eth1"), None).await.unwrap_err();
        assert!(matches!(&taken, HostError::InterfaceTaken { other, .. } if other == "br_eth1"), "{taken}");
        assert!(!try_sh("ip link show br_other").status.success());
        sh("ip link add eth2 type veth peer name far2 && ip addr add 10.0.103.1/24 dev eth2 && ip link set eth2 up");
        let no_mtu = KernelNetwork.ensure_bridge(&name("br_eth2"), &name("eth2"), Some(4_000_000)).await.unwrap_err();
        assert!(matches!(no_mtu, HostError::Netlink { .. }), "{no_mtu}");
        assert!(!try_sh("ip link show br_eth2").status.success(), "half a bridge is left");
        assert!(sh("ip -4 addr show dev eth2").contains("10.0.103.1/24"));
        sh("ip link add vnic1 type veth peer name p1 && ip link set vnic1 master br_eth1");
        let used = KernelNetwork.remove_bridge(&name("br_eth1"), &name("eth1")).await.unwrap_err();
        assert!(matches!(&used, HostError::BridgeInUse { ports, .. } if ports == "vnic1"), "{used}");
    });
}

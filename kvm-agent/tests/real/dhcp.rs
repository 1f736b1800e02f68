//! DHCP and metadata for real: dnsmasq in a namespace, guests on a bridge, a firewall towards the other hosts.

use crate::fixture::{Guest, Lease, in_namespaces, sh, try_sh};
use cumulo_kvm_agent::{
    Hostname, Mac, ObjectId,
    dhcp::{Dhcp as _, DhcpEntry, DhcpNetwork, L3State, NamespacedDhcp, UserdataEntry},
    userdata::{MetadataServers, Userdata as _},
};
use cumulo_proto::kvm;

const L3: &str = "0123456789abcdef0123456789abcdef";
const MAC1: &str = "fa:16:3e:00:00:01";
const MAC2: &str = "fa:16:3e:00:00:02";

fn id(n: u32) -> ObjectId {
    ObjectId::try_from(format!("{n:032x}")).unwrap()
}

fn network() -> DhcpNetwork {
    DhcpNetwork::checked(Some(&kvm::DhcpNetwork {
        l3_uuid: L3.into(),
        bridge_name: "br_eth1".into(),
        physical_interface: "eth1".into(),
        server_ip: "10.0.101.2".into(),
        prefix_len: 24,
        gateway: "10.0.101.1".into(),
        dns: vec!["8.8.8.8".into(), "8.8.4.4".into()],
        domain: "example.org".into(),
        mtu: 1450,
        routes: vec![kvm::HostRoute { prefix: "10.9.0.0/16".into(), next_hop: "10.0.101.9".into() }],
    }))
    .unwrap()
}

fn entry(mac: &str, last: u8) -> DhcpEntry {
    DhcpEntry {
        mac: Mac::try_from(mac).unwrap(),
        ip: [10, 0, 101, last].into(),
        hostname: Some(Hostname::try_from(format!("vm-{last}")).unwrap()),
        vm: id(100),
        default_route: true,
    }
}

fn state(entries: &[(u32, DhcpEntry)]) -> L3State {
    let mut state = L3State::empty(network());
    for (nic, entry) in entries {
        state.add(id(*nic), entry.clone());
    }
    state
}

/// A bridge with an uplink, and another machine at the other end of the uplink.
fn machine() {
    sh("ip netns add other && ip link add eth1 type veth peer name eth0 netns other && ip link set eth1 up");
    sh("ip -n other link set lo up && ip -n other link set eth0 up && ip -n other addr add 10.0.101.9/24 dev eth0");
    sh("ip link add br_eth1 type bridge forward_delay 0 && ip link set br_eth1 up && ip link set eth1 master br_eth1");
    sh("ip addr add 10.0.101.1/24 dev br_eth1");
}

fn lease(ip: &str, hostname: &str) -> Option<Lease> {
    Some(Lease {
        ip: ip.into(),
        mask: "24".into(),
        router: "10.0.101.1".into(),
        dns: "8.8.8.8 8.8.4.4".into(),
        hostname: hostname.into(),
        domain: "example.org".into(),
        mtu: "1450".into(),
        routes: "169.254.169.254/32 10.0.101.2 10.9.0.0/16 10.0.101.9 0.0.0.0/0 10.0.101.1".into(),
    })
}

fn dnsmasq() -> String {
    sh(&format!("cat /run/cumulo/dhcp/{L3}/pid"))
}

#[test]
fn guests_get_exactly_their_addresses_and_strangers_none() {
    in_namespaces(&["/run"], async || {
        machine();
        let dhcp = NamespacedDhcp::new("/run/cumulo".into());
        let (guest, stranger) = (Guest::plug("g1", MAC1, "br_eth1"), Guest::plug("g2", MAC2, "br_eth1"));
        dhcp.apply(&state(&[(1, entry(MAC1, 100))])).await.unwrap();
        assert_eq!(guest.dhcp(), lease("10.0.101.100", "vm-100"));
        assert_eq!(stranger.dhcp(), None);

        // Nothing new: the server goes on. A second NIC: it is there at once.
        let pid = dnsmasq();
        dhcp.apply(&state(&[(1, entry(MAC1, 100))])).await.unwrap();
        assert_eq!(dnsmasq(), pid);
        dhcp.apply(&state(&[(1, entry(MAC1, 100)), (2, entry(MAC2, 101))])).await.unwrap();
        assert_eq!(stranger.dhcp(), lease("10.0.101.101", "vm-101"));
        assert_eq!(guest.dhcp(), lease("10.0.101.100", "vm-100"));

        // An address with a new owner goes to that one at once, whatever the lease of the old one says.
        dhcp.apply(&state(&[(2, entry(MAC2, 100))])).await.unwrap();
        assert_eq!(stranger.dhcp(), lease("10.0.101.100", "vm-100"));
        assert_eq!(guest.dhcp(), None);
        dhcp.remove(&id_of(L3)).await.unwrap();
    });
}

fn id_of(text: &str) -> ObjectId {
    ObjectId::try_from(text).unwrap()
}

#[test]
fn a_server_that_died_or_lost_its_devices_is_there_again_after_the_next_call() {
    in_namespaces(&["/run"], async || {
        machine();
        let dhcp = NamespacedDhcp::new("/run/cumulo".into());
        let guest = Guest::plug("g1", MAC1, "br_eth1");
        let state = state(&[(1, entry(MAC1, 100))]);
        dhcp.apply(&state).await.unwrap();
        for accident in [
            format!("kill -9 {}", dnsmasq().trim()),
            format!("ip link del cd{}", &L3[..12]),
            format!("ip link set cd{} nomaster", &L3[..12]),
            format!("nft delete table bridge cumulo_{L3}"),
            format!(
                "ip -n cumulo-{L3} addr flush dev cumulo0 && ip -n cumulo-{L3} addr add 10.0.101.77/24 dev cumulo0"
            ),
        ] {
            sh(&accident);
            dhcp.apply(&state).await.unwrap();
            assert_eq!(guest.dhcp(), lease("10.0.101.100", "vm-100"), "after {accident}");
        }
        assert!(!sh(&format!("ip -n cumulo-{L3} addr show dev cumulo0")).contains("10.0.101.77"));

        dhcp.remove(&id_of(L3)).await.unwrap();
        dhcp.remove(&id_of(L3)).await.unwrap();
        assert_eq!(sh("ip netns list | grep cumulo || true; ip -o link | grep -e cd0123 -e ci0123 || true"), "");
        assert_eq!(sh("nft list tables | grep cumulo_0 || true; ls /run/cumulo/dhcp"), "");
        assert_eq!(sh("pgrep -f -- --conf-file=/run/cumulo/dhcp -a --ns $$ --nslist net || true"), "");
    });
}

#[test]
fn dhcp_stays_on_this_host() {
    in_namespaces(&["/run"], async || {
        machine();
        let dhcp = NamespacedDhcp::new("/run/cumulo".into());
        // Another host of the same L3: the same server address there, and a guest of its own.
        let wire = "ip netns exec other busybox";
        dhcp.apply(&state(&[(1, entry(MAC1, 100)), (2, entry(MAC2, 101))])).await.unwrap();
        sh("ip -n other link set eth0 address fa:16:3e:00:00:02");
        // Even a MAC address that we know gets nothing when it asks from outside, and the server's address is not ours to
        // answer for there.
        sh("printf '#!/bin/sh\\nexit 0\\n' > /run/none.sh && chmod +x /run/none.sh");
        let asked = try_sh(&format!("{wire} udhcpc -f -n -q -t 2 -T 1 -A 0 -i eth0 -s /run/none.sh"));
        assert!(!asked.status.success(), "{asked:?}");
        assert!(!try_sh("ip netns exec other ping -c 1 -W 1 10.0.101.2").status.success());
        // Requests of our guests do not leave: a foreign server hears nothing.
        std::fs::write(
            "/run/foreign.conf",
            "interface eth0\nstart 10.0.101.200\nend 10.0.101.210\nlease_file /run/l\npidfile /run/p\n",
        )
        .unwrap();
        std::fs::write("/run/l", "").unwrap();
        let foreign = std::process::Command::new("ip")
            .args(["netns", "exec", "other", "busybox", "udhcpd", "-f", "/run/foreign.conf"])
            .stderr(std::process::Stdio::null())
            .spawn();
        let mut foreign = foreign.unwrap();
        let guest = Guest::plug("g1", MAC1, "br_eth1");
        for _ in 0..3 {
            assert_eq!(guest.dhcp(), lease("10.0.101.100", "vm-100"));
        }
        foreign.kill().unwrap();
        foreign.wait().unwrap();
        // The host itself still talks to the outside.
        sh("ping -c 1 -W 5 10.0.101.9");
        dhcp.remove(&id_of(L3)).await.unwrap();
    });
}

#[test]
fn a_guest_learns_about_itself_whatever_routes_it_has() {
    in_namespaces(&["/run"], async || {
        machine();
        let dhcp = NamespacedDhcp::new("/run/cumulo".into());
        let metadata = MetadataServers::default();
        let mut state = state(&[(1, entry(MAC1, 100)), (2, entry(MAC2, 101))]);
        let told = UserdataEntry {
            ip: [10, 0, 101, 100].into(),
            hostname: Some(Hostname::try_from("vm-100").unwrap()),
            mac: None,
            user_data: b"#cloud-config\nhello: true\n".to_vec(),
            ssh_keys: Vec::new(),
            instance_type: "small".into(),
        };
        state.userdata.insert(id(100), told.clone());
        dhcp.apply(&state).await.unwrap();
        metadata.apply(&state).await.unwrap();
        let (guest, other) = (Guest::plug("g1", MAC1, "br_eth1"), Guest::plug("g2", MAC2, "br_eth1"));
        assert!(guest.run("ip addr add 10.0.101.100/24 dev eth0").status.success());
        assert!(other.run("ip addr add 10.0.101.101/24 dev eth0").status.success());

        let routes = ["169.254.169.254 via 10.0.101.2", "default via 10.0.101.1", "169.254.0.0/16 dev eth0"];
        for route in routes {
            assert!(guest.run(&format!("ip route add {route}")).status.success());
            let got = get(&guest, "latest/user-data").await;
            assert_eq!(got.as_deref(), Some("#cloud-config\nhello: true\n"), "with the route {route}");
            assert!(guest.run(&format!("ip route del {route}")).status.success());
        }
        assert!(guest.run("ip route add default via 10.0.101.1").status.success());
        assert!(other.run("ip route add default via 10.0.101.1").status.success());
        assert_eq!(get(&guest, "latest/meta-data/instance-id").await, Some(id(100).to_string()));
        assert_eq!(get(&other, "latest/user-data").await, None, "it is somebody else's");

        // A change is served at once, and a namespace made anew is noticed.
        state.userdata.insert(id(100), UserdataEntry { user_data: b"new".to_vec(), ..told });
        metadata.apply(&state).await.unwrap();
        assert_eq!(get(&guest, "latest/user-data").await.as_deref(), Some("new"));
        dhcp.remove(&id_of(L3)).await.unwrap();
        dhcp.apply(&state).await.unwrap();
        metadata.apply(&state).await.unwrap();
        assert_eq!(get(&guest, "latest/user-data").await.as_deref(), Some("new"));
        metadata.remove(&id_of(L3)).await.unwrap();
        dhcp.remove(&id_of(L3)).await.unwrap();
    });
}

/// Fetches metadata; on another thread, since this one serves it.
async fn get(guest: &Guest, path: &str) -> Option<String> {
    let line = guest.line(&format!("curl -sf -m 5 http://169.254.169.254/{path}"));
    let output = tokio::task::spawn_blocking(move || try_sh(&line)).await.unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

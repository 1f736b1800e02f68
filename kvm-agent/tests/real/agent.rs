//! The program itself, from the first Connect to a running VM and back, as a manager drives it: over mutual TLS, with a
//! real libvirtd, SSH server, bridge and dnsmasq.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use cumulo_agent_rt::{
    AgentClient, AgentLink as _,
    sim::{Authority, Inbox},
    tls,
};
use cumulo_proto::{VmState, kvm};
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use crate::{
    fixture::{Guest, eventually, in_namespaces, sh, try_sh},
    libvirt::{HIDDEN, Libvirtd},
    sftp::Sshd,
};

const HOST: &str = "d0000000000000000000000000000001";
const VM: &str = "a0000000000000000000000000000001";
const L3: &str = "e0000000000000000000000000000001";
const NIC: &str = "c0000000000000000000000000000001";
/// The process id file of the network's DHCP server.
const DNSMASQ: &str = "/run/agent/run/dhcp/e0000000000000000000000000000001/pid";
const MAC: &str = "fa:16:3e:00:00:01";

/// A manager with its certificate authority.
struct Manager {
    inbox: Arc<Inbox>,
    link: AgentClient,
    _serving: DropGuard,
}

impl Manager {
    /// Makes the certificates, writes the agent's configuration and listens.
    async fn start() -> Self {
        let authority = Authority::new().unwrap();
        let agent = authority.issue(&tls::agent_name(HOST)).unwrap();
        std::fs::create_dir_all("/run/agent").unwrap();
        for (name, pem) in [("ca", &agent.ca), ("cert", &agent.cert), ("key", &agent.key)] {
            std::fs::write(format!("/run/agent/{name}.pem"), pem).unwrap();
        }
        let config = format!(
            "agent_id = \"{HOST}\"\nlisten = \"127.0.0.1:7070\"\nmetrics_listen = \"127.0.0.1:7071\"\n\
             journal_dir = \"/run/agent/journal\"\n\
             [tls]\nca = \"/run/agent/ca.pem\"\ncert = \"/run/agent/cert.pem\"\nkey = \"/run/agent/key.pem\"\n\
             [kvm]\nvirtualization = \"qemu\"\nstate_dir = \"/run/agent/state\"\nrun_dir = \"/run/agent/run\"\n"
        );
        std::fs::write("/run/agent/kvm-agent.toml", config).unwrap();
        let manager = authority.issue(tls::MANAGER_NAME).unwrap().identity().unwrap();
        let inbox = Arc::new(Inbox::default());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let serving = inbox.serve(address, tls::callback_server(&manager).unwrap()).await.unwrap();
        let (_, client) = watch::channel(tls::client(&manager).unwrap());
        let link = AgentClient::new("127.0.0.1:7070", client, HOST).unwrap();
        Self { inbox, link, _serving: serving }
    }

    async fn call<C: cumulo_proto::AgentCommand>(&self, command: C) -> C::Reply {
        self.inbox.call(&self.link, command).await.unwrap_or_else(|e| panic!("{}: {e}", C::NAME))
    }

    async fn agent(&self) -> Agent {
        let log = std::fs::OpenOptions::new().create(true).append(true).open("/run/agent/log").unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_cumulo-kvm-agent"))
            .args(["--config", "/run/agent/kvm-agent.toml"])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        eventually("the agent to answer", async || self.link.ping().await.ok()).await;
        Agent(child)
    }
}

struct Agent(Child);

impl Agent {
    fn signal(&self, signal: &str) {
        sh(&format!("kill -{signal} {}", self.0.id()));
    }

    /// Ends it as an init system does and returns its exit code.
    async fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        tokio::task::spawn_blocking(move || self.0.wait().unwrap().code()).await.unwrap()
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn network() -> kvm::DhcpNetwork {
    kvm::DhcpNetwork {
        l3_uuid: L3.into(),
        bridge_name: "br_eth1".into(),
        physical_interface: "eth1".into(),
        server_ip: "10.0.101.2".into(),
        prefix_len: 24,
        gateway: "10.0.101.1".into(),
        ..kvm::DhcpNetwork::default()
    }
}

fn vm() -> kvm::VmSpec {
    kvm::VmSpec {
        uuid: VM.into(),
        name: "VM1".into(),
        cpu_num: 1,
        memory: 64 << 20,
        disks: vec![kvm::Disk {
            volume_uuid: "b0000000000000000000000000000001".into(),
            path: "/run/ps/vol/root.qcow2".into(),
            format: "qcow2".into(),
            ..kvm::Disk::default()
        }],
        nics: vec![kvm::Nic {
            uuid: NIC.into(),
            mac: MAC.into(),
            bridge: "br_eth1".into(),
            device_name: "vnic1.0".into(),
            ..kvm::Nic::default()
        }],
        ..kvm::VmSpec::default()
    }
}

/// From nothing to a running VM.
async fn build(manager: &Manager, sshd: &Sshd) {
    let connected = manager.call(kvm::Connect { header: None, host_uuid: HOST.into() }).await;
    let facts = connected.facts.unwrap();
    assert!(facts.cpu_num >= 1 && facts.total_memory > 1 << 28 && facts.os_distribution == "debian", "{facts:?}");
    assert_eq!(facts.virtualization(), kvm::Virtualization::Qemu);
    assert!(facts.ips.contains(&"10.0.101.1".to_owned()) && !facts.qemu_img_version.is_empty(), "{facts:?}");
    let nic = manager.call(kvm::CheckInterface { header: None, name: "eth1".into() }).await;
    assert!(nic.exists && nic.up && nic.bridge.is_empty(), "{nic:?}");

    let storage = manager.call(kvm::InitLocalStorage { header: None, path: "/run/ps".into() }).await;
    assert!(storage.capacity.unwrap().available > 0);
    let bridge = kvm::EnsureBridge {
        l2_uuid: "f0000000000000000000000000000001".into(),
        bridge_name: "br_eth1".into(),
        physical_interface: "eth1".into(),
        ..kvm::EnsureBridge::default()
    };
    manager.call(bridge).await;
    let image = manager
        .call(kvm::DownloadImageToCache {
            image_uuid: "90000000000000000000000000000001".into(),
            source: Some(sshd.source("/run/bs/image.qcow2")),
            cache_path: "/run/ps/cache/image.qcow2".into(),
            ..kvm::DownloadImageToCache::default()
        })
        .await;
    assert_eq!((image.size, image.format.as_str()), (8 << 20, "qcow2"));
    let volume = manager
        .call(kvm::CreateRootVolume {
            volume_uuid: "b0000000000000000000000000000001".into(),
            path: "/run/ps/vol/root.qcow2".into(),
            backing_path: "/run/ps/cache/image.qcow2".into(),
            ..kvm::CreateRootVolume::default()
        })
        .await;
    assert_eq!(volume.volume.unwrap().size, 8 << 20);
    let entry = kvm::DhcpEntry {
        mac: MAC.into(),
        ip: "10.0.101.100".into(),
        vm_uuid: VM.into(),
        nic_uuid: NIC.into(),
        default_route: true,
        ..kvm::DhcpEntry::default()
    };
    manager.call(kvm::AddDhcpEntry { header: None, network: Some(network()), entry: Some(entry) }).await;
    let userdata = kvm::UserdataEntry {
        vm_uuid: VM.into(),
        ip: "10.0.101.100".into(),
        user_data: b"hello".to_vec(),
        ..kvm::UserdataEntry::default()
    };
    manager.call(kvm::EnsureUserdata { header: None, l3_uuid: L3.into(), entry: Some(userdata) }).await;
    let started = manager.call(kvm::StartVm { header: None, vm: Some(vm()) }).await;
    assert!(started.vnc_port >= 5900);
}

/// And back.
async fn tear_down(manager: &Manager) {
    manager.call(kvm::DestroyVm { header: None, vm_uuid: VM.into() }).await;
    manager.call(kvm::RemoveUserdata { header: None, l3_uuid: L3.into(), vm_uuid: VM.into() }).await;
    manager.call(kvm::RemoveDhcpEntry { header: None, l3_uuid: L3.into(), nic_uuid: NIC.into() }).await;
    manager.call(kvm::RemoveDhcp { header: None, l3_uuid: L3.into() }).await;
    for path in ["/run/ps/vol/root.qcow2", "/run/ps/cache/image.qcow2"] {
        manager.call(kvm::DeleteVolume { header: None, volume_uuid: String::new(), path: path.into() }).await;
    }
    let bridge = kvm::RemoveBridge {
        bridge_name: "br_eth1".into(),
        physical_interface: "eth1".into(),
        ..kvm::RemoveBridge::default()
    };
    manager.call(bridge).await;
}

async fn has_vm(manager: &Manager, state: VmState) {
    let is = |r: &cumulo_proto::Report| r.vms.iter().any(|v| v.uuid == VM && v.state() == state);
    assert!(manager.inbox.wait_report(is).await.is_some(), "no report says {state:?}");
}

fn machine() {
    sh("ip link add eth1 type veth peer name far && ip link set eth1 up && ip link set far up");
    sh("ip addr add 10.0.101.1/24 dev eth1 && mkdir -p /run/bs && qemu-img create -q -f qcow2 /run/bs/image.qcow2 8M");
}

#[test]
fn a_vm_from_nothing_and_back_to_nothing() {
    in_namespaces(HIDDEN, async || {
        machine();
        let (_libvirtd, sshd) = (Libvirtd::start().await, Sshd::start().await);
        let manager = Manager::start().await;
        let agent = manager.agent().await;
        assert!(!manager.link.ping().await.unwrap().connected);
        build(&manager, &sshd).await;
        assert!(manager.link.ping().await.unwrap().connected);
        has_vm(&manager, VmState::Running).await;
        // Told again, nothing changes.
        build_again(&manager, &sshd).await;

        // The guest's place, taken by one that speaks DHCP.
        sh("ip link set vnic1.0 nomaster");
        let guest = Guest::plug("g1", MAC, "br_eth1");
        assert_eq!(guest.dhcp().unwrap().ip, "10.0.101.100");
        assert!(guest.run("ip addr add 10.0.101.100/24 dev eth0").status.success());
        assert!(guest.run("ip route add default via 10.0.101.1").status.success());
        let hello = guest.run("curl -sf -m 5 http://169.254.169.254/latest/user-data");
        assert_eq!(String::from_utf8_lossy(&hello.stdout), "hello");
        let metrics = sh("curl -sf http://127.0.0.1:7071/metrics");
        assert!(metrics.contains(r#"cumulo_agent_commands_total{command="StartVm",result="ok"} 2"#), "{metrics}");
        sh("ip netns del g1");

        // A VM that goes by itself is told within seconds.
        sh(&format!("virsh -q destroy {VM}"));
        has_vm(&manager, VmState::Stopped).await;
        tear_down(&manager).await;
        assert_eq!(agent.stop().await, Some(0));

        assert_eq!(sh("virsh -q list --all; ip netns list; nft list tables; find /run/ps -type f"), "");
        assert_eq!(sh("ip -o -4 addr show dev eth1 | grep -c 10.0.101.1/24").trim(), "1");
        let log = std::fs::read_to_string("/run/agent/log").unwrap();
        assert!(!log.contains(crate::sftp::PASSWORD) && !log.contains(" ERROR "), "{log}");
        let journal = sh("stat -c %a /run/agent/journal /run/agent/journal/tasks.journal /run/agent/state");
        assert_eq!(journal, "700\n600\n700\n");
    });
}

async fn build_again(manager: &Manager, sshd: &Sshd) {
    let files = format!("find /run/ps -type f -printf '%p %i %T@\\n' | sort; virsh -q domid {VM}; cat {DNSMASQ}");
    let before = sh(&files);
    // The interface is a port now, which `build` does not expect.
    let nic = manager.call(kvm::CheckInterface { header: None, name: "eth1".into() }).await;
    assert_eq!(nic.bridge, "br_eth1");
    let image = kvm::DownloadImageToCache {
        image_uuid: "90000000000000000000000000000001".into(),
        source: Some(sshd.source("/run/bs/image.qcow2")),
        cache_path: "/run/ps/cache/image.qcow2".into(),
        ..kvm::DownloadImageToCache::default()
    };
    manager.call(image).await;
    manager.call(kvm::StartVm { header: None, vm: Some(vm()) }).await;
    assert_eq!(sh(&files), before);
}

#[test]
fn what_runs_goes_on_while_the_agent_is_killed_and_started() {
    in_namespaces(HIDDEN, async || {
        machine();
        let (_libvirtd, sshd) = (Libvirtd::start().await, Sshd::start().await);
        let manager = Manager::start().await;
        let agent = manager.agent().await;
        build(&manager, &sshd).await;
        let dnsmasq = sh(&format!("cat {DNSMASQ}"));
        agent.kill();

        let agent = manager.agent().await;
        has_vm(&manager, VmState::Running).await;
        assert_eq!(sh(&format!("cat {DNSMASQ} && kill -0 $(cat {DNSMASQ})")), dnsmasq);
        // Metadata is served again without a word from the manager.
        let guest = Guest::plug("g1", "fa:16:3e:00:00:09", "br_eth1");
        assert!(guest.run("ip addr add 10.0.101.100/24 dev eth0").status.success());
        assert!(guest.run("ip route add 169.254.169.254 via 10.0.101.2").status.success());
        eventually("the metadata", async || {
            let output = try_sh(&guest.line("curl -sf -m 2 http://169.254.169.254/latest/user-data"));
            (output.stdout == b"hello").then_some(())
        })
        .await;
        sh("ip netns del g1");
        // A DHCP server that dies is replaced.
        sh(&format!("kill -9 {}", dnsmasq.trim()));
        let alive = format!("kill -0 $(cat {DNSMASQ})");
        eventually("another DHCP server", async || try_sh(&alive).status.success().then_some(())).await;
        // New certificates are taken without a restart, and bad ones are not.
        agent.signal("HUP");
        std::fs::write("/run/agent/cert.pem", "nonsense").unwrap();
        agent.signal("HUP");
        eventually("the refusal in the log", async || {
            let log = std::fs::read_to_string("/run/agent/log").unwrap();
            log.contains("the old ones stay").then_some(())
        })
        .await;
        tear_down(&manager).await;
        assert_eq!(agent.stop().await, Some(0));
    });
}

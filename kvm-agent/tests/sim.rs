//! The simulated host runs the same commands, and everything on the way to it can fail.

use std::{sync::Arc, time::Duration};

use cumulo_agent_rt::{
    AgentLink, LinkError,
    sim::{CallError, Fault, Inbox, On},
    submit,
};
use cumulo_kvm_agent::{
    domains::DomainState,
    sim::{SimHost, SimSpec, SimWorld},
};
use cumulo_proto::{AgentCommand, VmState, kvm};

const HOST: &str = "d0000000000000000000000000000001";
const VM: &str = "a0000000000000000000000000000001";
const L3: &str = "e0000000000000000000000000000001";
const NIC: &str = "c0000000000000000000000000000001";
const IMAGE: &str = "/ps/cache/image";
const ROOT: &str = "/ps/vol/root";

struct Sim {
    host: SimHost,
    inbox: Arc<Inbox>,
    link: Arc<dyn AgentLink>,
}

impl Sim {
    async fn new() -> Self {
        let inbox = Arc::new(Inbox::default());
        let host = SimHost::new(SimSpec::new(HOST), Arc::clone(&inbox) as _);
        let link = host.link();
        let sim = Self { host, inbox, link };
        sim.call(kvm::Connect { header: None, host_uuid: HOST.into() }).await.unwrap();
        sim.call(kvm::InitLocalStorage { header: None, path: "/ps".into() }).await.unwrap();
        sim.call(bridge()).await.unwrap();
        sim
    }

    async fn call<C: AgentCommand>(&self, command: C) -> Result<C::Reply, CallError> {
        self.inbox.call(&*self.link, command).await
    }

    async fn code<C: AgentCommand>(&self, command: C) -> String {
        self.call(command).await.unwrap_err().code().unwrap().to_owned()
    }

    async fn build(&self) {
        self.call(download()).await.unwrap();
        self.call(root_volume(0)).await.unwrap();
        self.call(lease(NIC, "fa:16:3e:00:00:01", "10.0.0.9")).await.unwrap();
        self.call(userdata()).await.unwrap();
        self.call(start()).await.unwrap();
    }

    async fn tear_down(&self) {
        self.call(kvm::DestroyVm { header: None, vm_uuid: VM.into() }).await.unwrap();
        self.call(kvm::RemoveUserdata { header: None, l3_uuid: L3.into(), vm_uuid: VM.into() }).await.unwrap();
        self.call(kvm::RemoveDhcpEntry { header: None, l3_uuid: L3.into(), nic_uuid: NIC.into() }).await.unwrap();
        self.call(kvm::DeleteVolume { path: ROOT.into(), ..kvm::DeleteVolume::default() }).await.unwrap();
        let image = kvm::DeleteCachedImage { cache_path: IMAGE.into(), ..kvm::DeleteCachedImage::default() };
        self.call(image).await.unwrap();
    }

    async fn state(&self) -> VmState {
        self.call(kvm::GetVmState { header: None, vm_uuid: VM.into() }).await.unwrap().state()
    }
}

fn bridge() -> kvm::EnsureBridge {
    kvm::EnsureBridge {
        bridge_name: "br_eth1".into(),
        physical_interface: "eth1".into(),
        ..kvm::EnsureBridge::default()
    }
}

fn download() -> kvm::DownloadImageToCache {
    let source = kvm::SftpFile {
        host: "bs".into(),
        username: "root".into(),
        password: "x".into(),
        path: "/bs/image".into(),
        ..kvm::SftpFile::default()
    };
    kvm::DownloadImageToCache {
        image_uuid: "90000000000000000000000000000001".into(),
        source: Some(source),
        cache_path: IMAGE.into(),
        ..kvm::DownloadImageToCache::default()
    }
}

fn root_volume(size: u64) -> kvm::CreateRootVolume {
    kvm::CreateRootVolume {
        volume_uuid: "b0000000000000000000000000000001".into(),
        path: ROOT.into(),
        backing_path: IMAGE.into(),
        virtual_size: size,
        ..kvm::CreateRootVolume::default()
    }
}

fn network() -> kvm::DhcpNetwork {
    kvm::DhcpNetwork {
        l3_uuid: L3.into(),
        bridge_name: "br_eth1".into(),
        server_ip: "10.0.0.2".into(),
        prefix_len: 24,
        ..kvm::DhcpNetwork::default()
    }
}

fn entry(nic: &str, mac: &str, ip: &str) -> kvm::DhcpEntry {
    kvm::DhcpEntry {
        mac: mac.into(),
        ip: ip.into(),
        vm_uuid: VM.into(),
        nic_uuid: nic.into(),
        ..kvm::DhcpEntry::default()
    }
}

fn lease(nic: &str, mac: &str, ip: &str) -> kvm::AddDhcpEntry {
    kvm::AddDhcpEntry { header: None, network: Some(network()), entry: Some(entry(nic, mac, ip)) }
}

fn userdata() -> kvm::EnsureUserdata {
    let entry = kvm::UserdataEntry { vm_uuid: VM.into(), ip: "10.0.0.9".into(), ..kvm::UserdataEntry::default() };
    kvm::EnsureUserdata { header: None, l3_uuid: L3.into(), entry: Some(entry) }
}

fn start() -> kvm::StartVm {
    let vm = kvm::VmSpec {
        uuid: VM.into(),
        name: "VM1".into(),
        cpu_num: 1,
        memory: 1 << 27,
        disks: vec![kvm::Disk {
            volume_uuid: "b0000000000000000000000000000001".into(),
            path: ROOT.into(),
            format: "qcow2".into(),
            ..kvm::Disk::default()
        }],
        nics: vec![kvm::Nic {
            uuid: NIC.into(),
            mac: "fa:16:3e:00:00:01".into(),
            bridge: "br_eth1".into(),
            device_name: "vnic1.0".into(),
            ..kvm::Nic::default()
        }],
        ..kvm::VmSpec::default()
    };
    kvm::StartVm { header: None, vm: Some(vm) }
}

fn stop(mode: kvm::StopMode) -> kvm::StopVm {
    kvm::StopVm { vm_uuid: VM.into(), mode: mode.into(), timeout_s: 1, ..kvm::StopVm::default() }
}

#[tokio::test]
async fn what_is_built_twice_is_there_once_and_what_is_removed_twice_is_gone() {
    let sim = Sim::new().await;
    let fresh = sim.host.world();
    sim.build().await;
    let built = sim.host.world();
    sim.build().await;
    assert_eq!(sim.host.world(), built);
    let SimWorld { vms, files, leases, userdata, .. } = &built;
    assert_eq!((vms.len(), files.len(), leases.len(), userdata.len()), (1, 2, 1, 1));
    assert_eq!(vms.values().next().unwrap().state, DomainState::Running);
    for _ in 0..2 {
        sim.tear_down().await;
        assert_eq!(sim.host.world().without_infrastructure(), fresh.clone().without_infrastructure());
    }
    sim.call(kvm::RemoveDhcp { header: None, l3_uuid: L3.into() }).await.unwrap();
    assert_eq!(sim.host.world(), fresh);
}

#[tokio::test]
async fn a_vm_passes_through_its_states() {
    let sim = Sim::new().await;
    let pause = || kvm::PauseVm { header: None, vm_uuid: VM.into() };
    let resume = || kvm::ResumeVm { header: None, vm_uuid: VM.into() };
    assert_eq!(sim.state().await, VmState::Absent);
    assert_eq!(sim.code(pause()).await, "vm.absent");
    sim.build().await;
    sim.call(pause()).await.unwrap();
    assert_eq!(sim.state().await, VmState::Paused);
    sim.call(resume()).await.unwrap();
    assert!(sim.call(stop(kvm::StopMode::Graceful)).await.unwrap().graceful);
    assert_eq!(sim.state().await, VmState::Stopped);
    assert_eq!(sim.code(resume()).await, "vm.state");
    assert_eq!(sim.code(kvm::GetVncPort { header: None, vm_uuid: VM.into() }).await, "vm.state");
    sim.call(start()).await.unwrap();
    assert!(!sim.call(stop(kvm::StopMode::Hard)).await.unwrap().graceful);
    sim.call(start()).await.unwrap();
    sim.host.doors().domains.set_deaf(true);
    let reboot = kvm::RebootVm { vm: start().vm, timeout_s: 1, ..kvm::RebootVm::default() };
    sim.call(reboot).await.unwrap();
    assert_eq!(sim.state().await, VmState::Running);
    // While a guest takes its time, its state can be asked for.
    let request = kvm::StopVm { header: Some(sim.inbox.header("slow")), ..stop(kvm::StopMode::Graceful) };
    submit(&*sim.link, &request).await.unwrap();
    assert_eq!(sim.state().await, VmState::Running);
    sim.inbox.wait_outcomes("slow", 1).await.unwrap();
    assert_eq!(sim.state().await, VmState::Stopped);
    let listed = sim.call(kvm::ListVms { header: None }).await.unwrap();
    assert_eq!(listed.vms.len(), 1);
}

#[tokio::test]
async fn a_nic_comes_and_goes() {
    let sim = Sim::new().await;
    let nic = || {
        Some(kvm::Nic {
            uuid: "c0000000000000000000000000000002".into(),
            mac: "fa:16:3e:00:00:02".into(),
            bridge: "br_eth1".into(),
            device_name: "vnic1.1".into(),
            ..kvm::Nic::default()
        })
    };
    let attach = || kvm::AttachNic { header: None, vm_uuid: VM.into(), nic: nic() };
    let detach = || kvm::DetachNic { header: None, vm_uuid: VM.into(), mac: "FA:16:3E:00:00:02".into(), timeout_s: 1 };
    let nics = || sim.host.world().vms.values().next().unwrap().spec.nics.len();
    assert_eq!(sim.code(attach()).await, "vm.absent");
    assert_eq!(sim.code(kvm::AttachNic { nic: None, ..attach() }).await, "host.bad-request");
    sim.call(detach()).await.expect("a VM that is not here has no NIC");
    sim.build().await;
    for _ in 0..2 {
        sim.call(attach()).await.unwrap();
        assert_eq!(nics(), 2);
    }
    sim.host.doors().domains.set_deaf(true);
    assert_eq!(sim.code(detach()).await, "vm.nic-held");
    assert_eq!(nics(), 2);
    sim.host.doors().domains.set_deaf(false);
    for _ in 0..2 {
        sim.call(detach()).await.unwrap();
        assert_eq!(nics(), 1);
    }
}

#[tokio::test]
async fn a_vlan_comes_and_goes_with_its_bridge() {
    let sim = Sim::new().await;
    let before = sim.host.world();
    let vlan = |device: &str| Some(kvm::Vlan { id: 100, device: device.into() });
    let tagged = || kvm::EnsureBridge { bridge_name: "br_eth1_100".into(), vlan: vlan("eth1.100"), ..bridge() };
    for _ in 0..2 {
        sim.call(tagged()).await.unwrap();
    }
    assert_eq!((sim.host.world().bridges.len(), sim.host.world().vlans.len()), (2, 1));
    let other = kvm::EnsureBridge { bridge_name: "br_other".into(), vlan: vlan("other"), ..bridge() };
    assert_eq!(sim.code(other).await, "network.vlan-taken");
    for _ in 0..2 {
        let kvm::EnsureBridge { bridge_name, physical_interface, vlan, .. } = tagged();
        let gone = kvm::RemoveBridge { bridge_name, physical_interface, vlan, ..kvm::RemoveBridge::default() };
        sim.call(gone).await.unwrap();
    }
    assert_eq!(sim.host.world(), before);
}

#[tokio::test]
async fn values_that_cannot_be_are_refused_and_change_nothing() {
    let sim = Sim::new().await;
    sim.call(download()).await.unwrap();
    let before = sim.host.world();
    let outside =
        kvm::CreateEmptyVolume { path: "/etc/x".into(), virtual_size: 1, ..kvm::CreateEmptyVolume::default() };
    assert_eq!(sim.code(outside).await, "storage.outside");
    assert_eq!(sim.code(root_volume(5)).await, "storage.too-small");
    let missing = kvm::CreateRootVolume { backing_path: "/ps/none".into(), ..root_volume(0) };
    assert_eq!(sim.code(missing).await, "storage.no-such-file");
    assert_eq!(sim.code(kvm::InitLocalStorage { header: None, path: "/etc".into() }).await, "storage.bad-path");
    assert_eq!(sim.code(kvm::GetCapacity { header: None, path: "/other".into() }).await, "storage.outside");
    assert_eq!(sim.code(lease(NIC, "fa:16:3e:00:00:01\n", "10.0.0.9")).await, "host.bad-request");
    assert_eq!(sim.code(lease(NIC, "fa:16:3e:00:00:01", "10.0.1.9")).await, "host.bad-request");
    assert_eq!(sim.code(lease(NIC, "fa:16:3e:00:00:01", "10.0.0.2")).await, "host.bad-request");
    assert_eq!(sim.code(userdata()).await, "dhcp.absent");
    assert_eq!(sim.code(kvm::Connect { header: None, host_uuid: VM.into() }).await, "host.wrong-host");
    let no_nic = kvm::EnsureBridge { physical_interface: "eth7".into(), ..bridge() };
    assert_eq!(sim.code(no_nic).await, "network.no-interface");
    let taken = kvm::EnsureBridge { bridge_name: "br_x".into(), ..bridge() };
    assert_eq!(sim.code(taken).await, "network.interface-taken");
    for (id, device) in [(0, "eth1.0"), (4095, "eth1.4095"), (100, "../eth1"), (100, "")] {
        let vlan = Some(kvm::Vlan { id, device: device.into() });
        assert_eq!(sim.code(kvm::EnsureBridge { vlan, ..bridge() }).await, "host.bad-request");
    }
    for change in [
        |vm: &mut kvm::VmSpec| vm.uuid = "../x".into(),
        |vm: &mut kvm::VmSpec| vm.cpu_num = 0,
        |vm: &mut kvm::VmSpec| vm.memory = 0,
        |vm: &mut kvm::VmSpec| vm.machine = "virt".into(),
        |vm: &mut kvm::VmSpec| vm.disks[0].format = "vmdk".into(),
        |vm: &mut kvm::VmSpec| vm.disks.push(vm.disks[0].clone()),
        |vm: &mut kvm::VmSpec| vm.nics[0].device_name = "a'/><evil".into(),
        |vm: &mut kvm::VmSpec| vm.nics[0].model = "evil".into(),
        |vm: &mut kvm::VmSpec| vm.topology = Some(kvm::CpuTopology { sockets: 2, cores: 1, threads: 1 }),
        |vm: &mut kvm::VmSpec| vm.console = Some(kvm::Console { password: "a b".into(), ..Default::default() }),
    ] {
        let mut request = start();
        change(request.vm.as_mut().unwrap());
        assert_eq!(sim.code(request).await, "host.bad-request");
    }
    assert_eq!(sim.host.world(), before);
}

#[tokio::test]
async fn the_state_of_a_network_is_taken_whole_and_never_older() {
    let sim = Sim::new().await;
    let other = "c0000000000000000000000000000002";
    let ensure = |generation, entries| kvm::EnsureDhcp { header: None, network: Some(network()), entries, generation };
    let (one, two) = (entry(NIC, "fa:16:3e:00:00:01", "10.0.0.9"), entry(other, "fa:16:3e:00:00:02", "10.0.0.10"));
    sim.call(ensure(2, vec![one.clone(), two.clone()])).await.unwrap();
    assert_eq!(sim.host.world().leases.len(), 2);
    sim.call(userdata()).await.unwrap();
    sim.call(ensure(3, vec![two])).await.unwrap();
    let world = sim.host.world();
    assert_eq!((world.leases.len(), world.userdata.len()), (1, 1));
    assert_eq!(sim.code(ensure(2, vec![one])).await, "dhcp.old-generation");
    // An address that has a new owner was taken from the old one.
    sim.call(lease(NIC, "fa:16:3e:00:00:03", "10.0.0.10")).await.unwrap();
    let owners: Vec<_> = sim.host.world().leases.into_keys().map(|(_, nic)| nic.to_string()).collect();
    assert_eq!(owners, [NIC]);
}

#[tokio::test]
async fn calls_fail_as_planned() {
    let sim = Sim::new().await;
    let faults = sim.host.faults();
    faults.clear();
    faults.plan(On::Next("CreateRootVolume"), Fault::FailBefore);
    faults.plan(On::Nth(3), Fault::FailAfter);
    faults.plan(On::Every("StartVm"), Fault::DropRequest);
    sim.call(download()).await.unwrap();
    assert_eq!(sim.code(root_volume(0)).await, "sim.injected");
    assert_eq!(sim.host.world().files.len(), 1, "it failed before it took effect");
    sim.call(root_volume(0)).await.unwrap();
    assert_eq!(sim.code(lease(NIC, "fa:16:3e:00:00:01", "10.0.0.9")).await, "sim.injected");
    assert_eq!(sim.host.world().leases.len(), 1, "it failed after it took effect");
    for _ in 0..2 {
        let lost = sim.call(start()).await.unwrap_err();
        assert!(matches!(lost, CallError::Link(LinkError::Unreachable { .. })), "{lost}");
    }
    assert!(sim.host.world().vms.is_empty());
    let made: Vec<_> = faults.calls().iter().map(|c| c.command).collect();
    assert_eq!(
        made,
        ["DownloadImageToCache", "CreateRootVolume", "CreateRootVolume", "AddDhcpEntry", "StartVm", "StartVm"]
    );
    faults.plan(On::Next("Ping"), Fault::DropRequest);
    assert!(sim.link.ping().await.is_err() && sim.link.ping().await.is_ok());
    faults.clear();
    faults.plan(On::Next("StartVm"), Fault::Delay(Duration::from_millis(50)));
    let started = std::time::Instant::now();
    sim.call(start()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_host_that_loses_power_keeps_its_disks_and_nothing_else() {
    let mut sim = Sim::new().await;
    sim.build().await;
    let before = sim.host.world();
    sim.host.lose_power().await;
    sim.link = sim.host.link();
    let after = sim.host.world();
    assert_eq!(after.files, before.files);
    assert!(after.leases.is_empty() && after.userdata.is_empty());
    assert_eq!(sim.state().await, VmState::Stopped);
    assert!(!sim.link.ping().await.unwrap().connected);
    sim.build().await;
    assert_eq!(sim.host.world(), before);
}

#[tokio::test]
async fn a_simulated_host_reports_what_happens_on_it() {
    let sim = Sim::new().await;
    sim.build().await;
    sim.host.report();
    let vm_is = |state: VmState| {
        move |r: &cumulo_proto::Report| r.agent == HOST && r.vms.iter().any(|v| v.uuid == VM && v.state() == state)
    };
    let first = sim.inbox.wait_report(vm_is(VmState::Running)).await.unwrap();
    assert_eq!(first.storages[0].path, "/ps");
    sim.call(stop(kvm::StopMode::Hard)).await.unwrap();
    let second = sim.inbox.wait_report(vm_is(VmState::Stopped)).await.unwrap();
    assert!(second.sequence > first.sequence && second.boot_id == first.boot_id);
}

#[tokio::test]
async fn a_simulated_host_measures_what_runs_on_it() {
    let sim = Sim::new().await;
    sim.build().await;
    sim.host.measure(Duration::from_millis(20));
    let figure = |samples: &cumulo_proto::Samples, vm: &str, metric: &str| {
        let usage = samples.usages.iter().find(|usage| usage.vm_uuid == vm)?;
        usage.measurements.iter().find(|measured| measured.metric == metric).map(|measured| measured.value)
    };
    let works = |s: &cumulo_proto::Samples| figure(s, VM, "CPUAverageUsedUtilization").is_some_and(|used| used > 0.0);
    let samples = sim.inbox.wait_samples(works).await.unwrap();
    assert_eq!(samples.agent, HOST);
    assert_eq!(figure(&samples, VM, "MemoryUsedInPercent"), Some(50.0));
    assert!(figure(&samples, "", "DiskFreeCapacityInBytes").is_some_and(|free| free > 0.0));
    assert!(sim.host.runtime().metrics_text().contains(&format!("cumulo_vm_memory_used_in_percent{{vm=\"{VM}\"}} 50")));

    sim.call(stop(kvm::StopMode::Hard)).await.unwrap();
    let gone = |s: &cumulo_proto::Samples| s.taken_ms >= samples.taken_ms && s.usages.iter().all(|u| u.vm_uuid != VM);
    assert!(sim.inbox.wait_samples(gone).await.is_some(), "a VM that does not run uses nothing");
}

const FLAT: &str = "/ps/flat/image";

fn flatten() -> kvm::FlattenVolume {
    kvm::FlattenVolume {
        vm_uuid: VM.into(),
        path: ROOT.into(),
        format: "qcow2".into(),
        to: FLAT.into(),
        ..kvm::FlattenVolume::default()
    }
}

fn upload(host: &str) -> kvm::UploadImage {
    let to = kvm::SftpFile {
        host: host.into(),
        username: "root".into(),
        password: "x".into(),
        path: "/bs/made.incoming".into(),
        ..kvm::SftpFile::default()
    };
    kvm::UploadImage { path: FLAT.into(), to: Some(to), ..kvm::UploadImage::default() }
}

#[tokio::test]
async fn a_volume_becomes_a_file_that_goes_to_a_backup_storage() {
    let sim = Sim::new().await;
    sim.build().await;
    assert_eq!(sim.code(flatten()).await, "vm.state", "it runs");
    sim.call(kvm::PauseVm { header: None, vm_uuid: VM.into() }).await.unwrap();
    assert_eq!(sim.code(flatten()).await, "vm.state", "nor while it is paused");
    sim.call(kvm::DestroyVm { header: None, vm_uuid: VM.into() }).await.unwrap();
    assert_eq!(sim.code(kvm::FlattenVolume { format: "vmdk".into(), ..flatten() }).await, "host.bad-request");
    assert_eq!(sim.code(kvm::FlattenVolume { to: "/etc/x".into(), ..flatten() }).await, "storage.outside");
    let missing = kvm::FlattenVolume { path: "/ps/vol/none".into(), ..flatten() };
    assert_eq!(sim.code(missing).await, "storage.no-such-file");
    assert_eq!(sim.code(upload("bs")).await, "storage.no-such-file");

    let made = sim.call(flatten()).await.unwrap();
    let facts = made.image.clone().unwrap();
    let files = sim.host.world().files;
    let below = [&files[IMAGE.as_ref() as &std::path::Path], &files[ROOT.as_ref() as &std::path::Path]];
    assert_eq!(facts.actual_size, below.iter().map(|file| file.actual_size).sum::<u64>());
    assert!(files[FLAT.as_ref() as &std::path::Path].is_whole());
    assert_eq!(sim.call(flatten()).await.unwrap(), made, "it is left as it is");

    let storage = cumulo_agent_rt::storage::FakeDisks::new(1 << 40);
    sim.host.doors().images.join("bs", storage.clone());
    assert_eq!(sim.code(upload("elsewhere")).await, "image.upload");
    assert_eq!(sim.code(upload("bs")).await, "image.upload", "nobody made room");
    let room = cumulo_agent_rt::storage::FakeFile { actual_size: 0, ..below[0].clone() };
    storage.put("/bs/made.incoming".as_ref(), room).unwrap();
    let sent = sim.call(upload("bs")).await.unwrap();
    let there = &storage.files()["/bs/made.incoming".as_ref() as &std::path::Path];
    assert_eq!(sent.sha256, cumulo_agent_rt::storage::FakeDisks::digests_of(there).sha256);
    assert_eq!(there.virtual_size, facts.size);

    sim.call(kvm::DeleteVolume { path: FLAT.into(), ..kvm::DeleteVolume::default() }).await.unwrap();
    assert!(!sim.host.world().files.contains_key(FLAT.as_ref() as &std::path::Path));
}

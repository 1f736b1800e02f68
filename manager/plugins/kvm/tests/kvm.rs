//! The plugin on a simulated host: what services ask for is what the host then has.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{BootDevice, CdRomSpec, HostConnector, Hypervisor, NicSpec, OnVmsReported, StopKind, VmSpec},
    message::volume::VolumeOnHost,
    resource::{BootMode, Cluster, Host, HostState, HostStatus, KVMHost, VmInstance, VmState, Zone},
};
use cumulo_gateway::{DeployError, Deployer, Deployment, Gateway};
use cumulo_kvm_agent::{
    domains::DomainState,
    sim::{SimHost, SimSpec},
};
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Json, Resource, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};

const PATIENCE: Duration = Duration::from_secs(20);

/// Brings in simulated hosts, and remembers what it was told to log in with.
#[derive(Default)]
struct Sims {
    gateway: OnceLock<Gateway>,
    state: Mutex<Option<(Arc<SimHost>, Deployment)>>,
}

impl Sims {
    fn host(&self) -> Arc<SimHost> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map(|(host, _)| host.clone()).expect("deployed")
    }

    fn deployment(&self) -> Deployment {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map(|(_, deployment)| deployment.clone()).expect("deployed")
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.get().expect("installed")
    }
}

#[async_trait]
impl Deployer for Sims {
    async fn deploy(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let host = SimHost::new(SimSpec::new(&deployment.agent.to_string()), self.gateway().callbacks());
        host.report();
        self.gateway().attach_link(deployment.agent, host.link());
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::new(host), deployment.clone()));
        Ok(())
    }
}

/// A host and the VMs it has.
type OfHost = (Uuid, Vec<(Uuid, VmState)>);

/// What was reported last.
#[derive(Default)]
struct Reported(Mutex<Option<OfHost>>);

#[async_trait]
impl OnVmsReported for Reported {
    async fn vms_reported(&self, host: Uuid, vms: &[(Uuid, VmState)]) -> Result<(), ErrorCode> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((host, vms.to_vec()));
        Ok(())
    }
}

struct World {
    node: TestNode,
    sims: Arc<Sims>,
    reported: Arc<Reported>,
    host: Uuid,
}

impl World {
    async fn new() -> Self {
        let (sims, reported) = (Arc::new(Sims::default()), Arc::new(Reported::default()));
        let node = TestNode::start(|setup| {
            for meta in [Zone::META, Cluster::META, VmInstance::META, Host::META, KVMHost::META] {
                stranger(setup, meta);
            }
            let gateway = Gateway::in_process(setup, sims.clone());
            setup.add::<dyn OnVmsReported>(reported.clone());
            cumulo_plugin_kvm::install(setup, gateway.clone());
            assert!(sims.gateway.set(gateway).is_ok(), "one gateway a world");
        })
        .await;
        let world = Self { node, sims, reported, host: Uuid::random() };
        world.record().await;
        world
    }

    async fn record(&self) {
        let now = Timestamp::now();
        let mut batch = self.node.kernel().db().batch();
        batch.insert(&Host {
            zone_uuid: Uuid::random(),
            name: "HOST".to_owned(),
            uuid: self.host,
            cluster_uuid: Uuid::random(),
            description: None,
            management_ip: "10.0.0.1".to_owned(),
            hypervisor_type: "KVM".to_owned(),
            state: HostState::Enabled,
            status: HostStatus::Connecting,
            total_cpu_capacity: 0,
            available_cpu_capacity: 0,
            cpu_sockets: 0,
            total_memory_capacity: 0,
            available_memory_capacity: 0,
            cpu_num: 0,
            ipmi_address: None,
            ipmi_username: None,
            ipmi_port: None,
            ipmi_power_status: None,
            architecture: None,
            create_date: now,
            last_op_date: now,
            cpu_mhz: 0,
            physical_memory: 0,
            used_memory: 0,
            reserved_memory: 0,
            vms: 0,
            facts: Json(serde_json::Value::Null),
            updated_by: None,
        });
        batch.insert(&KVMHost {
            uuid: self.host,
            username: "ops".to_owned(),
            password: self.node.kernel().vault().seal("pa55word"),
            ssh_port: 2222,
            os_distribution: None,
            os_release: None,
            os_version: None,
            host_key: None,
            agent_port: 7070,
        });
        self.node.kernel().db().commit(batch).await.expect("recorded");
    }

    fn connector(&self) -> Arc<dyn HostConnector> {
        self.node.kernel().registry().driver::<dyn HostConnector>("hosts", "KVM").expect("installed")
    }

    fn hypervisor(&self) -> Arc<dyn Hypervisor> {
        self.node.kernel().registry().driver::<dyn Hypervisor>("hypervisor", "KVM").expect("installed")
    }

    /// A disk and a bridge, so that a VM can start.
    async fn furnish(&self) {
        let gateway = self.sims.gateway();
        let root = kvm::InitLocalStorage { header: None, path: "/ps".to_owned() };
        gateway.call(self.host, Uuid::random(), root).await.expect("made");
        let disk = kvm::CreateEmptyVolume {
            volume_uuid: Uuid::random().to_string(),
            path: "/ps/root".to_owned(),
            virtual_size: 1 << 30,
            ..kvm::CreateEmptyVolume::default()
        };
        gateway.call(self.host, Uuid::random(), disk).await.expect("made");
        let bridge = kvm::EnsureBridge {
            bridge_name: "br_eth1".to_owned(),
            physical_interface: "eth1".to_owned(),
            ..kvm::EnsureBridge::default()
        };
        gateway.call(self.host, Uuid::random(), bridge).await.expect("made");
    }

    /// The state of the host's only VM; `None` where it has none.
    fn state(&self) -> Option<DomainState> {
        self.sims.host().world().vms.values().next().map(|vm| vm.state)
    }

    async fn await_report(&self, wanted: &[(Uuid, VmState)]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.reported.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if seen.as_ref().is_some_and(|(host, vms)| *host == self.host && vms == wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "reported was {seen:?}, not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn vm() -> VmSpec {
    VmSpec {
        vm: Uuid::random(),
        name: "</name> \"VM\" $(reboot)".to_owned(),
        cpu_num: 2,
        memory: 1 << 28,
        platform: "Linux".to_owned(),
        volumes: vec![VolumeOnHost {
            volume: Uuid::random(),
            path: "/ps/root".to_owned(),
            format: "qcow2".to_owned(),
            device_id: 0,
        }],
        nics: vec![NicSpec {
            nic: Uuid::random(),
            mac: "fa:16:3e:00:00:01".to_owned(),
            bridge: "br_eth1".to_owned(),
            internal_name: "vnic1.0".to_owned(),
            model: "virtio".to_owned(),
            device_id: 0,
            link_up: true,
        }],
        cd_roms: vec![CdRomSpec { device_id: 0, path: None }],
        boot_order: vec![BootDevice::Network, BootDevice::HardDisk],
        boot_mode: BootMode::Uefi,
        sealed_console_password: None,
    }
}

#[tokio::test]
async fn connecting_deploys_with_the_recorded_login_and_learns_the_facts() {
    let world = World::new().await;
    let facts = world.connector().connect(world.host, true).await.expect("connected");
    assert_eq!((facts.cpu_num, facts.total_memory, facts.cpu_sockets), (64, 256 << 30, 2));
    assert_eq!(facts.os, ("debian".to_owned(), "bookworm".to_owned(), "12".to_owned()));
    for tag in ["os::distribution::debian", "os::release::bookworm", "os::version::12"] {
        assert!(facts.tags.iter().any(|known| known == tag), "{tag} of {:?}", facts.tags);
    }
    for tag in &facts.tags {
        world.node.kernel().tags().check("HostVO", tag).expect("declared");
    }
    let target = world.sims.deployment().target;
    assert_eq!((target.host.as_str(), target.port, target.username.as_str()), ("10.0.0.1", 2222, "ops"));
    assert_eq!(target.password.expose(), "pa55word");
    assert!(!format!("{target:?}").contains("pa55word"));
}

#[tokio::test]
async fn an_agent_that_was_restarted_is_greeted_again() {
    let world = World::new().await;
    world.connector().connect(world.host, true).await.expect("connected");
    let host = world.sims.host();
    host.lose_power().await;
    world.sims.gateway().attach_link(world.host, host.link());
    assert!(!host.runtime().ping().connected);
    world.connector().ping(world.host).await.expect("lives");
    assert!(host.runtime().ping().connected);
}

#[tokio::test]
async fn a_vm_lives_as_it_is_told_and_every_command_can_be_given_twice() {
    let world = World::new().await;
    world.connector().connect(world.host, true).await.expect("connected");
    world.furnish().await;
    let (hypervisor, host, spec) = (world.hypervisor(), world.host, vm());
    let task = Uuid::random;
    let how = StopKind::Graceful { timeout_s: 5 };
    for _ in 0..2 {
        hypervisor.start(host, task(), &spec).await.expect("started");
        assert_eq!(world.state(), Some(DomainState::Running));
    }
    let console = hypervisor.console(host, task(), spec.vm).await.expect("answered");
    assert_eq!((console.ip.as_str(), console.protocol.as_str()), ("10.0.0.1", "vnc"));
    assert!(console.port >= 5900, "{}", console.port);
    for _ in 0..2 {
        hypervisor.pause(host, task(), spec.vm).await.expect("paused");
        assert_eq!(world.state(), Some(DomainState::Paused));
    }
    for _ in 0..2 {
        hypervisor.resume(host, task(), spec.vm).await.expect("resumed");
        assert_eq!(world.state(), Some(DomainState::Running));
    }
    hypervisor.reboot(host, task(), &spec, how).await.expect("rebooted");
    assert_eq!(world.state(), Some(DomainState::Running));
    for how in [how, StopKind::Hard] {
        hypervisor.stop(host, task(), spec.vm, how).await.expect("stopped");
        assert_ne!(world.state(), Some(DomainState::Running));
    }
    for _ in 0..2 {
        hypervisor.destroy(host, task(), spec.vm).await.expect("destroyed");
        assert_eq!(world.state(), None);
    }
}

#[tokio::test]
async fn the_same_task_is_done_once() {
    let world = World::new().await;
    world.connector().connect(world.host, true).await.expect("connected");
    world.furnish().await;
    let (hypervisor, spec, task) = (world.hypervisor(), vm(), Uuid::random());
    hypervisor.start(world.host, task, &spec).await.expect("started");
    hypervisor.destroy(world.host, Uuid::random(), spec.vm).await.expect("destroyed");
    hypervisor.start(world.host, task, &spec).await.expect("answered from the journal");
    assert_eq!(world.state(), None, "it was not started again");
}

#[tokio::test]
async fn what_runs_is_reported_to_who_wants_to_know() {
    let world = World::new().await;
    world.connector().connect(world.host, true).await.expect("connected");
    world.await_report(&[]).await;
    world.furnish().await;
    let spec = vm();
    world.hypervisor().start(world.host, Uuid::random(), &spec).await.expect("started");
    world.await_report(&[(spec.vm, VmState::Running)]).await;
    world.hypervisor().pause(world.host, Uuid::random(), spec.vm).await.expect("paused");
    world.await_report(&[(spec.vm, VmState::Paused)]).await;
}

#[tokio::test]
async fn a_host_that_is_let_go_is_not_called_any_more() {
    let world = World::new().await;
    world.connector().connect(world.host, true).await.expect("connected");
    for _ in 0..2 {
        world.connector().disconnect(world.host).await.expect("let go");
    }
    let error = world.connector().ping(world.host).await.expect_err("let go");
    assert_eq!(error.code, "HOST.1000");
}

//! A node with the host service, a cluster, and machines that are made of settings.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::{
        host::{BeforeHostDelete, HostCandidate, HostFilter, HostRequest, OnHostConnected},
        hypervisor::{HostConnector, HostFacts, OsUpdate, OsUpdater},
    },
    message::{
        host::{AllocateHost, HostChoice, ReleaseHost},
        vm::StopVms,
    },
    resource::{Cluster, Host, KVMHost, ResourceState, SimulatorHost, VmInstance, Zone},
};
use cumulo_kernel::{
    Kernel, Setup,
    bus::Handle,
    tag::{TagDef, any_tokens},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes, system::SystemTag};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub(crate) const GIB: i64 = 1 << 30;
const CHAINS: &str = include_str!("../../flows.toml");
const PATIENCE: Duration = Duration::from_secs(20);

const LIBVIRT: TagDef =
    TagDef { resource: "HostVO", pattern: "libvirt::version::{version}", doc: "", check: any_tokens };

/// What the driver and the observers did, and what they are told to fail.
#[derive(Default)]
pub(crate) struct Machines(Mutex<State>);

#[derive(Default)]
pub(crate) struct State {
    /// Connected hosts, and how often each was deployed to.
    pub(crate) connected: BTreeMap<Uuid, usize>,
    /// Hosts that observers prepared.
    pub(crate) prepared: BTreeSet<Uuid>,
    /// Hosts that do not answer.
    pub(crate) silent: BTreeSet<Uuid>,
    /// Why connecting fails.
    pub(crate) refuses: Option<&'static str>,
    /// Why preparing fails.
    pub(crate) unprepared: Option<&'static str>,
    /// Whether the node goes away that was asked to prepare.
    pub(crate) cut_off: bool,
    /// What the plugin's filter holds against everybody.
    pub(crate) filtered: Option<&'static str>,
    /// But for these.
    pub(crate) spared: BTreeSet<Uuid>,
    /// The most hosts that it was asked about at once.
    pub(crate) most_asked: usize,
    pub(crate) memory: Option<i64>,
    /// Whether guests refuse to stop.
    pub(crate) stuck: bool,
    /// What guests wait for before they stop.
    pub(crate) slow_to_stop: Option<Arc<Notify>>,
    /// What was asked to be updated: which host, by which task, and what.
    pub(crate) updates: Vec<(Uuid, Uuid, OsUpdate)>,
    /// Why updating fails.
    pub(crate) unmendable: Option<ErrorCode>,
    /// The tasks of which it was asked whether they have ended.
    pub(crate) settled: Vec<Uuid>,
    /// Whether updates go on after their callers gave up on them.
    pub(crate) goes_on: bool,
}

impl Machines {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HostConnector for Machines {
    async fn connect(&self, host: Uuid, deploy: bool) -> Result<HostFacts, ErrorCode> {
        let mut state = self.state();
        // Half of it is done before it fails, as with real machines.
        *state.connected.entry(host).or_default() += usize::from(deploy);
        if let Some(reason) = state.refuses {
            return Err(ErrorCode::operation(reason));
        }
        if state.silent.contains(&host) {
            return Err(ErrorCode::operation("it does not answer"));
        }
        Ok(HostFacts {
            cpu_num: 4,
            cpu_mhz: 2400,
            cpu_sockets: 1,
            cpu_model: "model".to_owned(),
            architecture: "x86_64".to_owned(),
            total_memory: state.memory.unwrap_or(16 * GIB),
            used_memory: GIB,
            os: ("debian".to_owned(), "bookworm".to_owned(), "12".to_owned()),
            tags: vec!["libvirt::version::9.0.0".to_owned()],
        })
    }

    async fn ping(&self, host: Uuid) -> Result<(), ErrorCode> {
        match self.state().silent.contains(&host) {
            true => Err(ErrorCode::operation("it does not answer")),
            false => Ok(()),
        }
    }

    async fn disconnect(&self, host: Uuid) -> Result<(), ErrorCode> {
        self.state().connected.remove(&host);
        Ok(())
    }
}

#[async_trait]
impl OsUpdater for Machines {
    async fn update_os(&self, host: Uuid, task: Uuid, update: &OsUpdate) -> Result<(), ErrorCode> {
        let mut state = self.state();
        state.updates.push((host, task, update.clone()));
        state.unmendable.clone().map_or(Ok(()), Err)
    }

    async fn settle_update(&self, _: Uuid, task: Uuid) -> Result<(), ErrorCode> {
        let mut state = self.state();
        state.settled.push(task);
        match state.goes_on {
            true => Err(ErrorCode::new(codes::TIMEOUT, "it is still under way")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl OnHostConnected for Machines {
    async fn host_connected(&self, host: Uuid) -> Result<(), ErrorCode> {
        let mut state = self.state();
        state.prepared.insert(host);
        if state.cut_off {
            let gone = ErrorCode::new(codes::NODE_UNAVAILABLE, "the node went away");
            return Err(ErrorCode::operation("DHCP is not served").because(gone));
        }
        state.unprepared.map_or(Ok(()), |reason| Err(ErrorCode::operation(reason)))
    }
}

#[async_trait]
impl BeforeHostDelete for Machines {
    async fn before_host_delete(&self, host: Uuid) -> Result<(), ErrorCode> {
        self.state().prepared.remove(&host);
        Ok(())
    }
}

#[async_trait]
impl HostFilter for Machines {
    fn name(&self) -> &'static str {
        "of-a-plugin"
    }

    async fn refused(
        &self,
        _request: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let mut state = self.state();
        state.most_asked = state.most_asked.max(candidates.len());
        let refused = candidates.iter().filter(|host| !state.spared.contains(&host.host));
        Ok(refused.filter_map(|host| Some((host.host, state.filtered?.to_owned()))).collect())
    }
}

/// Stands for the VM service: a VM that is stopped holds nothing on its host.
struct Guests {
    kernel: Kernel,
    machines: Arc<Machines>,
}

#[async_trait]
impl Handle<StopVms> for Guests {
    async fn handle(&self, ask: StopVms) -> Result<(), ErrorCode> {
        let held = self.machines.state().slow_to_stop.clone();
        if let Some(held) = held {
            held.notified().await;
        }
        if self.machines.state().stuck {
            return Err(ErrorCode::operation("the guest does not stop"));
        }
        for vm in ask.vms {
            self.kernel.bus().call(ReleaseHost { vm }).await?;
        }
        Ok(())
    }
}

/// The node and what is around it.
pub(crate) struct World {
    pub(crate) node: TestNode,
    pub(crate) machines: Arc<Machines>,
    pub(crate) zone: Uuid,
    pub(crate) cluster: Uuid,
}

impl World {
    pub(crate) async fn new() -> Self {
        let machines = Arc::new(Machines::default());
        let node = TestNode::start_with(CHAINS, |setup| install(setup, &machines)).await;
        let (zone, cluster) = (Uuid::random(), Uuid::random());
        let now = Timestamp::now();
        let mut batch = node.kernel().db().batch();
        batch.insert(&Zone {
            uuid: zone,
            name: "ZONE".to_owned(),
            description: None,
            state: ResourceState::Enabled,
            r#type: "zstack".to_owned(),
            is_default: false,
            create_date: now,
            last_op_date: now,
        });
        batch.insert(&Cluster {
            name: "CLUSTER".to_owned(),
            uuid: cluster,
            description: None,
            state: ResourceState::Enabled,
            hypervisor_type: "KVM".to_owned(),
            create_date: now,
            last_op_date: now,
            zone_uuid: zone,
            r#type: "zstack".to_owned(),
            architecture: None,
        });
        node.kernel().db().commit(batch).await.expect("inserted");
        Self { node, machines, zone, cluster }
    }

    pub(crate) async fn restart(mut self) -> Self {
        let machines = self.machines.clone();
        self.node = self.node.restart(|setup| install(setup, &machines)).await;
        self
    }

    pub(crate) fn params(&self, address: &str) -> Value {
        json!({
            "name": format!("host at {address}"), "managementIp": address, "clusterUuid": self.cluster,
            "username": "root", "password": "pa55word",
        })
    }

    pub(crate) async fn try_add(&self, address: &str) -> Result<Value, ErrorCode> {
        self.node.inventory("POST", "/hosts/kvm", json!({ "params": self.params(address) })).await
    }

    pub(crate) async fn add(&self, address: &str) -> Uuid {
        uuid(&self.try_add(address).await.expect("added"))
    }

    /// The host as the Query API shows it.
    pub(crate) async fn host(&self, host: Uuid) -> Value {
        self.node.query(&format!("/hosts?q=uuid={host}")).await.pop().expect("it is there")
    }

    pub(crate) async fn allocate(&self, vm: Uuid, request: HostRequest) -> Result<HostChoice, ErrorCode> {
        self.node.kernel().bus().call(AllocateHost { vm, request }).await
    }

    /// Waits until the host's inventory has `wanted` as `field`.
    pub(crate) async fn await_field(&self, host: Uuid, field: &str, wanted: &Value) {
        let what = format!("{field} of the host to be {wanted}");
        eventually(&what, async || self.host(host).await[field] == *wanted).await;
    }

    /// Nothing of any host is left.
    pub(crate) async fn assert_empty(&self, place: &str) {
        let db = self.node.kernel().db();
        assert_eq!(db.select::<Host>().count().await.expect("counted"), 0, "{place}");
        assert_eq!(db.select::<KVMHost>().count().await.expect("counted"), 0, "{place}");
        let tags = db.select::<SystemTag>().count().await.expect("counted");
        assert_eq!(tags, 0, "{place}");
        let state = self.machines.state();
        assert!(state.connected.is_empty() && state.prepared.is_empty(), "{place}");
    }
}

fn install(setup: &mut Setup, machines: &Arc<Machines>) {
    for meta in [Zone::META, Cluster::META, VmInstance::META] {
        stranger(setup, meta);
    }
    setup.resources(&[Host::META, KVMHost::META, SimulatorHost::META]).tags(&[LIBVIRT]);
    setup.driver::<dyn HostConnector>("KVM", machines.clone());
    setup.driver::<dyn OsUpdater>("KVM", machines.clone());
    setup.add::<dyn OnHostConnected>(machines.clone());
    setup.add::<dyn BeforeHostDelete>(machines.clone());
    setup.add::<dyn HostFilter>(machines.clone());
    setup.message::<StopVms>(Arc::new(Guests { kernel: setup.kernel().clone(), machines: machines.clone() }));
    cumulo_service_host::install(setup);
}

/// Waits until `look` sees what it looks for.
pub(crate) async fn eventually(what: &str, look: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn uuid(inventory: &Value) -> Uuid {
    inventory["uuid"].as_str().and_then(|text| text.parse().ok()).expect("a uuid")
}

pub(crate) fn needs(cpu_num: i64, memory: i64) -> HostRequest {
    HostRequest { cpu_num, memory, ..HostRequest::default() }
}

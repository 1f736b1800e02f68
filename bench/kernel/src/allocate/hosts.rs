//! Ten thousand hosts in a database, and filters of plugins that have something against some of them.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::host::{HostCandidate, HostFilter, HostRequest},
    resource::{Cluster, Host, HostState, HostStatus, KVMHost, ResourceState, SimulatorHost, VmInstance, Zone},
};
use cumulo_kernel::{Setup, db::Db};
use cumulo_schema::{ErrorCode, Json, Resource, Timestamp, Uuid};
use cumulo_testnode::stranger;
use rand::Rng;

pub(super) const GIB: i64 = 1 << 30;
/// Names of the filters that plugins have.
pub(super) const FILTERS: [&str; 8] =
    ["l2-network", "l3-network", "primary-storage", "image", "volumes", "physical-network", "virtual-network", "kind"];
/// What a host offers: more than is asked for in a run.
const ROOM: i64 = 1_000;
/// Rows of one batch.
const ROWS: usize = 500;

/// What is against a host.
#[derive(Debug, Clone)]
pub(super) struct One {
    pub(super) uuid: Uuid,
    pub(super) name: String,
    pub(super) is_enabled: bool,
    pub(super) is_connected: bool,
    pub(super) free_cpu: i64,
    pub(super) free_memory: i64,
    /// Whether each of [`FILTERS`] refuses it.
    pub(super) refused: [bool; 8],
}

/// All of them, in one cluster.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) zone: Uuid,
    pub(super) cluster: Uuid,
    pub(super) all: Vec<One>,
}

impl Hosts {
    /// So many, of which chance has something against some.
    pub(super) fn new(count: u32) -> Self {
        let mut random = rand::rng();
        let all = (0..count).map(|number| {
            let full = random.random_ratio(1, 16);
            One {
                uuid: Uuid::random(),
                name: format!("host-{number}"),
                is_enabled: !random.random_ratio(1, 16),
                is_connected: !random.random_ratio(1, 16),
                free_cpu: if full { 0 } else { ROOM },
                free_memory: if full { 0 } else { ROOM * GIB },
                refused: std::array::from_fn(|_| random.random_ratio(1, 32)),
            }
        });
        Self { zone: Uuid::random(), cluster: Uuid::random(), all: all.collect() }
    }

    /// What is asked for.
    pub(super) fn request(&self) -> HostRequest {
        HostRequest { cpu_num: 1, memory: GIB, zone: Some(self.zone), ..HostRequest::default() }
    }

    /// The host service, what it refers to, and the filters.
    pub(super) fn install(&self, setup: &mut Setup) {
        for meta in [Zone::META, Cluster::META, VmInstance::META] {
            stranger(setup, meta);
        }
        setup.resources(&[Host::META, KVMHost::META, SimulatorHost::META]);
        for (at, name) in FILTERS.into_iter().enumerate() {
            let refused = self.all.iter().map(|host| (host.uuid, host.refused[at])).collect();
            setup.add::<dyn HostFilter>(std::sync::Arc::new(Filter { name, refused }));
        }
        cumulo_service_host::install(setup);
    }

    /// Writes them.
    pub(super) async fn fill(&self, db: &Db) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let mut batch = db.batch();
        batch.insert(&Zone {
            uuid: self.zone,
            name: "zone".to_owned(),
            description: None,
            state: ResourceState::Enabled,
            r#type: "zstack".to_owned(),
            is_default: false,
            create_date: now,
            last_op_date: now,
        });
        batch.insert(&cluster(self.zone, self.cluster));
        db.commit(batch).await?;
        for some in self.all.chunks(ROWS) {
            let mut batch = db.batch();
            for one in some {
                batch.insert(&row(self.zone, self.cluster, one));
            }
            db.commit(batch).await?;
        }
        Ok(())
    }

    /// Another cluster, of few hosts with little room, to which nobody objects.
    pub(super) async fn small_cluster(&self, db: &Db) -> anyhow::Result<Small> {
        let (hosts, places) = (20, 10);
        let cluster_uuid = Uuid::random();
        let mut batch = db.batch();
        batch.insert(&cluster(self.zone, cluster_uuid));
        for number in 0..hosts {
            let one = One {
                uuid: Uuid::random(),
                name: format!("small-{number}"),
                is_enabled: true,
                is_connected: true,
                free_cpu: i64::from(places),
                free_memory: i64::from(places) * GIB,
                refused: [false; 8],
            };
            batch.insert(&row(self.zone, cluster_uuid, &one));
        }
        db.commit(batch).await?;
        Ok(Small { cluster: cluster_uuid, room: hosts * places })
    }
}

/// A cluster that is soon full.
pub(super) struct Small {
    pub(super) cluster: Uuid,
    /// VMs for which there is room.
    pub(super) room: u32,
}

/// What was given of a cluster's hosts.
pub(super) struct Given {
    /// VMs.
    pub(super) total: i64,
    /// Hosts that gave more than they have.
    pub(super) overbooked: u32,
}

impl Small {
    /// As the hosts' rows say.
    pub(super) async fn given(&self, db: &Db) -> anyhow::Result<Given> {
        let hosts = db.select::<Host>().eq(Host::CLUSTER_UUID, &self.cluster).all().await?;
        let overbooked = hosts.iter().filter(|host| {
            let (cpu, memory) = (host.available_cpu_capacity, host.available_memory_capacity);
            cpu < 0 || memory < 0 || host.vms > host.total_cpu_capacity
        });
        Ok(Given { total: hosts.iter().map(|host| host.vms).sum(), overbooked: u32::try_from(overbooked.count())? })
    }
}

/// A plugin's: it has looked up what it needs, as those do, by host.
struct Filter {
    name: &'static str,
    refused: HashMap<Uuid, bool>,
}

#[async_trait]
impl HostFilter for Filter {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn refused(
        &self,
        _: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let refused = candidates.iter().filter(|host| self.refused.get(&host.host) == Some(&true));
        Ok(refused.map(|host| (host.host, reason(self.name))).collect())
    }
}

/// What a filter says.
pub(super) fn reason(filter: &str) -> String {
    format!("has not what the VM needs of its {filter}")
}

fn cluster(zone: Uuid, uuid: Uuid) -> Cluster {
    let now = Timestamp::now();
    Cluster {
        name: "cluster".to_owned(),
        uuid,
        description: None,
        state: ResourceState::Enabled,
        hypervisor_type: "KVM".to_owned(),
        create_date: now,
        last_op_date: now,
        zone_uuid: zone,
        r#type: "zstack".to_owned(),
        architecture: None,
    }
}

fn row(zone: Uuid, cluster: Uuid, one: &One) -> Host {
    let now = Timestamp::now();
    let mut host = Host {
        zone_uuid: zone,
        name: one.name.clone(),
        uuid: one.uuid,
        cluster_uuid: cluster,
        description: None,
        management_ip: one.name.clone(),
        hypervisor_type: "KVM".to_owned(),
        state: HostState::Enabled,
        status: HostStatus::Connected,
        total_cpu_capacity: one.free_cpu,
        available_cpu_capacity: one.free_cpu,
        cpu_sockets: 2,
        total_memory_capacity: one.free_memory,
        available_memory_capacity: one.free_memory,
        cpu_num: 64,
        ipmi_address: None,
        ipmi_username: None,
        ipmi_port: None,
        ipmi_power_status: None,
        architecture: Some("x86_64".to_owned()),
        create_date: now,
        last_op_date: now,
        cpu_mhz: 2_400,
        physical_memory: one.free_memory,
        used_memory: 0,
        reserved_memory: 0,
        vms: 0,
        facts: Json(Default::default()),
        updated_by: None,
    };
    if !one.is_enabled {
        host.state = HostState::Disabled;
    }
    if !one.is_connected {
        host.status = HostStatus::Disconnected;
    }
    host
}

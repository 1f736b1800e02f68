//! A small cloud, as rows: two zones, a host in each, three virtual machines.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cumulo_contracts::{
    resource::{
        Cluster, Host, HostState, HostStatus, NicState, ResourceState, VmInstance, VmNic, VmState, Webhook, Zone,
    },
    resources,
};
use cumulo_kernel::{
    bus::Caller,
    db::Batch,
    ownership::{self, NewTags},
    query::{MetricPoint, MetricQuery, MetricSource},
};
use cumulo_schema::{ErrorCode, Json, Resource, ResourceMeta, Timestamp, Uuid, system};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};

pub(super) const EAST: &str = "28818693f3924d92af2b19b2407317ff";
pub(super) const WEST: &str = "fec2889fef2d49b1967c7e39025f4eb4";
pub(super) const EAST_CLUSTER: &str = "fe13b725c80e45709f0414c266a80239";
pub(super) const WEST_CLUSTER: &str = "73ca1ca7603d454f8fa7f3bb57097f80";

pub(super) struct Cloud {
    pub(super) node: TestNode,
    /// Owns the virtual machine `db`; the admin has the others.
    pub(super) tenant: Uuid,
    /// The questions for metrics so far.
    pub(super) asked: Arc<Mutex<Vec<MetricQuery>>>,
}

impl Cloud {
    pub(super) async fn new(with_metrics: bool) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::new(Metrics(asked.clone()));
        let node = TestNode::start(|setup| {
            let own = system::RESOURCES.iter().copied().chain([Webhook::META]);
            let own: Vec<&str> = own.map(|meta| meta.name).collect();
            for meta in resources().into_iter().filter(|meta| !own.contains(&meta.name)) {
                stranger(setup, meta);
            }
            cumulo_service_system::install(setup);
            if with_metrics {
                setup.add::<dyn MetricSource>(store);
            }
        })
        .await;
        let tenant = Uuid::random();
        let mut batch = node.kernel().db().batch();
        fill(&mut batch, tenant);
        node.kernel().db().commit(batch).await.expect("written");
        Self { node, tenant, asked }
    }

    /// The `results` of the statements `zql`.
    pub(super) async fn results(&self, zql: &str) -> Result<Vec<Value>, ErrorCode> {
        self.asked(zql, "").await
    }

    /// As [`Cloud::results`], with the SQL instead of rows.
    pub(super) async fn explained(&self, zql: &str) -> Result<Vec<Value>, ErrorCode> {
        self.asked(zql, "&explain=true").await
    }

    async fn asked(&self, zql: &str, more: &str) -> Result<Vec<Value>, ErrorCode> {
        let encoded: String = zql.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.node.call("GET", &format!("/zql?zql={encoded}{more}"), Value::Null).await?;
        Ok(answer["results"].as_array().cloned().expect("results"))
    }

    /// The only result of `zql`.
    pub(super) async fn result(&self, zql: &str) -> Value {
        let mut results = self.results(zql).await.unwrap_or_else(|error| panic!("{zql}: {error}"));
        assert_eq!(results.len(), 1, "{zql}");
        results.remove(0)
    }

    /// The names of the rows that `zql` finds, in order.
    pub(super) async fn names(&self, zql: &str) -> Vec<String> {
        let result = self.result(zql).await;
        let rows = result["inventories"].as_array().unwrap_or_else(|| panic!("{zql}: {result}"));
        rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
    }
}

fn id(name: &str) -> Uuid {
    name.parse().unwrap_or_else(|_| Uuid::ADMIN.derive(name))
}

fn fill(batch: &mut Batch, tenant: Uuid) {
    for (zone, name, cluster, host, status) in [
        (EAST, "my-east-1", EAST_CLUSTER, "host-east", HostStatus::Connected),
        (WEST, "west", WEST_CLUSTER, "host-west", HostStatus::Disconnected),
    ] {
        place(batch, zone, name, cluster, host, status);
    }
    vm(batch, Uuid::ADMIN, "webvm", 1, 512, Some((EAST, EAST_CLUSTER, "host-east")), &["192.168.0.100"]);
    vm(batch, Uuid::ADMIN, "webvm2", 8, 1024, Some((WEST, WEST_CLUSTER, "host-west")), &["192.168.0.10"]);
    vm(batch, tenant, "db", 16, 512, None, &["9.0.0.2", "10.0.0.3"]);
    for (vm, tags) in [("webvm", vec!["ha", "inhibitHA"]), ("webvm2", vec!["ha"])] {
        for tag in tags {
            batch.insert(&ownership::system_tag("VmInstanceVO", id(vm), tag, false));
        }
    }
    batch.insert(&ownership::user_tag("VmInstanceVO", id("db"), "gold"));
}

fn place(batch: &mut Batch, zone: &str, name: &str, cluster: &str, host: &str, status: HostStatus) {
    let now = Timestamp(1_700_000_000_000);
    batch.insert(&Zone {
        uuid: id(zone),
        name: name.to_owned(),
        description: None,
        state: ResourceState::Enabled,
        r#type: "zstack".to_owned(),
        is_default: false,
        create_date: now,
        last_op_date: now,
    });
    batch.insert(&Cluster {
        name: format!("cluster of {name}"),
        uuid: id(cluster),
        description: None,
        state: ResourceState::Enabled,
        hypervisor_type: "KVM".to_owned(),
        create_date: now,
        last_op_date: now,
        zone_uuid: id(zone),
        r#type: "zstack".to_owned(),
        architecture: None,
    });
    batch.insert(&Host {
        zone_uuid: id(zone),
        name: host.to_owned(),
        uuid: id(host),
        cluster_uuid: id(cluster),
        description: None,
        management_ip: "127.0.0.1".to_owned(),
        hypervisor_type: "Simulator".to_owned(),
        state: HostState::Enabled,
        status,
        total_cpu_capacity: 32,
        available_cpu_capacity: 32,
        cpu_sockets: 1,
        total_memory_capacity: 1 << 35,
        available_memory_capacity: 1 << 34,
        cpu_num: 8,
        ipmi_address: None,
        ipmi_username: None,
        ipmi_port: None,
        ipmi_power_status: None,
        architecture: None,
        create_date: now,
        last_op_date: now,
        cpu_mhz: 1,
        physical_memory: 1,
        used_memory: 1,
        reserved_memory: 1,
        vms: 0,
        facts: Json(json!({})),
        updated_by: None,
    });
}

fn vm(
    batch: &mut Batch,
    owner: Uuid,
    name: &str,
    cpu_num: i32,
    memory_size: i64,
    at: Option<(&str, &str, &str)>,
    ips: &[&str],
) {
    let now = Timestamp(1_700_000_000_000);
    let uuid = id(name);
    batch.insert(&VmInstance {
        uuid,
        name: name.to_owned(),
        description: at.is_none().then(|| "it's the \"database\"".to_owned()),
        zone_uuid: at.map(|(zone, _, _)| id(zone)),
        cluster_uuid: at.map(|(_, cluster, _)| id(cluster)),
        image_uuid: Some(id("image")),
        host_uuid: at.map(|(_, _, host)| id(host)),
        last_host_uuid: None,
        instance_offering_uuid: None,
        root_volume_uuid: None,
        platform: "Linux".to_owned(),
        architecture: None,
        default_l3_network_uuid: Some(id("net")),
        r#type: "UserVm".to_owned(),
        hypervisor_type: Some("KVM".to_owned()),
        memory_size,
        reserved_memory_size: None,
        cpu_num,
        cpu_speed: 0,
        allocator_strategy: None,
        create_date: now,
        last_op_date: now,
        state: if at.is_some() { VmState::Running } else { VmState::Stopped },
        guest_os_type: None,
        expunge_after: None,
    });
    owned(batch, VmInstance::META, uuid, owner);
    for (index, ip) in ips.iter().enumerate() {
        let nic = uuid.derive(ip);
        batch.insert(&VmNic {
            uuid: nic,
            vm_instance_uuid: Some(uuid),
            l3_network_uuid: Some(if index == 0 { id("net") } else { id("other net") }),
            ip: Some((*ip).to_owned()),
            mac: format!("fa:{ip}"),
            hypervisor_type: None,
            netmask: None,
            gateway: None,
            meta_data: None,
            ip_version: Some(4),
            driver_type: None,
            internal_name: format!("vnic{index}"),
            device_id: i32::try_from(index).expect("few"),
            r#type: None,
            state: NicState::Enable,
            create_date: now,
            last_op_date: now,
            used_ip_uuid: None,
        });
        owned(batch, VmNic::META, nic, owner);
    }
}

fn owned(batch: &mut Batch, meta: &ResourceMeta, uuid: Uuid, owner: Uuid) {
    ownership::created_of(batch, meta, uuid, owner, &NewTags::default());
}

/// Answers one point for each resource and remembers what it was asked.
struct Metrics(Arc<Mutex<Vec<MetricQuery>>>);

#[async_trait]
impl MetricSource for Metrics {
    async fn find(
        &self,
        _: &Caller,
        resource: &'static ResourceMeta,
        uuids: &[String],
        query: &MetricQuery,
    ) -> Result<Vec<MetricPoint>, ErrorCode> {
        self.asked_for(query);
        let label = format!("{}Uuid", if resource.name == "VmInstance" { "VM" } else { resource.name });
        let point = |uuid: &String| MetricPoint {
            value: 1.5,
            time: 1_530_790_027.0,
            labels: [(label.clone(), uuid.clone())].into(),
        };
        Ok(uuids.iter().map(point).collect())
    }
}

impl Metrics {
    fn asked_for(&self, query: &MetricQuery) {
        self.0.lock().expect("not poisoned").push(query.clone());
    }
}

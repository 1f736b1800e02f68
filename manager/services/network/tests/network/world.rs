//! A node with the network service, a zone, and whatever hosts a test puts in.

use std::sync::Arc;

use cumulo_contracts::{
    ext::network::{L2Driver, NetworkServiceBackend},
    message::{
        network::{AllocateIp, IpLease},
        vm::StopVms,
    },
    resource::{Cluster, Host, HostState, HostStatus, NicState, ResourceState, VmInstance, VmNic, VmState, Zone},
};
use cumulo_kernel::Kernel;
use cumulo_schema::{ErrorCode, Json, Resource, ResourceMeta, Timestamp, Uuid, system};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};

use crate::fakes::{Bridges, Guests, Provider};

const FLOWS: &str = include_str!("../../flows.toml");
/// Tables of the service under test.
const OURS: [&str; 13] = [
    "l2_network",
    "l2_vlan_network",
    "l2_network_cluster_ref",
    "l3_network",
    "l3_network_dns",
    "l3_network_host_route",
    "ip_range",
    "used_ip",
    "reserved_ip_range",
    "network_service_provider",
    "network_service_type",
    "network_service_provider_l2_network_ref",
    "network_service_l3_network_ref",
];

pub(crate) struct World {
    pub(crate) node: TestNode,
    pub(crate) bridges: Arc<Bridges>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) guests: Arc<Guests>,
    pub(crate) zone: Uuid,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (bridges, provider) = (Arc::new(Bridges::default()), Arc::new(Provider::default()));
        let (l2s, services, mut guests) = (bridges.clone(), provider.clone(), None);
        let node = TestNode::start_with(FLOWS, |setup| {
            let others = |meta: &&&'static ResourceMeta| {
                !OURS.contains(&meta.table) && system::RESOURCES.iter().all(|kernels| kernels.table != meta.table)
            };
            let resources = cumulo_contracts::resources();
            resources.iter().filter(others).for_each(|meta| stranger(setup, meta));
            setup.resources(&resources);
            setup.driver::<dyn L2Driver>("L2NoVlanNetwork", l2s.clone());
            setup.driver::<dyn L2Driver>("L2VlanNetwork", l2s);
            setup.driver::<dyn NetworkServiceBackend>("Flat", services);
            let vms = Arc::new(Guests::new(setup.kernel().clone()));
            setup.message::<StopVms>(vms.clone());
            guests = Some(vms);
            cumulo_service_network::install(setup);
        })
        .await;
        cumulo_service_network::register_providers(node.kernel()).await.expect("recorded");
        let zone = insert_zone(node.kernel()).await;
        let guests = guests.expect("installed");
        Self { node, bridges, provider, guests, zone }
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        self.node.kernel()
    }

    pub(crate) async fn insert<R: Resource>(&self, row: &R) {
        insert(self.kernel(), row).await;
    }

    pub(crate) async fn count<R: Resource>(&self) -> u64 {
        self.kernel().db().select::<R>().count().await.expect("counted")
    }

    pub(crate) async fn cluster(&self) -> Uuid {
        let now = Timestamp::now();
        let cluster = Cluster {
            name: "C".to_owned(),
            uuid: Uuid::random(),
            description: None,
            state: ResourceState::Enabled,
            hypervisor_type: "KVM".to_owned(),
            create_date: now,
            last_op_date: now,
            zone_uuid: self.zone,
            r#type: "zstack".to_owned(),
            architecture: None,
        };
        self.insert(&cluster).await;
        cluster.uuid
    }

    pub(crate) async fn host(&self, cluster: Uuid, status: HostStatus) -> Uuid {
        let now = Timestamp::now();
        let host = Host {
            zone_uuid: self.zone,
            name: "H".to_owned(),
            uuid: Uuid::random(),
            cluster_uuid: cluster,
            description: None,
            management_ip: "127.0.0.1".to_owned(),
            hypervisor_type: "KVM".to_owned(),
            state: HostState::Enabled,
            status,
            total_cpu_capacity: 1,
            available_cpu_capacity: 1,
            cpu_sockets: 1,
            total_memory_capacity: 1,
            available_memory_capacity: 1,
            cpu_num: 1,
            ipmi_address: None,
            ipmi_username: None,
            ipmi_port: None,
            ipmi_power_status: None,
            architecture: None,
            create_date: now,
            last_op_date: now,
            cpu_mhz: 1,
            physical_memory: 1,
            used_memory: 0,
            reserved_memory: 0,
            vms: 0,
            facts: Json(Value::Null),
            updated_by: None,
        };
        self.insert(&host).await;
        host.uuid
    }

    pub(crate) async fn set_status(&self, host: Uuid, status: HostStatus) {
        let mut batch = self.kernel().db().batch();
        batch.update::<Host>().set(Host::STATUS, &status).eq(Host::UUID, &host).any();
        self.kernel().db().commit(batch).await.expect("updated");
    }

    /// A VM that runs on `host` with one NIC on `l3`.
    pub(crate) async fn vm(&self, cluster: Uuid, host: Uuid, l3: Uuid) -> Uuid {
        let now = Timestamp::now();
        let vm = VmInstance {
            uuid: Uuid::random(),
            name: "VM1".to_owned(),
            description: None,
            zone_uuid: Some(self.zone),
            cluster_uuid: Some(cluster),
            image_uuid: None,
            host_uuid: Some(host),
            last_host_uuid: None,
            instance_offering_uuid: None,
            root_volume_uuid: None,
            platform: "Linux".to_owned(),
            architecture: None,
            default_l3_network_uuid: Some(l3),
            r#type: "UserVm".to_owned(),
            hypervisor_type: None,
            memory_size: 1,
            reserved_memory_size: None,
            cpu_num: 1,
            cpu_speed: 0,
            allocator_strategy: None,
            create_date: now,
            last_op_date: now,
            state: VmState::Running,
            guest_os_type: None,
            expunge_after: None,
        };
        self.insert(&vm).await;
        let nic = VmNic {
            uuid: Uuid::random(),
            vm_instance_uuid: Some(vm.uuid),
            l3_network_uuid: Some(l3),
            ip: None,
            mac: "fa:00:00:00:00:01".to_owned(),
            hypervisor_type: None,
            netmask: None,
            gateway: None,
            meta_data: None,
            ip_version: Some(4),
            driver_type: None,
            internal_name: "vnic1.0".to_owned(),
            device_id: 0,
            r#type: None,
            state: NicState::Enable,
            create_date: now,
            last_op_date: now,
            used_ip_uuid: None,
        };
        self.insert(&nic).await;
        vm.uuid
    }

    pub(crate) async fn post(&self, path: &str, params: Value) -> Result<Value, ErrorCode> {
        self.node.inventory("POST", path, json!({ "params": params })).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, ErrorCode> {
        self.node.call("DELETE", path, Value::Null).await
    }

    pub(crate) async fn l2(&self, interface: &str) -> Uuid {
        let params = json!({ "name": "L2", "physicalInterface": interface, "zoneUuid": self.zone });
        uuid(&self.post("/l2-networks/no-vlan", params).await.expect("created"))
    }

    pub(crate) async fn l3(&self, l2: Uuid) -> Uuid {
        uuid(&self.post("/l3-networks", json!({ "name": "L3", "l2NetworkUuid": l2 })).await.expect("created"))
    }

    /// A new L3 network with the range from `start` to `end` of a /24 network whose gateway is its first address.
    pub(crate) async fn l3_with_range(&self, start: &str, end: &str) -> Uuid {
        let l2 = self.l2("eth0").await;
        let l3 = self.l3(l2).await;
        self.range(l3, start, end, "255.255.255.0", None).await.expect("added");
        l3
    }

    pub(crate) async fn range(
        &self,
        l3: Uuid,
        start: &str,
        end: &str,
        netmask: &str,
        gateway: Option<&str>,
    ) -> Result<Value, ErrorCode> {
        let mut params = json!({ "name": "R", "startIp": start, "endIp": end, "netmask": netmask });
        if let Some(gateway) = gateway {
            params["gateway"] = json!(gateway);
        }
        self.post(&format!("/l3-networks/{l3}/ip-ranges"), params).await
    }

    pub(crate) async fn attach(&self, l2: Uuid, cluster: Uuid) -> Result<Value, ErrorCode> {
        self.node.inventory("POST", &format!("/l2-networks/{l2}/clusters/{cluster}"), json!({})).await
    }

    pub(crate) async fn allocate(&self, l3: Uuid, nic: Uuid) -> Result<IpLease, ErrorCode> {
        self.allocate_by(l3, nic, None, None).await
    }

    pub(crate) async fn allocate_by(
        &self,
        l3: Uuid,
        nic: Uuid,
        wanted: Option<&str>,
        strategy: Option<&str>,
    ) -> Result<IpLease, ErrorCode> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        self.kernel().bus().call(AllocateIp { nic, l3, wanted: text(wanted), strategy: text(strategy) }).await
    }
}

pub(crate) fn uuid(inventory: &Value) -> Uuid {
    inventory["uuid"].as_str().and_then(|text| text.parse().ok()).expect("an inventory has a uuid")
}

async fn insert<R: Resource>(kernel: &Kernel, row: &R) {
    let mut batch = kernel.db().batch();
    batch.insert(row);
    kernel.db().commit(batch).await.expect("inserted");
}

pub(crate) async fn insert_zone(kernel: &Kernel) -> Uuid {
    let now = Timestamp::now();
    let zone = Zone {
        uuid: Uuid::random(),
        name: "Z".to_owned(),
        description: None,
        state: ResourceState::Enabled,
        r#type: "zstack".to_owned(),
        is_default: false,
        create_date: now,
        last_op_date: now,
    };
    insert(kernel, &zone).await;
    zone.uuid
}

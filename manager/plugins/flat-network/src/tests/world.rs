//! A node with the provider and one L3 network.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::network::{L2Driver, ServiceRequest},
    message::network::{GuestMtu, HoldServiceIp, ReleaseServiceIp, ServedNic},
    resource::{Host, HostState, HostStatus, L2Network, L3Network, L3NetworkDns, L3NetworkHostRoute, ResourceState},
};
use cumulo_kernel::Kernel;
use cumulo_schema::{ErrorCode, Json, Resource, Timestamp, Uuid, system};
use cumulo_testnode::{TestNode, stranger};

use super::fake::{Addresses, FakeHosts};
use crate::{Flat, install_with, lanes::Lanes, store::FlatNic};

pub(super) struct World {
    node: TestNode,
    pub(super) flat: Flat,
    pub(super) hosts: Arc<FakeHosts>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) host: Uuid,
    l2: L2Network,
    pub(super) l3: L3Network,
}

impl World {
    pub(super) async fn start() -> Self {
        let (hosts, addresses) = (Arc::new(FakeHosts::default()), Arc::new(Addresses::default()));
        let (to_install, answering) = (hosts.clone(), addresses.clone());
        let node = TestNode::start(|setup| {
            for meta in cumulo_contracts::resources() {
                if system::RESOURCES.iter().all(|kernels| kernels.table != meta.table) {
                    stranger(setup, meta);
                }
            }
            setup
                .message::<HoldServiceIp>(answering.clone())
                .message::<GuestMtu>(answering.clone())
                .message::<ReleaseServiceIp>(answering);
            setup.driver::<dyn L2Driver>("L2NoVlanNetwork", Arc::new(Bridge));
            install_with(setup, to_install);
        })
        .await;
        let l2 = l2(Uuid::random());
        let l3 = l3(l2.uuid, l2.zone_uuid);
        let flat = Flat { kernel: node.kernel().clone(), hosts: hosts.clone(), lanes: Lanes::default() };
        let mut world = Self { node, flat, hosts, addresses, host: Uuid::random(), l2, l3 };
        world.insert(&world.l2).await;
        world.insert(&world.l3).await;
        world.add_dns("8.8.8.8").await;
        world.host = world.add_host().await;
        world
    }

    /// The same of a node that shares the work: it knows nothing of this one's lanes.
    pub(super) fn flat_of_another_node(&self) -> Flat {
        Flat { kernel: self.kernel().clone(), hosts: self.hosts.clone(), lanes: Lanes::default() }
    }

    pub(super) fn kernel(&self) -> &Kernel {
        self.node.kernel()
    }

    pub(super) async fn rows(&self) -> Vec<FlatNic> {
        self.kernel().db().select::<FlatNic>().all().await.expect("read")
    }

    pub(super) fn request(&self, number: u8, services: &[&str]) -> ServiceRequest {
        request(&self.l3, &self.l2, self.host, number, services)
    }

    pub(super) async fn set_status(&self, status: HostStatus) {
        let mut batch = self.kernel().db().batch();
        batch.update::<Host>().set(Host::STATUS, &status).eq(Host::UUID, &self.host).any();
        self.kernel().db().commit(batch).await.expect("updated");
    }

    pub(super) async fn add_dns(&self, dns: &str) {
        // Later than any before: name servers are told in the order in which they were added.
        let rows = self.kernel().db().select::<L3NetworkDns>().count().await.expect("counted");
        let now = Timestamp(i64::try_from(rows).expect("few"));
        let row =
            L3NetworkDns { l3_network_uuid: self.l3.uuid, dns: dns.to_owned(), create_date: now, last_op_date: now };
        self.insert(&row).await;
    }

    pub(super) async fn add_route(&self, prefix: &str, nexthop: &str) {
        let now = Timestamp::now();
        let row = L3NetworkHostRoute {
            id: 1,
            l3_network_uuid: self.l3.uuid,
            prefix: prefix.to_owned(),
            nexthop: nexthop.to_owned(),
            create_date: now,
            last_op_date: now,
        };
        self.insert(&row).await;
    }

    pub(super) async fn add_host(&self) -> Uuid {
        let now = Timestamp::now();
        let host = Host {
            zone_uuid: self.l2.zone_uuid,
            name: "H".to_owned(),
            uuid: Uuid::random(),
            cluster_uuid: Uuid::random(),
            description: None,
            management_ip: "127.0.0.1".to_owned(),
            hypervisor_type: "KVM".to_owned(),
            state: HostState::Enabled,
            status: HostStatus::Connected,
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
            facts: Json(serde_json::Value::Null),
            updated_by: None,
        };
        self.insert(&host).await;
        host.uuid
    }

    async fn insert<R: Resource>(&self, row: &R) {
        let mut batch = self.kernel().db().batch();
        batch.insert(row);
        self.kernel().db().commit(batch).await.expect("inserted");
    }
}

pub(super) fn l2(zone: Uuid) -> L2Network {
    let now = Timestamp::now();
    L2Network {
        uuid: Uuid::random(),
        name: "L2".to_owned(),
        description: None,
        zone_uuid: zone,
        physical_interface: Some("eth0".to_owned()),
        r#type: "L2NoVlanNetwork".to_owned(),
        v_switch_type: "LinuxBridge".to_owned(),
        virtual_network_id: 0,
        isolated: None,
        pvlan: None,
        create_date: now,
        last_op_date: now,
    }
}

pub(super) fn l3(l2: Uuid, zone: Uuid) -> L3Network {
    let now = Timestamp::now();
    L3Network {
        uuid: Uuid::random(),
        name: "L3".to_owned(),
        description: None,
        r#type: "L3BasicNetwork".to_owned(),
        zone_uuid: zone,
        l2_network_uuid: l2,
        state: ResourceState::Enabled,
        dns_domain: Some("example.com".to_owned()),
        system: false,
        category: "Private".to_owned(),
        ip_version: 4,
        enable_ipam: true,
        isolated: None,
        create_date: now,
        last_op_date: now,
    }
}

/// A request for the NIC number `number` of that network.
pub(super) fn request(l3: &L3Network, l2: &L2Network, host: Uuid, number: u8, services: &[&str]) -> ServiceRequest {
    ServiceRequest {
        l3: l3.clone(),
        l2: l2.clone(),
        bridge: "br_eth0".to_owned(),
        host,
        vm: Uuid::random(),
        hostname: Some(format!("vm-{number}")),
        user_data: Some("#!/bin/sh".to_owned()),
        ssh_keys: vec!["ssh-ed25519 AAAA me".to_owned(), "ssh-rsa BBBB you".to_owned()],
        nic: ServedNic {
            nic: Uuid::random(),
            l3: l3.uuid,
            mac: format!("fa:00:00:00:00:{number:02x}"),
            ip: format!("10.0.0.{}", 100 + number),
            default_route: true,
        },
        services: services.iter().map(|service| (*service).to_owned()).collect(),
        task: Uuid::random(),
    }
}

struct Bridge;

#[async_trait]
impl L2Driver for Bridge {
    fn bridge(&self, l2: &L2Network) -> String {
        format!("br_{}", l2.physical_interface.as_deref().unwrap_or_default())
    }
    async fn ensure(&self, _: Uuid, _: Uuid, _: &L2Network) -> Result<(), ErrorCode> {
        Ok(())
    }
    async fn remove(&self, _: Uuid, _: Uuid, _: &L2Network) -> Result<(), ErrorCode> {
        Ok(())
    }
}

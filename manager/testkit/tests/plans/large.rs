//! A zone with 1,000 hosts and 10,000 VMs: planned in about a second, deleted as sets.

use std::time::{Duration, Instant};

use cumulo_contracts::resource::{
    Host, KVMHost, LocalStorageHostRef, LocalStorageResourceRef, UsedIp, VmInstance, VmNic, Volume,
};
use cumulo_kernel::{
    db::Batch,
    ownership::{self, NewTags},
    plan::Plan,
};
use cumulo_schema::{Resource, Uuid};
use cumulo_testkit::World;
use serde_json::{Value, json};

use crate::rows::{gone, removed, rows};

const HOSTS: usize = 1_000;
const VMS: usize = 10_000;
/// Copies written by one batch.
const AT_ONCE: usize = 500;

/// The goal, for an optimised build on a machine of its own.
const GOAL: Duration = Duration::from_secs(1);
/// How much longer a build without optimisation may take on a busy machine.
const PATIENCE: u32 = 20;

/// A host and a stopped VM, as the node itself recorded them.
struct Model {
    host: (Host, KVMHost, LocalStorageHostRef),
    vm: (VmInstance, VmNic, UsedIp, Volume, LocalStorageResourceRef),
}

async fn only<R: Resource>(world: &World) -> R {
    world.kernel().db().select::<R>().first().await.expect("readable").expect("there is one")
}

fn owned<R: Resource>(batch: &mut Batch, row: &R, uuid: Uuid, tags: &NewTags) {
    batch.insert(row);
    ownership::created::<R>(batch, uuid, Uuid::ADMIN, tags);
}

impl Model {
    async fn of(world: &World) -> Self {
        let nic: VmNic = only(world).await;
        let held = world.kernel().db().find(UsedIp::VM_NIC_UUID, &Some(nic.uuid)).await.expect("readable");
        Self {
            host: (only(world).await, only(world).await, only(world).await),
            vm: (only(world).await, nic, held.expect("an address"), only(world).await, only(world).await),
        }
    }

    fn copy_host(&self, batch: &mut Batch, at: usize) -> Uuid {
        let (host, kvm, part) = self.host.clone();
        let uuid = Uuid::random();
        let management_ip = format!("10.20.{}.{}", at / 250, at % 250 + 1);
        batch.insert(&Host { uuid, name: format!("h{at}"), management_ip, ..host });
        batch.insert(&KVMHost { uuid, ..kvm });
        batch.insert(&LocalStorageHostRef { host_uuid: uuid, ..part });
        uuid
    }

    fn copy_vm(&self, batch: &mut Batch, at: usize, host: Uuid) {
        let (vm, nic, held, volume, place) = self.vm.clone();
        let (uuid, nic_uuid, ip_uuid, root) = (Uuid::random(), Uuid::random(), Uuid::random(), Uuid::random());
        let tags = NewTags { system: vec![], user: vec![format!("number {at}")], patterns: vec![] };
        let ip = format!("10.30.{}.{}", at / 250, at % 250 + 1);
        let mac = format!("fa:00:00:00:{:02x}:{:02x}", at / 256, at % 256);
        let vm = VmInstance { uuid, root_volume_uuid: Some(root), last_host_uuid: Some(host), ..vm };
        owned(batch, &vm, uuid, &tags);
        let nic = VmNic {
            uuid: nic_uuid,
            vm_instance_uuid: Some(uuid),
            used_ip_uuid: Some(ip_uuid),
            ip: Some(ip.clone()),
            mac,
            ..nic
        };
        owned(batch, &nic, nic_uuid, &NewTags::default());
        batch.insert(&UsedIp { uuid: ip_uuid, vm_nic_uuid: Some(nic_uuid), ip, ..held });
        owned(batch, &Volume { uuid: root, vm_instance_uuid: Some(uuid), ..volume }, root, &NewTags::default());
        batch.insert(&LocalStorageResourceRef { resource_uuid: root, host_uuid: host, ..place });
    }

    async fn fill(&self, world: &World) {
        let (db, mut hosts) = (world.kernel().db(), vec![self.host.0.uuid]);
        for first in (1..HOSTS).step_by(AT_ONCE) {
            let mut batch = db.batch();
            hosts.extend((first..HOSTS.min(first + AT_ONCE)).map(|at| self.copy_host(&mut batch, at)));
            db.commit(batch).await.expect("hosts");
        }
        for first in (1..VMS).step_by(AT_ONCE) {
            let mut batch = db.batch();
            (first..VMS.min(first + AT_ONCE)).for_each(|at| self.copy_vm(&mut batch, at, hosts[at % HOSTS]));
            db.commit(batch).await.expect("VMs");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_with_a_thousand_hosts_and_ten_thousand_vms() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    let path = format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid"));
    world.make("PUT", &path, json!({ "stopVmInstance": { "type": "cold" } })).await;
    Model::of(&world).await.fill(&world).await;
    let before = rows(world.kernel()).await;
    assert_eq!((before["HostVO"].len(), before["VmInstanceVO"].len()), (HOSTS, VMS));

    let zone = format!("/zones/{}", cloud.zone);
    let start = Instant::now();
    let mut answer = world.call("DELETE", &format!("{zone}?dryRun=true"), &Value::Null).await.expect("planned");
    let planning = start.elapsed();
    let plan: Plan = serde_json::from_value(answer["plan"].take()).expect("a plan");
    let planned: usize = plan.resources.iter().map(|touched| touched.count).sum();
    println!("plan of a zone with {HOSTS} hosts and {VMS} VMs: {planned} rows in {} ms", planning.as_millis());
    assert!(plan.vetoes.is_empty(), "{:?}", plan.vetoes);
    assert!(planning < GOAL * PATIENCE, "planning took {planning:?}");
    assert!(plan.steps.len() < 30, "steps are of kinds, not of rows: {}", plan.steps.len());

    let start = Instant::now();
    world.call("DELETE", &zone, &Value::Null).await.expect("deleted");
    println!("its delete: {} ms", start.elapsed().as_millis());
    let went = gone(&before, &rows(world.kernel()).await);
    assert_eq!(removed(&plan), went);
}

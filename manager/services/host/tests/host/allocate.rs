//! Choosing hosts: nothing is given out twice, and who is refused is told why.

use std::collections::BTreeMap;

use cumulo_contracts::{ext::host::HostRequest, message::host::ReleaseHost};
use cumulo_schema::Uuid;
use futures::future::join_all;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;

use crate::fixture::{GIB, World, needs};

impl World {
    async fn free(&self, host: Uuid) -> (i64, i64) {
        let host = self.host(host).await;
        let number = |name: &str| host[name].as_i64().expect("a number");
        (number("availableCpuCapacity"), number("availableMemoryCapacity"))
    }

    async fn release(&self, vm: Uuid) {
        self.node.kernel().bus().call(ReleaseHost { vm }).await.expect("released");
    }
}

#[tokio::test]
async fn what_a_vm_needs_is_held_once_and_given_back_once() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    let vm = Uuid::random();
    let choice = world.allocate(vm, needs(2, 3 * GIB)).await.expect("there is room");
    assert_eq!((choice.host, choice.cluster, choice.zone), (host, world.cluster, world.zone));
    assert_eq!(choice.hypervisor_type, "KVM");
    assert_eq!(world.allocate(vm, needs(2, 3 * GIB)).await.expect("asked again"), choice);
    assert_eq!(world.free(host).await, (38, 12 * GIB));
    world.release(vm).await;
    world.release(vm).await;
    assert_eq!(world.free(host).await, (40, 15 * GIB));
}

#[tokio::test]
async fn parallel_requests_never_overbook() {
    let world = World::new().await;
    for address in ["10.0.0.1", "10.0.0.2"] {
        world.add(address).await;
    }
    // Each host has room for 15 VMs of a GiB.
    let asked = (0..40).map(|_| world.allocate(Uuid::random(), needs(1, GIB)));
    let answers = join_all(asked).await;
    let mut hosts = BTreeMap::<Uuid, usize>::new();
    for choice in answers.iter().flatten() {
        *hosts.entry(choice.host).or_default() += 1;
    }
    assert_eq!(hosts.values().copied().collect::<Vec<_>>(), [15, 15]);
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(error.code, "HOST_ALLOCATION.1001");
    }
    for host in hosts.keys() {
        assert_eq!(world.free(*host).await, (25, 0));
    }
}

#[tokio::test]
async fn vms_spread_over_the_hosts() {
    let world = World::new().await;
    let hosts = [world.add("10.0.0.1").await, world.add("10.0.0.2").await, world.add("10.0.0.3").await];
    for _ in 0..9 {
        world.allocate(Uuid::random(), needs(1, GIB)).await.expect("there is room");
    }
    for host in hosts {
        assert_eq!(world.free(host).await, (37, 12 * GIB), "three each");
    }
}

#[tokio::test]
async fn the_only_one_that_will_do_is_found_among_many() {
    let world = World::new().await;
    let mut hosts = Vec::new();
    for n in 0..40 {
        hosts.push(world.add(&format!("10.0.1.{n}")).await);
    }
    world.machines.state().filtered = Some("has no such network");
    world.machines.state().spared.insert(hosts[20]);
    // With each of them it has one VM more than the others.
    for _ in 0..3 {
        assert_eq!(world.allocate(Uuid::random(), needs(1, GIB)).await.expect("one takes it").host, hosts[20]);
    }
    let elsewhere = HostRequest { host: Some(hosts[0]), ..needs(1, GIB) };
    let error = world.allocate(Uuid::random(), elsewhere).await.expect_err("the filter refuses it");
    assert!(error.details.contains("'host at 10.0.1.0' has no such network [of-a-plugin]"), "{error}");
}

#[tokio::test]
async fn hosts_that_take_nothing_do_not_stand_in_the_way_of_the_others() {
    let world = World::new().await;
    let mut hosts = Vec::new();
    for n in 0..60 {
        hosts.push(world.add(&format!("10.0.1.{n}")).await);
    }
    let (refused, spared) = hosts.split_at(20);
    world.machines.state().filtered = Some("has no such network");
    world.machines.state().spared.extend(spared);
    // By the second round the refused ones are those with the fewest VMs.
    for _ in 0..2 * spared.len() {
        let choice = world.allocate(Uuid::random(), needs(1, GIB)).await.expect("forty take it");
        assert!(!refused.contains(&choice.host));
    }
    let most = world.machines.state().most_asked;
    assert!(most < hosts.len(), "{most} hosts were looked at for one VM");
}

#[tokio::test]
async fn every_refusal_is_told_with_its_reason() {
    let world = World::new().await;
    let (full, disabled, away, elsewhere) = (
        world.add("10.0.0.1").await,
        world.add("10.0.0.2").await,
        world.add("10.0.0.3").await,
        world.add("10.0.0.4").await,
    );
    let event = json!({ "changeHostState": { "stateEvent": "disable" } });
    world.node.call("PUT", &format!("/hosts/{disabled}/actions"), event).await.expect("disabled");
    world.machines.state().silent.insert(away);
    let reconnect = json!({ "reconnectHost": {} });
    world.node.call("PUT", &format!("/hosts/{away}/actions"), reconnect).await.expect_err("it is away");

    let request = HostRequest { avoid: vec![elsewhere], ..needs(50, 20 * GIB) };
    let error = world.allocate(Uuid::random(), request).await.expect_err("nobody is left");
    assert_eq!(error.code, "HOST_ALLOCATION.1001");
    let reasons = error.opaque.as_ref().expect("facts")["hosts"].clone();
    let reason = |host: Uuid| reasons[host.to_string()]["reason"].as_str().expect("a reason").to_owned();
    assert_eq!(reason(full), "lacks 10 CPUs (40 of 40 free) and 5120 MiB of memory (15360 of 16384 MiB free)");
    assert_eq!(reason(disabled), "is in state Disabled");
    assert_eq!(reason(away), "is Disconnected");
    assert_eq!(reason(elsewhere), "is to be avoided");
    assert!(error.details.contains("'host at 10.0.0.1' lacks 10 CPUs"), "{error}");
    assert_eq!(reasons[full.to_string()]["filter"], "capacity");

    world.machines.state().filtered = Some("does not see the network");
    let error = world.allocate(Uuid::random(), needs(1, GIB)).await.expect_err("the plugin refuses");
    assert!(error.details.starts_with("no host takes the VM: 'host at 10.0.0."), "{error}");
    assert!(error.details.contains("does not see the network [of-a-plugin]"), "{error}");
}

#[tokio::test]
async fn a_designated_host_cluster_or_zone_is_obeyed() {
    let world = World::new().await;
    let hosts = [world.add("10.0.0.1").await, world.add("10.0.0.2").await];
    for host in hosts {
        let request = HostRequest { host: Some(host), ..needs(1, GIB) };
        assert_eq!(world.allocate(Uuid::random(), request).await.expect("there is room").host, host);
    }
    for request in [
        HostRequest { host: Some(Uuid::random()), ..needs(1, GIB) },
        HostRequest { cluster: Some(Uuid::random()), ..needs(1, GIB) },
        HostRequest { zone: Some(Uuid::random()), ..needs(1, GIB) },
    ] {
        let error = world.allocate(Uuid::random(), request).await.expect_err("there is no such place");
        assert!(error.details.contains("asked for"), "{error}");
    }
}

#[tokio::test]
async fn without_hosts_it_says_so() {
    let world = World::new().await;
    let error = world.allocate(Uuid::random(), needs(1, GIB)).await.expect_err("there are none");
    assert!(error.details.contains("there is no host"), "{error}");
}

#[tokio::test]
async fn memory_may_be_given_out_more_than_once() {
    let world = World::new().await;
    let host = world.add("10.0.0.1").await;
    let configs = world.node.kernel().configs();
    configs.set("mevoco", "overProvisioning.memory", Some("2.0")).await.expect("set");
    let vm = Uuid::random();
    world.allocate(vm, needs(1, 20 * GIB)).await.expect("it counts half");
    assert_eq!(world.free(host).await.1, 5 * GIB);
    configs.set("mevoco", "overProvisioning.memory", None).await.expect("reset");
    world.release(vm).await;
    assert_eq!(world.free(host).await.1, 15 * GIB, "what was held is given back, whatever the setting is now");
}

/// Whatever is asked for and given back in whatever order, what is free is what there is without what is held.
#[test]
fn the_books_are_always_right() {
    #[derive(Debug, Clone)]
    enum Op {
        Allocate { vm: u8, cpu: i64, memory: i64 },
        Release { vm: u8 },
    }
    let allocate = (0..8u8, 0..30i64, 0..8i64).prop_map(|(vm, cpu, gib)| Op::Allocate { vm, cpu, memory: gib * GIB });
    let op = prop_oneof![allocate, (0..8u8).prop_map(|vm| Op::Release { vm })];

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (world, host) = runtime.block_on(async {
        let world = World::new().await;
        let host = world.add("10.0.0.1").await;
        (world, host)
    });
    let vms: Vec<Uuid> = (0..8).map(|_| Uuid::random()).collect();
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&vec(op, 1..24), |ops| {
        runtime.block_on(async {
            let mut held = BTreeMap::<u8, (i64, i64)>::new();
            for op in ops {
                match op {
                    Op::Allocate { vm, cpu, memory } => {
                        let taken: (i64, i64) = held.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                        let fits = taken.0 + cpu <= 40 && taken.1 + memory <= 15 * GIB;
                        let answer = world.allocate(vms[usize::from(vm)], needs(cpu, memory)).await;
                        prop_assert_eq!(answer.is_ok(), fits || held.contains_key(&vm));
                        if fits {
                            held.entry(vm).or_insert((cpu, memory));
                        }
                    }
                    Op::Release { vm } => {
                        world.release(vms[usize::from(vm)]).await;
                        held.remove(&vm);
                    }
                }
                let taken: (i64, i64) = held.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                prop_assert_eq!(world.free(host).await, (40 - taken.0, 15 * GIB - taken.1));
            }
            for vm in &vms {
                world.release(*vm).await;
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

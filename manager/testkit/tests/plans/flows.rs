//! Plans of calls that are flows or single writes: steps, what is touched, vetoes, and why which host.

use cumulo_kernel::plan::Plan;
use cumulo_testkit::World;
use serde_json::{Value, json};

use crate::rows::plan;

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.name.as_str()).collect()
}

fn count(plan: &Plan, resource: &str, effect: &str) -> usize {
    let found = plan.resources.iter().find(|touched| touched.resource == resource && touched.effect == effect);
    found.map_or(0, |touched| touched.count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_to_be_created_shows_its_steps_and_every_hosts_answer() {
    let world = World::new().await;
    let cloud = world.large_cloud(3).await;
    let mut body = cloud.vm("vm");
    body["params"]["dryRun"] = true.into();
    let small = plan(&world, "POST", "/vm-instances", &body).await;
    assert!(small.vetoes.is_empty(), "{:?}", small.vetoes);
    assert_eq!(steps(&small)[..3], ["record-vm", "allocate-host", "allocate-nics"]);
    assert!(small.steps.iter().all(|step| !step.description.is_empty()), "{:?}", small.steps);
    assert_eq!(count(&small, "VmInstanceVO", "created"), 1);
    assert_eq!(count(&small, "VmNicVO", "created"), 1);
    let hosts = small.explanations["hosts"].as_array().expect("a list");
    assert_eq!(hosts.len(), 3);
    assert!(hosts.iter().all(|host| host.get("refusedBy").is_none()), "{hosts:?}");

    body["params"]["instanceOfferingUuid"] = Value::Null;
    body["params"]["cpuNum"] = 1.into();
    body["params"]["memorySize"] = (1_i64 << 50).into();
    let huge = plan(&world, "POST", "/vm-instances", &body).await;
    assert_eq!(huge.vetoes.len(), 1);
    assert_eq!(huge.vetoes[0].code, "HOST_ALLOCATION.1001");
    let hosts = huge.explanations["hosts"].as_array().expect("a list");
    assert_eq!(hosts.len(), 3);
    for host in hosts {
        assert_eq!(host["refusedBy"], "capacity");
        assert!(host["lackingMemory"].as_i64().expect("a number") > 1 << 49, "{host}");
        assert_eq!(host["lackingCpu"], 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_refuse_a_call_is_a_veto() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    let actions = format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid"));
    let start = plan(&world, "PUT", &actions, &json!({ "startVmInstance": { "dryRun": true } })).await;
    assert!(start.vetoes[0].details.contains("is Running"), "{:?}", start.vetoes);
    let stop = plan(&world, "PUT", &actions, &json!({ "stopVmInstance": { "dryRun": "true" } })).await;
    assert!(stop.vetoes.is_empty());
    assert_eq!(steps(&stop), ["enter", "stop-on-host", "leave-host", "settle"]);
    assert_eq!(count(&stop, "VmInstanceVO", "stopped"), 1);
    let maintain = json!({ "changeHostState": { "stateEvent": "maintain", "dryRun": true } });
    let maintain = plan(&world, "PUT", &format!("/hosts/{}/actions", cloud.host), &maintain).await;
    assert_eq!(count(&maintain, "HostVO", "changed"), 1);
    // A rule that is broken, a thing that is not there, a resource that is taken.
    let nowhere = json!({ "params": { "name": "c", "hypervisorType": "KVM", "zoneUuid": "nowhere", "dryRun": true } });
    assert_eq!(plan(&world, "POST", "/clusters", &nowhere).await.vetoes[0].code, "SYS.1003");
    let other = json!({ "params": { "name": "c", "hypervisorType": "Xen", "zoneUuid": cloud.zone, "dryRun": true } });
    assert_eq!(plan(&world, "POST", "/clusters", &other).await.vetoes.len(), 1);
    let zone = format!("/l2-networks/{}/clusters/{}", cloud.l2, cloud.cluster);
    let again = plan(&world, "POST", &zone, &json!({ "params": { "dryRun": true } })).await;
    assert!(again.vetoes[0].details.contains("already"), "{:?}", again.vetoes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nic_that_comes_or_goes_is_counted_and_a_second_one_refused() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    let (uuid, nic) = (vm["uuid"].as_str().expect("a uuid"), vm["vmNics"][0]["uuid"].as_str().expect("a uuid"));
    let there = format!("/vm-instances/{uuid}/l3-networks/{}", cloud.l3);
    let dry = json!({ "params": { "dryRun": true } });
    let second = plan(&world, "POST", &there, &dry).await;
    assert!(second.vetoes[0].details.contains("already"), "{:?}", second.vetoes);
    let path = format!("/vm-instances/nics/{nic}");
    let goes = plan(&world, "DELETE", &format!("{path}?dryRun=true"), &Value::Null).await;
    assert!(goes.vetoes.is_empty(), "{:?}", goes.vetoes);
    assert!(goes.steps.iter().all(|step| !step.description.is_empty()), "{:?}", goes.steps);
    assert_eq!((count(&goes, "VmNicVO", "removed"), count(&goes, "UsedIpVO", "removed")), (1, 1));
    world.call("DELETE", &path, &Value::Null).await.expect("detached");
    let comes = plan(&world, "POST", &there, &dry).await;
    assert!(comes.vetoes.is_empty(), "{:?}", comes.vetoes);
    assert_eq!((count(&comes, "VmNicVO", "created"), count(&comes, "UsedIpVO", "created")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_a_volume_is_foreseen_for_a_vm_that_is_stopped() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    let path = format!("/images/root-volume-templates/from/volumes/{}", vm["rootVolumeUuid"].as_str().expect("a uuid"));
    let dry = json!({ "params": { "name": "template", "dryRun": true } });
    let running = plan(&world, "POST", &path, &dry).await;
    assert!(running.vetoes[0].details.contains("stop it first"), "{:?}", running.vetoes);
    let stop = json!({ "stopVmInstance": {} });
    world.make("PUT", &format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid")), stop).await;
    let stopped = plan(&world, "POST", &path, &dry).await;
    assert!(stopped.vetoes.is_empty(), "{:?}", stopped.vetoes);
    assert!(stopped.steps.iter().all(|step| !step.description.is_empty()), "{:?}", stopped.steps);
    assert_eq!(steps(&stopped)[..4], ["check-volume", "record-image", "flatten-volume", "open-uploads"]);
    assert_eq!((count(&stopped, "ImageVO", "created"), count(&stopped, "VolumeVO", "read")), (1, 1));
    assert_eq!(world.query("/images").await.len(), 1, "a plan does nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_write_is_tried_and_counted() {
    let world = World::new().await;
    let zone = json!({ "params": { "name": "z", "userTags": ["a", "b"], "dryRun": true } });
    let create = plan(&world, "POST", "/zones", &zone).await;
    assert_eq!(steps(&create), ["write"]);
    assert_eq!((count(&create, "ZoneVO", "created"), count(&create, "UserTagVO", "created")), (1, 2));
    let made = world.make("POST", "/zones", json!({ "params": { "name": "z" } })).await;
    let uuid = made["uuid"].as_str().expect("a uuid");
    let rename = json!({ "updateZone": { "name": "y", "dryRun": true } });
    let rename = plan(&world, "PUT", &format!("/zones/{uuid}/actions"), &rename).await;
    assert_eq!(count(&rename, "ZoneVO", "changed"), 1);
    let taken = json!({ "params": { "name": "again", "resourceUuid": uuid, "dryRun": true } });
    assert_eq!(plan(&world, "POST", "/zones", &taken).await.vetoes.len(), 1, "the id is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_over_a_lost_host_says_what_is_in_its_way() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    world.make("POST", "/vm-instances", cloud.vm("vm")).await;
    let mut batch = world.kernel().db().batch();
    batch
        .update::<cumulo_contracts::resource::Host>()
        .set(cumulo_contracts::resource::Host::STATUS, &cumulo_contracts::resource::HostStatus::Disconnected)
        .any();
    world.kernel().db().commit(batch).await.expect("written");
    let path = format!("/zones/{}?dryRun=true", cloud.zone);
    let permissive = plan(&world, "DELETE", &path, &Value::Null).await;
    assert!(permissive.vetoes[0].details.contains("1 VMs are up on host 'host'"), "{:?}", permissive.vetoes);
    let enforcing = plan(&world, "DELETE", &format!("{path}&deleteMode=Enforcing"), &Value::Null).await;
    assert!(enforcing.vetoes.is_empty(), "it goes on over that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_that_changes_something_can_be_planned() {
    let world = World::new().await;
    for api in world.kernel().supported_apis() {
        assert_eq!(api.param("dryRun").is_some(), !api.is_read(), "{}", api.name);
    }
}

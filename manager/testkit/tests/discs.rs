//! CD drives of VMs and the ISO images in them, also while everything fails.
//!
//! flow failed everywhere: change-disc

use cumulo_agent_rt::storage::{Disks as _, Roots};
use cumulo_kernel::faults::Verdict;
use cumulo_kvm_agent::{ObjectId, domains::DomainSpec};
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testkit::{Cloud, Everywhere, World, assert_same};
use serde_json::{Value, json};

fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

fn uuids(inventories: &[Value]) -> Vec<String> {
    let mut uuids: Vec<String> = inventories.iter().map(uuid).collect();
    uuids.sort();
    uuids
}

struct Life {
    world: World,
    cloud: Cloud,
    vm: String,
    isos: [String; 2],
}

impl Life {
    /// A running VM, and two ISO images.
    async fn new() -> Self {
        let world = World::new().await;
        let cloud = world.cloud().await;
        let isos = [world.iso(&cloud, "first").await, world.iso(&cloud, "second").await];
        let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm")).await);
        Self { world, cloud, vm, isos }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        self.world.call(method, path, &body).await.map_err(|refused| refused.error().to_string())
    }

    async fn attach(&self, iso: &str, tags: &[&str]) -> Result<Value, String> {
        let path = format!("/vm-instances/{}/iso/{iso}", self.vm);
        self.call("POST", &path, json!({ "params": {}, "systemTags": tags })).await
    }

    async fn detach(&self, iso: Option<&str>) -> Result<Value, String> {
        let iso = iso.map(|iso| format!("?isoUuid={iso}")).unwrap_or_default();
        self.call("DELETE", &format!("/vm-instances/{}/iso{iso}", self.vm), Value::Null).await
    }

    async fn act(&self, action: &str) {
        self.world.make("PUT", &format!("/vm-instances/{}/actions", self.vm), json!({ action: {} })).await;
    }

    async fn add_drive(&self, name: &str, iso: Option<&str>) -> Result<Value, String> {
        let params = json!({ "params": { "name": name, "vmInstanceUuid": self.vm, "isoUuid": iso } });
        self.call("POST", "/vm-instances/cdroms", params).await.map(|mut answer| answer["inventory"].take())
    }

    /// In the order of their places.
    async fn drives(&self) -> Vec<Value> {
        self.world.query(&format!("/vm-instances/cdroms?q=vmInstanceUuid={}&sort=deviceId", self.vm)).await
    }

    /// What the guest is made of, as its hypervisor has it.
    fn spec(&self) -> DomainSpec {
        let host: Uuid = self.cloud.host.parse().expect("a uuid");
        let vm = ObjectId::try_from(self.vm.as_str()).expect("a uuid");
        self.world.sims.host(host).world().vms[&vm].spec.clone()
    }

    /// By place: the image that the guest sees, whose file is there.
    fn loaded(&self) -> Vec<Option<String>> {
        let host: Uuid = self.cloud.host.parse().expect("a uuid");
        let files = self.world.sims.host(host).world().files;
        let image = |path: &std::path::PathBuf| {
            assert!(files[path].iso, "{} is an ISO image", path.display());
            path.file_stem().expect("a name").to_string_lossy().into_owned()
        };
        self.spec().cdroms.iter().map(|drive| drive.path.as_ref().map(image)).collect()
    }

    async fn candidates(&self) -> (Vec<String>, Vec<String>) {
        let isos = self.world.query(&format!("/vm-instances/{}/iso-candidates", self.vm)).await;
        let vms = self.world.query(&format!("/images/iso/{}/vm-candidates", self.isos[0])).await;
        (uuids(&isos), uuids(&vms))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disc_comes_to_a_running_guest_and_goes() {
    let life = Life::new().await;
    let [first, second] = life.isos.clone();
    assert_eq!(life.loaded(), [None], "a VM has one empty drive");
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(life.candidates().await, (both, vec![life.vm.clone()]));

    let vm = life.attach(&first, &[]).await.expect("attached");
    assert_eq!(vm["inventory"]["vmCdRoms"][0]["isoUuid"], first.as_str());
    assert_eq!(life.loaded(), [Some(first.clone())]);
    assert_eq!(life.candidates().await, (vec![], vec![]), "its only drive is full");
    let cached = life.world.query(&format!("/primary-storage/imagecache?q=imageUuid={first}")).await;
    assert_eq!(cached[0]["mediaType"], "ISO");
    for (iso, why) in [(&first, "already"), (&second, "detach one first"), (&life.cloud.image, "mediaType ISO")] {
        let refused = life.attach(iso, &[]).await.expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
    life.act("rebootVmInstance").await;
    assert_eq!(life.loaded(), [Some(first.clone())], "it stays over a reboot");
    let refused = life.detach(Some(&second)).await.expect_err("it is not there");
    assert!(refused.contains("no CD drive"), "{refused}");
    life.detach(None).await.expect("detached");
    assert_eq!(life.loaded(), [None]);
    life.detach(None).await.expect_err("there is none");

    // A VM that is off gets its disc with its next start.
    life.act("stopVmInstance").await;
    life.attach(&second, &[]).await.expect("attached");
    life.act("startVmInstance").await;
    assert_eq!(life.loaded(), [Some(second.clone())]);
    // Somebody cleans up on the host: the image is fetched again.
    life.act("stopVmInstance").await;
    let host: Uuid = life.cloud.host.parse().expect("a uuid");
    let path = life.spec().cdroms[0].path.clone().expect("it has a path");
    let roots = Roots::in_memory();
    roots.add("/cumulo_ps").expect("a folder");
    let file = roots.confine(&path.to_string_lossy()).expect("it is in the storage");
    life.world.sims.host(host).doors().disks.remove(&file).await.expect("removed");
    life.act("startVmInstance").await;
    assert_eq!(life.loaded(), [Some(second)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_installed_from_an_iso() {
    let mut life = Life::new().await;
    let iso = life.isos[0].clone();
    let mut vm = life.cloud.vm("installed");
    vm["params"]["imageUuid"] = json!(iso);
    let refused = life.call("POST", "/vm-instances", vm.clone()).await.expect_err("how large?");
    assert!(refused.contains("rootDiskOfferingUuid"), "{refused}");
    vm["params"]["rootDiskSize"] = json!(5 << 20);
    for strategy in ["InstantStart", "CreateStopped"] {
        vm["params"]["strategy"] = json!(strategy);
        let made = life.world.make("POST", "/vm-instances", vm.clone()).await;
        life.vm = uuid(&made);
        if strategy == "CreateStopped" {
            life.act("startVmInstance").await;
        }
        assert_eq!((&made["imageUuid"], life.loaded()), (&json!(iso), vec![Some(iso.clone())]));
        assert_eq!(life.spec().boot, ["hd", "cdrom"]);
        let volume = &life.world.query(&format!("/volumes/{}", made["rootVolumeUuid"].as_str().expect("one"))).await[0];
        let path = life.spec().disks[0].path.clone();
        assert_eq!((&volume["size"], volume["installPath"].as_str()), (&json!(5 << 20), path.to_str()));
        let host: Uuid = life.cloud.host.parse().expect("a uuid");
        let file = life.world.sims.host(host).world().files[&path].clone();
        assert_eq!((file.backing, file.virtual_size), (None, 5 << 20), "an empty disk of that size");
    }
    vm["params"]["strategy"] = json!("JustCreate");
    let refused = life.call("POST", "/vm-instances", vm).await.expect_err("it would have no disk");
    assert!(refused.contains("CreateStopped"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drives_come_and_go_while_the_vm_is_off() {
    let life = Life::new().await;
    let [first, second] = life.isos.clone();
    let refused = life.add_drive("more", None).await.expect_err("it runs");
    assert!(refused.contains("stop the VM"), "{refused}");
    life.act("stopVmInstance").await;
    let two = life.add_drive("two", Some(&first)).await.expect("added");
    let refused = life.add_drive("again", Some(&first)).await.expect_err("it is in the other one");
    assert!(refused.contains("already"), "{refused}");
    let three = life.add_drive("three", None).await.expect("added");
    assert_eq!((&two["deviceId"], &three["deviceId"]), (&json!(1), &json!(2)));
    let refused = life.add_drive("four", None).await.expect_err("too many");
    assert!(refused.contains("may have 3 CD drives"), "{refused}");

    let path = format!("/vm-instances/{}/cdroms/{}/actions", life.vm, uuid(&two));
    let default = life.world.make("PUT", &path, json!({ "setVmInstanceDefaultCdRom": {} })).await;
    assert_eq!(default["deviceId"], 0);
    let path = format!("/vm-instances/cdroms/{}/actions", uuid(&two));
    let update = json!({ "updateVmCdRom": { "name": "installer", "description": "of the system" } });
    assert_eq!(life.world.make("PUT", &path, update).await["name"], "installer");
    life.act("startVmInstance").await;
    assert_eq!(life.loaded(), [Some(first), None, None]);
    life.attach(&second, &[&format!("cdromUuid::{}", uuid(&three))]).await.expect("attached");
    assert_eq!(life.loaded()[2].as_deref(), Some(second.as_str()));
    let refused = life.detach(None).await.expect_err("which?");
    assert!(refused.contains("isoUuid"), "{refused}");
    let refused = life.call("DELETE", &format!("/vm-instances/cdroms/{}", uuid(&three)), Value::Null).await;
    assert!(refused.expect_err("it runs").contains("stop the VM"));

    life.act("stopVmInstance").await;
    for drive in life.drives().await {
        life.call("DELETE", &format!("/vm-instances/cdroms/{}", uuid(&drive)), Value::Null).await.expect("deleted");
    }
    life.act("startVmInstance").await;
    assert!(life.loaded().is_empty());
    let refused = life.attach(&second, &[]).await.expect_err("no drive");
    assert!(refused.contains("CreateVmCdRom"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_is_made_with_the_drives_that_its_tags_say() {
    let mut life = Life::new().await;
    let [first, _] = life.isos.clone();
    for (tag, drives) in [
        ("createWithoutCdRom::true".to_owned(), vec![]),
        (format!("cdroms::empty::{first}::none"), vec![None, Some(first.clone())]),
        ("cdroms::none::none::none".to_owned(), vec![]),
    ] {
        let mut vm = life.cloud.vm("vm");
        vm["systemTags"] = json!([tag]);
        life.vm = uuid(&life.world.make("POST", "/vm-instances", vm).await);
        assert_eq!(life.loaded(), drives, "{tag}");
    }
    for tag in ["cdroms::cd::none::none", &format!("cdroms::{}::none::none", life.cloud.image)] {
        let mut vm = life.cloud.vm("vm");
        vm["systemTags"] = json!([tag]);
        life.call("POST", "/vm-instances", vm).await.expect_err(tag);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_fails_anywhere_leaves_the_disc_as_it_was() {
    let life = Life::new().await;
    let iso = life.isos[0].clone();
    // What stays for the next one, the copy on the host, is there.
    life.attach(&iso, &[]).await.expect("attached");
    life.detach(None).await.expect("detached");
    let probe = Everywhere::new();
    assert!(life.world.kernel().faults().install(probe.clone()).is_ok());
    probe.disarm();
    for inserting in [true, false] {
        let mut at = 0;
        loop {
            match (inserting, life.loaded()[0].is_some()) {
                (true, true) => drop(life.detach(None).await.expect("detached")),
                (false, false) => drop(life.attach(&iso, &[]).await.expect("attached")),
                _ => {}
            }
            let (rows, loaded) = (life.world.rows().await, life.loaded());
            probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
            let outcome = match inserting {
                true => life.attach(&iso, &[]).await,
                false => life.detach(None).await,
            };
            let places = probe.passed().0;
            probe.disarm();
            let place = format!("{:?}, inserting: {inserting}", places.get(at));
            let after = life.world.rows().await;
            match outcome {
                Err(_) => {
                    assert_same(&after, &rows, &place);
                    assert_eq!(life.loaded(), loaded, "{place}");
                }
                Ok(_) => assert_eq!(life.loaded(), [inserting.then(|| iso.clone())], "{place}"),
            }
            assert_eq!(after["owed"], 0, "{place}");
            if at >= places.len() {
                break;
            }
            at += 1;
        }
        assert!(at > 5, "a change passes many places, not {at}");
    }
}

//! What a guest is told before it runs: what to boot from, who may log in, what its console asks for.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use cumulo_contracts::resource::SshKeyPair;
use cumulo_kernel::faults::{Point, Probe, Verdict};
use cumulo_kvm_agent::{ObjectId, domains::DomainSpec};
use cumulo_schema::{Resource, Uuid};
use cumulo_testkit::{Cloud, World};
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here";

/// Longest that somebody waits for another.
const PATIENCE: Duration = Duration::from_secs(30);

struct Life {
    world: World,
    cloud: Cloud,
    vm: String,
}

impl Life {
    /// A running VM.
    async fn new() -> Self {
        let world = World::new().await;
        let cloud = world.cloud().await;
        let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await["uuid"].as_str().expect("a uuid").to_owned();
        Self { world, cloud, vm }
    }

    async fn act(&self, action: &str, params: Value) -> Result<Value, String> {
        let answer =
            self.world.call("PUT", &format!("/vm-instances/{}/actions", self.vm), &json!({ action: params })).await;
        answer.map_err(|refused| refused.error().details)
    }

    async fn ask(&self, what: &str) -> Value {
        let path = format!("/vm-instances/{}/{what}", self.vm);
        self.world.call("GET", &path, &Value::Null).await.expect("answered")
    }

    async fn delete(&self, what: &str) {
        let path = format!("/vm-instances/{}/{what}", self.vm);
        self.world.call("DELETE", &path, &Value::Null).await.expect("deleted");
    }

    /// The VM as its hypervisor has it after a reboot, and the keys that it is told of.
    async fn rebooted(&self) -> (DomainSpec, Vec<String>) {
        self.act("rebootVmInstance", json!({})).await.expect("rebooted");
        self.act("stopVmInstance", json!({})).await.expect("stopped");
        self.act("startVmInstance", json!({})).await.expect("started");
        let host: Uuid = self.cloud.host.parse().expect("a uuid");
        let there = self.world.sims.host(host).world();
        let vm = ObjectId::try_from(self.vm.as_str()).expect("a uuid");
        let keys = there.userdata.iter().find(|((_, of), _)| *of == vm).map(|(_, told)| told.ssh_keys.clone());
        (there.vms[&vm].spec.clone(), keys.unwrap_or_default())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_boots_from_what_it_is_told_to() {
    let life = Life::new().await;
    assert_eq!(life.ask("boot-orders").await["orders"], json!(["HardDisk", "CdRom"]));
    for bad in [json!(["Floppy"]), json!(["CdRom", "CdRom"])] {
        let refused = life.act("setVmBootOrder", json!({ "bootOrder": bad })).await.expect_err("nonsense");
        assert!(refused.contains("bootOrder"), "{refused}");
    }
    life.act("setVmBootOrder", json!({ "bootOrder": ["HardDisk"] })).await.expect("set");
    life.act("setVmBootOrder", json!({ "bootOrder": ["Network", "CdRom"] })).await.expect("set again");
    assert_eq!(life.ask("boot-orders").await["orders"], json!(["Network", "CdRom"]));
    let tagged = life.world.query("/vm-instances?q=__systemTag__=bootOrder::Network,CdRom").await;
    assert_eq!(tagged.len(), 1, "the order is a tag");
    assert_eq!(life.rebooted().await.0.boot, ["network", "cdrom"]);
    life.act("setVmBootOrder", json!({})).await.expect("as usual");
    assert_eq!(life.rebooted().await.0.boot, ["hd", "cdrom"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_booted_by_a_bios_or_by_uefi() {
    let life = Life::new().await;
    let wrong = life.act("setVmBootMode", json!({ "bootMode": "UEFI_WITH_CSM" })).await.expect_err("none is there");
    assert!(wrong.contains("Legacy and UEFI"), "{wrong}");
    assert!(!life.rebooted().await.0.uefi);
    for _ in 0..2 {
        life.act("setVmBootMode", json!({ "bootMode": "UEFI" })).await.expect("set");
    }
    let tagged = life.world.query("/vm-instances?q=__systemTag__=bootMode::UEFI").await;
    assert_eq!(tagged.len(), 1, "it is a tag");
    assert!(life.rebooted().await.0.uefi);
    let twice =
        json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": life.vm, "tag": "bootMode::Legacy" } });
    let refused = life.world.call("POST", "/system-tags", &twice).await.expect_err("it has one").error();
    assert!(refused.details.contains("SetVmBootMode"), "{refused}");

    // A host without the firmware says so, and the VM stays as it was.
    life.act("stopVmInstance", json!({})).await.expect("stopped");
    let host: Uuid = life.cloud.host.parse().expect("a uuid");
    life.world.sims.host(host).doors().domains.set_bios_only(true);
    let before = life.world.rows().await;
    let (path, start) = (format!("/vm-instances/{}/actions", life.vm), json!({ "startVmInstance": {} }));
    let refused = life.world.call("PUT", &path, &start).await.expect_err("no firmware").error().to_string();
    assert!(refused.contains("ovmf"), "{refused}");
    assert_eq!(life.world.rows().await, before);
    life.delete("bootmode").await;
    life.act("startVmInstance", json!({})).await.expect("a BIOS is always there");
    assert!(!life.rebooted().await.0.uefi);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_vm_is_booted_as_its_image_says() {
    let life = Life::new().await;
    let actions = format!("/images/{}/actions", life.cloud.image);
    life.world.call("PUT", &actions, &json!({ "setImageBootMode": { "bootMode": "UEFI" } })).await.expect("set");
    assert!(!life.rebooted().await.0.uefi, "what exists stays as it is");
    let made = async |tags: Value| {
        let mut body = life.cloud.vm("other");
        body["params"]["systemTags"] = tags;
        let vm = life.world.make("POST", "/vm-instances", body).await;
        let vm = ObjectId::try_from(vm["uuid"].as_str().expect("a uuid")).expect("a uuid");
        life.world.sims.host(life.cloud.host.parse().expect("a uuid")).world().vms[&vm].spec.uefi
    };
    assert!(made(json!([])).await);
    assert!(!made(json!(["bootMode::Legacy"])).await, "what the call says counts");
    let mut both = life.cloud.vm("both");
    both["params"]["systemTags"] = json!(["bootMode::Legacy", "bootMode::UEFI"]);
    life.world.call("POST", "/vm-instances", &both).await.expect_err("one or the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_asks_for_its_password_and_nobody_else_reads_it() {
    let mut life = Life::new().await;
    assert_eq!(life.ask("console-passwords").await["password"], Value::Null);
    let refused = life.act("setVmConsolePassword", json!({ "consolePassword": "too-long!" })).await.expect_err("long");
    assert!(refused.contains("1 to 8") && !refused.contains("too-long!"), "{refused}");
    let vm = life.act("setVmConsolePassword", json!({ "consolePassword": "s3cr3t-1" })).await.expect("set");
    assert!(!vm.to_string().contains("s3cr3t-1"), "{vm}");
    assert_eq!(life.ask("console-passwords").await["password"], "s3cr3t-1");
    assert_eq!(life.rebooted().await.0.console.password.as_deref(), Some("s3cr3t-1"));

    // Wherever a query leads, also one of everything that the language can name.
    let vm = life.world.query(&format!("/vm-instances/{}", life.vm)).await;
    let tags = life.world.query("/system-tags").await;
    assert!(!format!("{vm:?}{tags:?}").contains("s3cr3t-1"));
    let row = life.world.kernel().db().select::<cumulo_schema::system::SystemTag>().all().await.expect("readable");
    assert!(row.iter().all(|tag| !tag.tag.contains("s3cr3t-1")));
    let stranger = life.world.account("stranger").await.1;
    let admin = life.world.use_session(stranger);
    let path = format!("/vm-instances/{}/console-passwords", life.vm);
    life.world.call("GET", &path, &Value::Null).await.expect_err("it is another's");
    life.world.use_session(admin);

    life.delete("console-password").await;
    assert_eq!(life.ask("console-passwords").await["password"], Value::Null);
    assert_eq!(life.rebooted().await.0.console.password, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_told_who_may_log_in() {
    let life = Life::new().await;
    let refused = life.act("setVmSshKey", json!({ "SshKey": "no key" })).await.expect_err("nonsense");
    assert!(refused.contains("line 1 is no public key"), "{refused}");
    life.act("setVmSshKey", json!({ "SshKey": KEY })).await.expect("set");
    let both = format!("{KEY}\n{}", KEY.replace("me@here", "you@there"));
    life.act("setVmSshKey", json!({ "SshKey": both })).await.expect("set again");
    assert_eq!(life.ask("ssh-keys").await["sshKey"], both);
    assert_eq!(life.rebooted().await.1, both.lines().collect::<Vec<_>>());
    life.delete("ssh-keys").await;
    assert_eq!(life.ask("ssh-keys").await["sshKey"], Value::Null);
    assert!(life.rebooted().await.1.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_have_names_and_open_the_guests_that_they_are_attached_to() {
    let mut life = Life::new().await;
    let make = |name: &str, key: &str| json!({ "params": { "name": name, "publicKey": key } });
    let yours = KEY.replace("GKJl me@here", "GKJk you@there");
    let renamed = KEY.replace("me@here", "root@elsewhere");
    let key = life.world.make("POST", "/ssh-key-pair", make("me", &format!(" {KEY}\n"))).await;
    assert_eq!((&key["name"], &key["publicKey"]), (&json!("me"), &json!(KEY)));
    let key = key["uuid"].as_str().expect("a uuid").to_owned();
    for (name, text, why) in [
        ("again", KEY, "there already as 'me'"),
        ("again", &renamed, "there already as 'me'"),
        ("none", "ssh-ed25519 AAAA", "publicKey"),
        ("two", &format!("{KEY}\n{yours}"), "publicKey"),
        ("a;b", &yours, "name"),
    ] {
        let refused = life.world.call("POST", "/ssh-key-pair", &make(name, text)).await.expect_err(why).error();
        assert!(refused.code == "SYS.1007" && refused.details.contains(why), "{refused}");
    }
    let update = json!({ "updateSshKeyPair": { "description": "on my laptop" } });
    life.world.call("PUT", &format!("/ssh-key-pair/{key}/actions"), &update).await.expect("updated");
    let found = life.world.query("/ssh-key-pair?q=name=me").await;
    assert_eq!((found.len(), &found[0]["description"]), (1, &json!("on my laptop")));

    // Attached twice it is told once, beside what the VM's own tag says.
    life.act("setVmSshKey", json!({ "SshKey": yours })).await.expect("set");
    let (path, nothing) = (format!("/ssh-key-pair/{key}/vm-instance/{}", life.vm), json!({ "params": {} }));
    for _ in 0..2 {
        life.world.call("POST", &path, &nothing).await.expect("attached");
    }
    assert_eq!(life.rebooted().await.1, [yours.as_str(), KEY]);
    // The tag holds the same key under another comment.
    life.act("setVmSshKey", json!({ "SshKey": renamed })).await.expect("set");
    assert_eq!(life.rebooted().await.1, [renamed.as_str()]);
    life.act("setVmSshKey", json!({ "SshKey": yours })).await.expect("set");
    let refused = life.world.call("DELETE", &format!("/ssh-key-pair/{key}"), &Value::Null).await;
    assert!(refused.expect_err("in use").error().details.contains("attached to 1 VM"));
    // Also where it was attached after that was looked at.
    let uuids = vec![key.parse().expect("a uuid")];
    let refused = life.world.kernel().cascade().delete(SshKeyPair::META.vo, uuids, false).await.expect_err("in use");
    assert!(refused.cause.is_some_and(|cause| cause.details.contains("attached to 1 VM")));
    assert_eq!(life.rebooted().await.1, [yours.as_str(), KEY]);

    // A new VM may have it from the start; another account's it is not to give away.
    let mut body = life.cloud.vm("other");
    body["params"]["sshKeyPairUuids"] = json!([key, key]);
    let other = life.world.make("POST", "/vm-instances", body.clone()).await["uuid"].clone();
    let host: Uuid = life.cloud.host.parse().expect("a uuid");
    let there = life.world.sims.host(host).world();
    let told = there.userdata.iter().find(|((_, vm), _)| Some(vm.as_str()) == other.as_str()).expect("served");
    assert_eq!(told.1.ssh_keys, [KEY]);
    let (_, stranger) = life.world.account("stranger").await;
    let admin = life.world.use_session(stranger);
    assert!(life.world.query("/ssh-key-pair").await.is_empty());
    let mine = life.world.make("POST", "/ssh-key-pair", make("mine", KEY)).await["uuid"].clone();
    let mut same = make("me", KEY);
    same["params"]["resourceUuid"] = json!(key);
    let refused = life.world.call("POST", "/ssh-key-pair", &same).await.expect_err("it is another's").error();
    assert!(refused.code == "SYS.1002" && refused.details.contains("choose another resourceUuid"), "{refused}");
    life.world.call("DELETE", &format!("/ssh-key-pair/{key}"), &Value::Null).await.expect_err("it is another's");
    life.world.call("POST", &path, &nothing).await.expect_err("it is another's");
    life.world.use_session(admin);
    let refused = {
        body["params"]["sshKeyPairUuids"] = json!(["nonsense"]);
        &body
    };
    assert_eq!(life.world.call("POST", "/vm-instances", refused).await.expect_err("no key").error().code, "SYS.1003");

    life.world.call("DELETE", &path, &Value::Null).await.expect("detached");
    assert_eq!(life.rebooted().await.1, [yours.as_str()]);
    // With a VM and with an account go their rows.
    let other = other.as_str().expect("a uuid");
    life.world.call("DELETE", &format!("/vm-instances/{other}"), &Value::Null).await.expect("destroyed");
    let expunge = json!({ "expungeVmInstance": {} });
    life.world.call("PUT", &format!("/vm-instances/{other}/actions"), &expunge).await.expect("expunged");
    life.world.call("DELETE", &format!("/ssh-key-pair/{key}"), &Value::Null).await.expect("deleted");
    let account = life.world.query("/accounts?q=name=stranger").await[0]["uuid"].clone();
    let path = format!("/accounts/{}", account.as_str().expect("a uuid"));
    life.world.call("DELETE", &path, &Value::Null).await.expect("deleted");
    assert!(life.world.query("/ssh-key-pair").await.is_empty(), "{mine}");
}

/// Holds a flow up where it starts the step `at`, once.
struct HeldUp {
    at: &'static str,
    there: Sender<()>,
    on: Mutex<Receiver<()>>,
}

impl Probe for HeldUp {
    fn at(&self, point: Point<'_>) -> Verdict {
        if matches!(point, Point::StepStart { step, .. } if step == self.at) {
            // Who is waited for gives up after a while by itself.
            let _ = self.there.send(());
            let on = || self.on.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE);
            let _ = tokio::task::block_in_place(on);
        }
        Verdict::Pass
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_deleted_while_a_vm_is_made_with_it_is_said_to_be_gone() {
    let life = Life::new().await;
    let key = json!({ "params": { "name": "me", "publicKey": KEY } });
    let key = life.world.make("POST", "/ssh-key-pair", key).await["uuid"].as_str().expect("a uuid").to_owned();
    let ((there, is_there), (go, on)) = (channel(), channel());
    let probe = HeldUp { at: "record-vm", there, on: Mutex::new(on) };
    assert!(life.world.kernel().faults().install(Arc::new(probe)).is_ok());
    let mut body = life.cloud.vm("other");
    body["params"]["sshKeyPairUuids"] = json!([key]);
    let (job, before) = (Uuid::random(), life.world.query("/vm-instances").await.len());
    life.world.submit(job, "POST", "/vm-instances", &body).await;
    tokio::task::spawn_blocking(move || is_there.recv_timeout(PATIENCE)).await.expect("waited").expect("it begins");
    life.world.call("DELETE", &format!("/ssh-key-pair/{key}"), &Value::Null).await.expect("no VM has it");
    go.send(()).expect("it waits");
    let since = Instant::now();
    let refused = loop {
        if let Some(ended) = life.world.poll(job).await {
            break ended.expect_err("the key is gone").error();
        }
        assert!(since.elapsed() < PATIENCE, "the call does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((refused.code.as_str(), refused.details.contains(&key)), ("SYS.1003", true), "{refused}");
    assert_eq!(life.world.query("/vm-instances").await.len(), before);
}

/// A plan says what would change and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_can_be_planned() {
    let life = Life::new().await;
    let before = life.world.rows().await;
    for (action, params) in [
        ("setVmBootOrder", json!({ "bootOrder": ["CdRom"] })),
        ("setVmBootMode", json!({ "bootMode": "UEFI" })),
        ("setVmConsolePassword", json!({ "consolePassword": "secret" })),
        ("setVmSshKey", json!({ "SshKey": KEY })),
    ] {
        let mut params = params;
        params["dryRun"] = json!(true);
        let planned = life.act(action, params).await.expect("planned");
        assert!(planned["plan"]["resources"].as_array().is_some_and(|touched| !touched.is_empty()), "{planned}");
        assert!(!planned.to_string().contains("secret"), "{planned}");
    }
    assert_eq!(life.world.rows().await, before);
}

/// What a host is, is told by its agent, on simulated hosts as well, and nobody else can say otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_carry_tags_of_what_they_are() {
    let world = World::new().await;
    let hosts = [world.cloud().await.host, world.simulated_cloud().await.host];
    for host in hosts {
        for tag in ["os::distribution::%", "os::release::%", "os::version::%", "libvirt::version::%"] {
            let found =
                world.query(&format!("/hosts?q=uuid={host}&q=__systemTag__~={}", tag.replace('%', "%25"))).await;
            assert_eq!(found.len(), 1, "{tag}");
        }
        let path = format!("/system-tags?q=resourceUuid={host}&q=inherent=true");
        let tags = world.query(&path).await;
        let texts: Vec<&str> = tags.iter().filter_map(|tag| tag["tag"].as_str()).collect();
        assert!(texts.iter().any(|tag| tag.starts_with("qemu-img::version::")), "{texts:?}");
        for tag in ["capability:liveSnapshot", "capability::liveSnapshot"] {
            assert!(texts.contains(&tag), "{tag} of {texts:?}");
        }
        let uuid = tags[0]["uuid"].as_str().expect("a uuid");
        world.call("DELETE", &format!("/tags/{uuid}"), &Value::Null).await.expect_err("it is inherent");
        let reconnect = json!({ "reconnectHost": {} });
        world.call("PUT", &format!("/hosts/{host}/actions"), &reconnect).await.expect("reconnected");
        assert_eq!(world.query(&path).await.len(), tags.len(), "said anew, not twice");
    }
}

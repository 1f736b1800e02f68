//! A host that takes calls and answers none: who called it hears soon, nobody else waits for it, and when it is back nothing
//! is left there of what was given up.

use std::time::{Duration, Instant};

use cumulo_agent_rt::sim::{Fault, Faults, On};
use cumulo_schema::{
    ErrorCode, Uuid, codes,
    system::{GarbageCollector, GcStatus},
};
use cumulo_testkit::{Cloud, World};
use serde_json::{Map, Value, json};

/// Longest a test waits for the node to turn to something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon hosts are found away: settings of `host`, in seconds and times.
const WATCH: [(&str, &str); 4] =
    [("ping.interval", "1"), ("ping.timeout", "1"), ("ping.maxFailure", "2"), ("ping.sleepPeriodAfterFailure", "0")];
/// Interval and failed pings by [`WATCH`], and a few seconds.
const SOON: Duration = Duration::from_secs(3 + 4);
/// Much longer than a create takes where nothing hangs.
const UNDISTURBED: Duration = Duration::from_secs(2);

/// A cloud of three hosts that all have the image.
struct Stage {
    world: World,
    cloud: Cloud,
    sick: Uuid,
    well: [Uuid; 2],
}

impl Stage {
    async fn set(watch: &[(&str, &str)]) -> Self {
        let world = World::new().await;
        for (name, value) in watch {
            let update = json!({ "updateGlobalConfig": { "value": value } });
            let path = format!("/global-configurations/host/{name}/actions");
            world.call("PUT", &path, &update).await.expect("set");
        }
        let cloud = world.large_cloud(3).await;
        let hosts = world.query("/hosts").await;
        let mut hosts =
            hosts.iter().map(|host| host["uuid"].as_str().and_then(|uuid| uuid.parse().ok()).expect("a uuid"));
        let [sick, one, other] = [(); 3].map(|()| hosts.next().expect("three hosts"));
        let stage = Self { world, cloud, sick, well: [one, other] };
        for host in [sick, one, other] {
            let vm = stage.world.make("POST", "/vm-instances", stage.vm("first", host)).await;
            stage.remove(&vm).await;
            stage.reconnect(host).await;
        }
        stage
    }

    /// Connects `host` again, which looks how full its disk is.
    async fn reconnect(&self, host: Uuid) {
        let path = format!("/hosts/{host}/actions");
        self.world.call("PUT", &path, &json!({ "reconnectHost": {} })).await.expect("connected");
    }

    fn vm(&self, name: &str, host: Uuid) -> Value {
        let mut vm = self.cloud.vm(name);
        vm["params"]["hostUuid"] = json!(host);
        vm
    }

    async fn remove(&self, vm: &Value) {
        let path = format!("/vm-instances/{}", vm["uuid"].as_str().expect("a uuid"));
        self.world.call("DELETE", &path, &Value::Null).await.expect("destroyed");
        let expunge = json!({ "expungeVmInstance": {} });
        self.world.call("PUT", &format!("{path}/actions"), &expunge).await.expect("expunged");
    }

    fn faults(&self) -> Faults {
        self.world.sims.host(self.sick).faults().clone()
    }

    async fn status(&self) -> String {
        let host = self.world.query(&format!("/hosts?q=uuid={}", self.sick)).await;
        host[0]["status"].as_str().expect("a status").to_owned()
    }

    async fn until(&self, what: &str, is: impl AsyncFn() -> bool) {
        let since = Instant::now();
        while !is().await {
            assert!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn owed(&self) -> Vec<GarbageCollector> {
        let owed = self.world.kernel().db().select::<GarbageCollector>();
        owed.ne(GarbageCollector::STATUS, &GcStatus::Done).all().await.expect("readable")
    }

    /// A create on the sick host, which ends in an error about it.
    async fn fail(&self, name: &str) -> (ErrorCode, Duration) {
        let begun = Instant::now();
        let refused = self.world.call("POST", "/vm-instances", &self.vm(name, self.sick)).await;
        (refused.expect_err("its host does not answer").error(), begun.elapsed())
    }

    /// The host answers again: what is owed there is paid, and all is as it was `before`.
    async fn recover(&self, before: &Map<String, Value>) {
        self.faults().hang(false);
        self.until("the host is connected", async || self.status().await == "Connected").await;
        self.until("debts are paid", async || self.owed().await.is_empty()).await;
        // When it came back it had what was owed on its disk.
        self.reconnect(self.sick).await;
        let since = Instant::now();
        while self.everything().await != *before {
            assert!(since.elapsed() < PATIENCE, "{}", difference(before, &self.everything().await));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Every row that VMs touch, and what exists on each host, by its name.
    async fn everything(&self) -> Map<String, Value> {
        let mut all = self.world.rows().await;
        all.extend(
            self.world.sims.worlds().into_iter().map(|(host, world)| (host.to_string(), json!(format!("{world:?}")))),
        );
        all
    }
}

/// What is otherwise than before, for who has to find out why.
fn difference(before: &Map<String, Value>, now: &Map<String, Value>) -> String {
    let other = now.iter().filter(|(name, value)| before.get(*name) != Some(*value));
    other.map(|(name, value)| format!("{name} was {:#}\nand is {value:#}\n", before[name])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_of_a_change_that_failed_is_not_taken_back_of_the_next_one() {
    let stage = Stage::set(&WATCH).await;
    let patience = json!({ "updateGlobalConfig": { "value": "1" } });
    stage.world.call("PUT", "/global-configurations/agent/accept.timeout/actions", &patience).await.expect("set");
    let vm = stage.world.make("POST", "/vm-instances", stage.vm("vm", stage.sick)).await;
    let path = format!("/vm-instances/{}/actions", vm["uuid"].as_str().expect("a uuid"));
    let pause = async || stage.world.call("PUT", &path, &json!({ "pauseVmInstance": {} })).await;
    for command in ["PauseVm", "ResumeVm"] {
        stage.faults().plan(On::Every(command), Fault::DropRequest);
    }
    pause().await.expect_err("its host does not answer");
    assert_eq!(stage.owed().await.len(), 1, "the guest may be paused, and is to run");
    stage.faults().clear();
    stage.until("it is paused", async || pause().await.is_ok()).await;
    stage.until("nothing is owed", async || stage.owed().await.is_empty()).await;
    let guests = stage.world.sims.host(stage.sick).world().vms;
    let states: Vec<String> = guests.into_values().map(|guest| guest.state.to_string()).collect();
    assert_eq!(states, ["paused"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_called_a_host_that_hangs_hears_soon_and_others_do_not_wait() {
    let stage = Stage::set(&WATCH).await;
    let before = stage.everything().await;
    stage.faults().hang(true);
    let ((error, took), ()) = tokio::join!(stage.fail("sick"), async {
        for n in 0..10 {
            let begun = Instant::now();
            let vm = stage.world.make("POST", "/vm-instances", stage.vm(&format!("well-{n}"), stage.well[n % 2])).await;
            assert!(begun.elapsed() < UNDISTURBED, "a create on another host took {:?}", begun.elapsed());
            stage.remove(&vm).await;
        }
    });
    assert!(took < SOON, "{took:?}: {error}");
    assert!(error.comes_of(codes::HOST_CONNECTION) && error.waits_for() == Some(stage.sick), "{error:?}");
    assert_eq!(stage.world.query("/vm-instances?q=name=sick").await, [] as [Value; 0], "what can be undone is");
    // The volume's file could have been made.
    let owed = stage.owed().await;
    assert!(owed.iter().all(|debt| debt.waits_for == Some(stage.sick)), "{owed:?}");
    assert!(!owed.is_empty(), "whether the host has the volume nobody knows");
    // Known to be away: nobody is sent there, and who wants to be there hears why.
    stage.until("the host is found away", async || stage.status().await == "Disconnected").await;
    let (error, took) = stage.fail("late").await;
    assert!(took < UNDISTURBED && error.details.contains("Disconnected"), "{took:?}: {error}");
    stage.recover(&before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_host_did_unheard_is_undone_when_it_is_back() {
    let stage = Stage::set(&WATCH).await;
    let before = stage.everything().await;
    let faults = stage.faults();
    faults.clear();
    faults.plan(On::Next("StartVm"), Fault::Delay(Duration::from_millis(400)));
    let ((error, took), ()) = tokio::join!(stage.fail("half"), async {
        // It hangs when it has the command, which it does all the same, and nobody hears of it.
        stage
            .until("the guest is to start", async || faults.calls().iter().any(|call| call.command == "StartVm"))
            .await;
        faults.hang(true);
    });
    assert!(took < SOON, "{took:?}: {error}");
    let owed: Vec<String> = stage.owed().await.into_iter().map(|debt| debt.name).collect();
    assert!(owed.iter().any(|name| name.contains("start-on-host")), "{owed:?}");
    stage.recover(&before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_the_watch_has_not_looked_at_is_given_up_and_left_out_all_the_same() {
    // At their usual settings pings come once a minute.
    let stage = Stage::set(&[]).await;
    stage.world.kernel().configs().set("agent", "accept.timeout", Some("3")).await.expect("set");
    let before = stage.everything().await;
    stage.faults().hang(true);
    let (error, took) = stage.fail("sick").await;
    assert!(took < SOON && error.waits_for() == Some(stage.sick), "{took:?}: {error:?}");
    assert_eq!(stage.status().await, "Connected", "nobody has looked yet");
    let (error, _) = stage.fail("again").await;
    assert!(
        error.details.contains("agent-answers") || format!("{error:?}").contains("has not answered for"),
        "{error:?}"
    );
    for n in 0..4 {
        let vm = stage.world.make("POST", "/vm-instances", stage.cloud.vm(&format!("anywhere-{n}"))).await;
        assert_ne!(vm["hostUuid"], json!(stage.sick));
        stage.remove(&vm).await;
    }
    // Nothing tells the node that it is back but its next look.
    stage.world.kernel().configs().set("host", "ping.interval", Some("1")).await.expect("set");
    stage.recover(&before).await;
}

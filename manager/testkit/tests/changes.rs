//! Every change of a VM failed at every place: the VM is never left on the way, asking again succeeds, nothing is owed.
//!
//! flow failed everywhere: change-vm

use std::sync::Arc;

use cumulo_kernel::faults::Verdict;
use cumulo_schema::ErrorCode;
use cumulo_testkit::{Everywhere, World};
use serde_json::{Value, json};

/// States that belong to a flow.
const ON_THE_WAY: [&str; 7] = ["Starting", "Stopping", "Rebooting", "Destroying", "Expunging", "Pausing", "Resuming"];

struct Life {
    world: World,
    probe: Arc<Everywhere>,
    vm: String,
}

impl Life {
    async fn state(&self) -> String {
        let rows = self.world.query(&format!("/vm-instances/{}", self.vm)).await;
        rows.first().map_or("gone", |row| row["state"].as_str().expect("a state")).to_owned()
    }

    async fn act(&self, action: &str) -> bool {
        let path = format!("/vm-instances/{}", self.vm);
        let outcome = match action {
            "destroy" => self.world.call("DELETE", &path, &Value::Null).await,
            action => self.world.call("PUT", &format!("{path}/actions"), &json!({ action: {} })).await,
        };
        outcome.is_ok()
    }

    /// Does `action` from `from` to `to`, failing it at every place it passes, and `back` to begin anew each time.
    async fn fail_everywhere(&self, action: &str, from: &str, to: &str, back: &[&str]) {
        self.probe.disarm();
        assert!(self.act(action).await, "{action} works");
        let places = self.probe.passed().0;
        assert!(!places.is_empty());
        for (at, place) in places.iter().enumerate() {
            for back in back {
                assert!(self.act(back).await, "{back} works after {action} at {place}");
            }
            assert_eq!(self.state().await, from);
            self.probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
            let done = self.act(action).await;
            self.probe.disarm();
            let state = self.state().await;
            assert!(!ON_THE_WAY.contains(&state.as_str()), "{action} failed at {place} leaves the VM {state}");
            if !done && state != to {
                assert!(self.act(action).await, "{action} again works after failing at {place}, the VM being {state}");
            }
            assert_eq!(self.state().await, to, "{action} after failing at {place}");
            assert_eq!(self.world.rows().await["owed"], 0, "{action} failed at {place} owes something");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_fails_anywhere_can_be_asked_again() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let probe = Everywhere::new();
    assert!(world.kernel().faults().install(probe.clone()).is_ok());
    probe.disarm();
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm1")).await;
    let vm = vm["uuid"].as_str().expect("a uuid").to_owned();
    let life = Life { world, probe, vm };
    life.fail_everywhere("pauseVmInstance", "Running", "Paused", &["resumeVmInstance"]).await;
    life.fail_everywhere("resumeVmInstance", "Paused", "Running", &["pauseVmInstance"]).await;
    life.fail_everywhere("rebootVmInstance", "Running", "Running", &[]).await;
    life.fail_everywhere("stopVmInstance", "Running", "Stopped", &["startVmInstance"]).await;
    life.fail_everywhere("startVmInstance", "Stopped", "Running", &["stopVmInstance"]).await;
    life.fail_everywhere("destroy", "Running", "Destroyed", &["recoverVmInstance", "startVmInstance"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expunge_that_fails_anywhere_can_be_asked_again() {
    let world = World::new().await;
    let cloud = world.cloud().await;
    let probe = Everywhere::new();
    assert!(world.kernel().faults().install(probe.clone()).is_ok());
    let mut at = 0;
    loop {
        probe.disarm();
        let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
        let vm = vm["uuid"].as_str().expect("a uuid").to_owned();
        world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
        let (path, body) = (format!("/vm-instances/{vm}/actions"), json!({ "expungeVmInstance": {} }));
        probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
        let outcome = world.call("PUT", &path, &body).await;
        let places = probe.passed().0;
        probe.disarm();
        // Past the last step it is gone, whatever the call said.
        let gone = world.query(&format!("/vm-instances/{vm}")).await.is_empty();
        if outcome.is_err() && !gone {
            world
                .call("PUT", &path, &body)
                .await
                .unwrap_or_else(|error| panic!("expunging again after failing at {:?}: {error:?}", places.get(at)));
        }
        assert!(world.query(&format!("/vm-instances/{vm}")).await.is_empty());
        assert!(world.query("/volumes").await.is_empty(), "a volume is left after failing at {:?}", places.get(at));
        assert_eq!(world.rows().await["owed"], 0);
        if at >= places.len() {
            break;
        }
        at += 1;
    }
    assert!(at > 5, "an expunge passes many places, not {at}");
}

//! What hosts report against what is recorded: the host has the last word, and not the report.

use cumulo_kvm_agent::{ObjectId, domains::DomainState};
use cumulo_proto::{Report, VmOnHost, VmState};
use cumulo_testkit::{Cloud, World};
use serde_json::Value;

/// A VM that runs on the host of a cloud.
struct Stage {
    world: World,
    cloud: Cloud,
    vm: String,
}

impl Stage {
    async fn set() -> Self {
        let world = World::new().await;
        let cloud = world.cloud().await;
        let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await;
        Self { world, cloud, vm: vm["uuid"].as_str().expect("a uuid").to_owned() }
    }

    /// The host reports `seen`, in its report number `sequence`.
    async fn reported(&self, sequence: u64, seen: Option<VmState>) {
        let vms = seen.map(|state| VmOnHost { uuid: self.vm.clone(), state: state.into() });
        let agent = self.cloud.host.clone();
        let report =
            Report { agent, boot_id: "boot".to_owned(), sequence, vms: vms.into_iter().collect(), ..Report::default() };
        self.world.sims.report(&report).await.expect("taken");
    }

    /// What the VM really is.
    fn becomes(&self, state: DomainState) {
        let host = self.world.sims.host(self.cloud.host.parse().expect("a uuid"));
        host.doors().domains.set_state(&ObjectId::try_from(self.vm.as_str()).expect("a uuid"), state);
    }

    async fn recorded(&self) -> Value {
        self.world.query(&format!("/vm-instances?q=uuid={}", self.vm)).await.remove(0)["state"].take()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_from_before_its_start_stops_no_vm() {
    let stage = Stage::set().await;
    stage.reported(1, None).await;
    assert_eq!(stage.recorded().await, "Running");
    stage.reported(2, Some(VmState::Paused)).await;
    assert_eq!(stage.recorded().await, "Running");
    let host = stage.world.sims.host(stage.cloud.host.parse().expect("a uuid"));
    assert!(host.world().vms.values().all(|vm| vm.state == DomainState::Running), "nothing was done to it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_on_the_host_is_recorded() {
    let stage = Stage::set().await;
    stage.becomes(DomainState::Paused);
    stage.reported(1, Some(VmState::Paused)).await;
    assert_eq!(stage.recorded().await, "Paused");
    stage.becomes(DomainState::Running);
    stage.reported(2, Some(VmState::Running)).await;
    assert_eq!(stage.recorded().await, "Running");
    stage.becomes(DomainState::Crashed);
    stage.reported(3, Some(VmState::Crashed)).await;
    assert_eq!(stage.recorded().await, "Stopped");
}

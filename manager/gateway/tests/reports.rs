//! Reports reach who listens once the node has started, and not before.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cumulo_gateway::{DeployError, Deployer, Deployment, Gateway, OnReport};
use cumulo_kernel::Setup;
use cumulo_proto::Report;
use cumulo_schema::Uuid;
use cumulo_testdb::TestDatabase;

struct NothingToDo;

#[async_trait]
impl Deployer for NothingToDo {
    async fn deploy(&self, _deployment: &Deployment) -> Result<(), DeployError> {
        Ok(())
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<u64>>);

#[async_trait]
impl OnReport for Heard {
    async fn on_report(&self, report: &Report) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(report.sequence);
    }
}

#[tokio::test]
async fn reports_are_taken_when_the_node_has_started_and_late_ones_are_dropped() {
    let database = TestDatabase::new().await;
    let mut setup = Setup::new(database.open().await, Uuid::random(), &database.path().join("key")).expect("a key");
    let gateway = Gateway::in_process(&mut setup, Arc::new(NothingToDo));
    let heard = Arc::new(Heard::default());
    gateway.on_report(heard.clone());

    let agent = Uuid::random();
    let report =
        |sequence| Report { agent: agent.to_string(), boot_id: "boot".to_owned(), sequence, ..Report::default() };
    let early = gateway.report(report(1)).await.expect_err("the node is starting");
    assert_eq!(early.code, "SYS.1010");

    let kernel = setup.start("").await.expect("starts");
    for sequence in [1, 3, 2, 4] {
        gateway.report(report(sequence)).await.expect("taken");
    }
    assert_eq!(*heard.0.lock().unwrap_or_else(PoisonError::into_inner), [1, 3, 4]);
    assert!(gateway.report(Report::default()).await.is_err(), "it names no agent");
    kernel.stop().await;
}

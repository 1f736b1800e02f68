use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use cumulo_kernel::gc::GcRunner;
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testnode::TestNode;
use serde_json::{Value, json};

use crate::thing::install;

/// Succeeds once its host is back.
#[derive(Default)]
struct Sweeper {
    host_is_back: AtomicBool,
    tries: AtomicUsize,
}

#[async_trait]
impl GcRunner for Sweeper {
    async fn run(&self, _context: &str, _attempt: u64) -> Result<(), ErrorCode> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        match self.host_is_back.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(ErrorCode::operation("host is away")),
        }
    }
}

async fn owing() -> (TestNode, Arc<Sweeper>, Uuid) {
    let sweeper = Arc::new(Sweeper::default());
    let runner = sweeper.clone();
    let node = TestNode::start(|setup| {
        install(setup);
        setup.gc_runner("sweep", runner);
    })
    .await;
    let (debt, reason) = (Uuid::random(), ErrorCode::operation("host is away"));
    let debts = node.kernel().debts();
    debts.record(debt, "sweep".to_owned(), "sweep", "{}".to_owned(), Uuid::random(), &reason).await.expect("owed");
    (node, sweeper, debt)
}

#[tokio::test]
async fn a_debt_is_tried_when_told_to_and_its_outcome_is_the_answer() {
    let (node, sweeper, debt) = owing().await;
    let path = format!("/gc-jobs/{debt}/actions");
    let trigger = || json!({ "triggerGCJob": {} });
    let refused = node.call("PUT", &path, trigger()).await.expect_err("the host is away");
    assert!(refused.details.contains("host is away"), "{refused}");
    assert_eq!(node.query("/gc-jobs?q=status=Idle").await.len(), 1);
    sweeper.host_is_back.store(true, Ordering::SeqCst);
    node.call("PUT", &path, trigger()).await.expect("paid");
    assert_eq!(node.query("/gc-jobs?q=status=Done").await.len(), 1);
    let tries = sweeper.tries.load(Ordering::SeqCst);
    node.call("PUT", &path, trigger()).await.expect("paid is paid");
    assert_eq!(sweeper.tries.load(Ordering::SeqCst), tries);
}

#[tokio::test]
async fn a_debt_can_be_forgotten() {
    let (node, _, debt) = owing().await;
    for _ in 0..2 {
        node.call("DELETE", &format!("/gc-jobs/{debt}"), Value::Null).await.expect("gone is fine");
    }
    assert!(node.query("/gc-jobs").await.is_empty());
    assert_eq!(node.call("DELETE", "/gc-jobs/nonsense", Value::Null).await.expect_err("none").code, "SYS.1003");
}

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cumulo_schema::{Event, message};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize, Deserialize)]
struct Double(i64);
message!(Double => i64, service = "math");

#[derive(Debug, Serialize, Deserialize)]
struct TimeLeft;
message!(TimeLeft => u64, service = "math");

#[derive(Debug, Serialize, Deserialize)]
struct Nobody;
message!(Nobody => (), service = "void");

#[derive(Debug, Serialize, Deserialize)]
struct Panics;
message!(Panics => (), service = "math");

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Happened;
impl Event for Happened {
    const NAME: &'static str = "Happened";
}

#[derive(Default)]
struct Math {
    heard: AtomicUsize,
}

#[async_trait]
impl Handle<Double> for Math {
    async fn handle(&self, message: Double) -> Result<i64, ErrorCode> {
        message.0.checked_mul(2).ok_or_else(|| ErrorCode::invalid("too large to double"))
    }
}

#[async_trait]
impl Handle<TimeLeft> for Math {
    async fn handle(&self, _: TimeLeft) -> Result<u64, ErrorCode> {
        Ok(u64::try_from(CallContext::current().remaining().as_millis()).expect("fits"))
    }
}

#[async_trait]
impl Handle<Panics> for Math {
    async fn handle(&self, _: Panics) -> Result<(), ErrorCode> {
        panic!("on purpose")
    }
}

#[async_trait]
impl OnEvent<Happened> for Math {
    async fn on_event(&self, _: Happened) -> Result<(), ErrorCode> {
        self.heard.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn bus() -> (Bus, Arc<Math>) {
    let math = Arc::new(Math::default());
    let mut handlers = Handlers::default();
    handlers.add::<Double>(math.clone());
    handlers.add::<TimeLeft>(math.clone());
    handlers.add::<Panics>(math.clone());
    let mut subscribers = Subscribers::default();
    subscribers.add::<Happened>(math.clone());
    let bus = Bus::default();
    bus.open(handlers, subscribers);
    (bus, math)
}

#[tokio::test]
async fn a_call_is_answered_by_type() {
    let (bus, _) = bus();
    assert_eq!(bus.call(Double(21)).await, Ok(42));
    assert!(bus.call(Double(i64::MAX)).await.is_err());
    assert_eq!(bus.call_all((0..100).map(Double), 8).await, (0..100).map(|n| Ok(n * 2)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_without_a_service_is_an_error_not_a_hang() {
    let (bus, _) = bus();
    assert_eq!(bus.call(Nobody).await.expect_err("no handler").code, "PORTAL.1000");
    assert_eq!(Bus::default().call(Nobody).await.expect_err("not open").code, "SYS.1010");
}

#[tokio::test]
async fn a_handler_that_panics_is_an_error_of_its_caller_only() {
    let (bus, _) = bus();
    assert_eq!(bus.call(Panics).await.expect_err("panicked").code, "SYS.1000");
    assert_eq!(bus.call(Double(1)).await, Ok(2));
}

#[tokio::test]
async fn the_deadline_travels() {
    let (bus, _) = bus();
    let context = CallContext::current().within(Duration::from_millis(500));
    let left = context.scope(bus.call(TimeLeft)).await.expect("answered");
    assert!(left <= 500, "{left} ms");
}

#[tokio::test]
async fn an_event_reaches_its_listeners() {
    let (bus, math) = bus();
    bus.publish(&Happened);
    let heard = async {
        while math.heard.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), heard).await.expect("heard");
}

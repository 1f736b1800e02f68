//! Messages of programs outside: when they are acknowledged.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_testdb::Vhost;
use tokio::sync::Semaphore;

use super::{
    lab::alert,
    nodes::Pair,
    raw::{Raw, counted},
};
use crate::bus::amqp::{Portal, PortalRequest, topology::PORTAL_QUEUE};

/// Records what comes, as a body says, and answers when the gate lets it.
struct Gated(Semaphore);

#[async_trait]
impl Portal for Gated {
    async fn serve(&self, request: PortalRequest) -> Vec<u8> {
        if request.body == b"job" {
            request.recorded.notify_one();
        }
        let answer = format!("{} {}", String::from_utf8_lossy(&request.body), request.redelivered);
        let _open = self.0.acquire().await.expect("not closed");
        answer.into_bytes()
    }
}

/// Has a node begun with the message `body`, takes the node away, and answers with what another node does after that, up to
/// a message that is sent then: `count` messages in all.
async fn left_over(body: &str, count: u64) -> Vec<String> {
    let vhost = Vhost::new();
    let pair = Pair::start(&alert(vhost.url(), 1), &alert(vhost.url(), 1)).await;
    let raw = Raw::connect(&alert(vhost.url(), 1)).await;
    pair.b.amqp().open_portal(Arc::new(Gated(Semaphore::new(0))));
    raw.send(PORTAL_QUEUE, "", &[], body).await;
    let recorded = u64::from(body == "job");
    counted(&pair.b, "begun", |counters| counters.api_calls == 1 && counters.api_recorded == recorded).await;
    pair.b.amqp().close().await;
    pair.a.amqp().open_portal(Arc::new(Gated(Semaphore::new(1))));
    raw.send(PORTAL_QUEUE, "", &[], "marker").await;
    let mut answers = vec![];
    for _ in 0..count {
        answers.push(raw.answer().await.0);
    }
    answers.sort_unstable();
    assert_eq!(pair.a.amqp().counters().api_calls, count);
    pair.a.amqp().close().await;
    answers
}

#[tokio::test]
async fn a_call_that_is_recorded_is_acknowledged_before_it_is_answered() {
    assert_eq!(left_over("job", 1).await, ["marker false"]);
}

#[tokio::test]
async fn a_call_that_is_not_recorded_comes_again() {
    assert_eq!(left_over("call", 2).await, ["call true", "marker false"]);
}

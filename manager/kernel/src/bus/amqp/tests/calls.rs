//! Calls on a broker that works.

use std::{sync::atomic::Ordering, time::Duration};

use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testdb::Vhost;
use lapin::types::AMQPValue;

use super::{
    lab::alert,
    nodes::{Count, CountLater, Fail, Node, Pair, Panic, Repeat, TIMING, Told, Unheard, WhoAsks, owned_by, within},
    raw::{Raw, counted},
};
use crate::{
    bus::{CallContext, Caller, amqp::topology::service_queue, body::LIMIT},
    ring::{Ring, View},
};

async fn pair() -> (Vhost, Pair) {
    let vhost = Vhost::new();
    let pair = Pair::start(&alert(vhost.url(), 1), &alert(vhost.url(), 1)).await;
    (vhost, pair)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_to_the_owner_and_is_answered() {
    let (_vhost, pair) = pair().await;
    let ids: Vec<Uuid> = (0..200).map(|_| Uuid::random()).collect();
    let calls = ids.iter().map(|id| Count { key: pair.of_b(), id: *id });
    let answers = pair.a.bus.call_all(calls, 50).await;
    assert!(answers.iter().all(|answer| *answer == Ok(1)), "{answers:?}");
    assert!(ids.iter().all(|id| pair.b.math.effects(*id) == 1 && pair.a.math.effects(*id) == 0));
    let own = owned_by(&pair.a.view.borrow().ring, pair.a.id);
    assert_eq!(pair.a.bus.call(Count { key: own, id: ids[0] }).await, Ok(1), "its own it does itself");
    let counters = pair.a.amqp().counters();
    assert_eq!((counters.calls, counters.resent, counters.unknown_answers), (200, 0, 0));
    pair.close().await;
}

#[tokio::test]
async fn an_error_comes_back_with_its_cause() {
    let (_vhost, pair) = pair().await;
    let told = ErrorCode::operation("it did not work").because(ErrorCode::invalid("for a reason")).with("fact", 7);
    assert_eq!(pair.a.bus.call(Fail { key: pair.of_b() }).await, Err(told));
    assert_eq!(pair.a.bus.call(Panic { key: pair.of_b() }).await.expect_err("panicked").code, "SYS.1000");
    assert_eq!(pair.a.bus.call(Count { key: pair.of_b(), id: Uuid::random() }).await, Ok(1), "it lives on");
    pair.close().await;
}

#[tokio::test]
async fn trace_caller_and_deadline_travel() {
    let (_vhost, pair) = pair().await;
    let caller = Caller { account: Uuid::random(), session: Some(Uuid::random()) };
    let context = CallContext::starting(Uuid::random(), caller, Duration::from_secs(30));
    let (trace, asks, left) = context.scope(pair.a.bus.call(WhoAsks { key: pair.of_b() })).await.expect("answered");
    assert_eq!((trace, asks), (context.trace, caller));
    assert!((20_000..=30_000).contains(&left), "{left} ms are left of 30 s");
    pair.close().await;
}

#[tokio::test]
async fn what_has_no_way_is_an_error_at_once() {
    let (_vhost, pair) = pair().await;
    let ghost = Uuid::random();
    let ring = [pair.a.id, pair.b.id, ghost];
    pair.a.sees(2, &ring);
    let key = owned_by(&Ring::new(2, &ring), ghost);
    let begun = std::time::Instant::now();
    assert_eq!(pair.a.bus.call(Count { key, id: Uuid::random() }).await.expect_err("nobody there").code, "SYS.1009");
    assert_eq!(pair.a.bus.call(Unheard { key: pair.of_b() }).await.expect_err("no service").code, "SYS.1009");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(pair.a.amqp().counters().no_route >= 2);
    pair.close().await;
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_a_late_answer_is_dropped() {
    let (_vhost, pair) = pair().await;
    let id = Uuid::random();
    let late = within(Duration::from_millis(500), pair.a.bus.call(CountLater { key: pair.of_b(), id })).await;
    assert_eq!(late.expect_err("the gate is shut").code, "SYS.1001");
    pair.b.math.gate.add_permits(1);
    counted(&pair.a, "the late answer", |counters| counters.unknown_answers > 0).await;
    assert_eq!(pair.b.math.effects(id), 1, "it was done all the same, and once");
    pair.close().await;
}

#[tokio::test]
async fn a_call_to_a_node_that_leaves_ends() {
    let (_vhost, pair) = pair().await;
    let call = pair.a.bus.call(CountLater { key: pair.of_b(), id: Uuid::random() });
    let leave = async {
        super::lab::eventually("begun", || pair.b.math.begun.load(Ordering::SeqCst) == 1).await;
        pair.a.sees(2, &[pair.a.id]);
    };
    let (outcome, ()) = tokio::join!(call, leave);
    assert_eq!(outcome.expect_err("left").code, "SYS.1012");
    pair.close().await;
}

#[tokio::test]
async fn what_moved_is_followed() {
    let (_vhost, pair) = pair().await;
    let (both, id) = ([pair.a.id, pair.b.id], Uuid::random());
    let key = owned_by(&Ring::new(3, &both), pair.a.id);
    // The receiver knows already that the resource is the caller's now.
    pair.a.sees(2, &[pair.b.id]);
    pair.b.sees(3, &both);
    let learns = async {
        counted(&pair.b, "refused", |counters| counters.refused > 0).await;
        pair.a.sees(3, &both);
    };
    let (answer, ()) = tokio::join!(pair.a.bus.call(Count { key, id }), learns);
    assert_eq!(answer, Ok(1));
    assert_eq!((pair.a.math.effects(id), pair.b.math.effects(id)), (1, 0));
    pair.close().await;
}

#[tokio::test]
async fn a_receiver_that_is_behind_catches_up() {
    let vhost = Vhost::new();
    let ids = [Uuid::random(), Uuid::random()];
    let a = Node::start(&alert(vhost.url(), 1), ids[0], &ids[..1]).await;
    // It does not know yet that it is on the ring.
    let b = Node::start(&alert(vhost.url(), 1), ids[1], &ids[..1]).await;
    let pair = Pair { a, b };
    pair.a.sees(2, &ids);
    let id = Uuid::random();
    let learns = async {
        counted(&pair.b, "waits", |counters| counters.ahead > 0).await;
        assert_eq!((pair.b.math.effects(id), pair.b.amqp().counters().refused), (0, 0));
        pair.b.sees(2, &ids);
    };
    let (answer, ()) = tokio::join!(pair.a.bus.call(Count { key: pair.of_b(), id }), learns);
    assert_eq!((answer, pair.b.math.effects(id)), (Ok(1), 1));
    let behind = within(Duration::from_millis(500), async {
        pair.a.sees(3, &ids);
        pair.a.bus.call(Count { key: pair.of_b(), id }).await
    });
    assert_eq!(behind.await.expect_err("it never learns").code, "SYS.1001");
    assert_eq!(pair.b.math.effects(id), 1);
    pair.close().await;
}

#[tokio::test]
async fn what_was_sent_to_an_earlier_life_is_refused() {
    let vhost = Vhost::new();
    let ids = [Uuid::random(), Uuid::random()];
    let a = Node::start(&alert(vhost.url(), 1), ids[0], &ids).await;
    let view = View { ring: Ring::new(3, &ids), joined: 3 };
    let b = Node::start_with(&alert(vhost.url(), 1), ids[1], view, TIMING).await;
    let pair = Pair { a, b };
    let id = Uuid::random();
    let refused = pair.a.bus.call(Count { key: pair.of_b(), id }).await.expect_err("of epoch 1");
    assert_eq!(refused.code, "SYS.1012");
    pair.a.sees(3, &ids);
    assert_eq!(pair.a.bus.call(Count { key: pair.of_b(), id }).await, Ok(1));
    pair.close().await;
}

#[tokio::test]
async fn what_is_late_doubled_new_or_broken_is_not_started() {
    let (vhost, pair) = pair().await;
    let raw = Raw::connect(&alert(vhost.url(), 1)).await;
    let queue = service_queue("math", &pair.b.id);
    let count = |id: Uuid| format!(r#"{{"Count":{{"key":"{}","id":"{id}"}}}}"#, pair.of_b());

    let id = Uuid::random();
    raw.send(&queue, "Count", &[("deadline", AMQPValue::LongLongInt(1))], &count(id)).await;
    assert_eq!(raw.answer().await.1.as_deref(), Some("expired"));
    raw.send(&queue, "Count", &[("version", AMQPValue::LongInt(2))], &count(id)).await;
    assert_eq!(raw.answer().await.1.as_deref(), Some("unknown"));
    raw.send(&queue, "Sum", &[], "{}").await;
    assert!(raw.answer().await.0.contains("PORTAL.1000"));
    for bad in ["", "{", r#"{"Count":{}}"#, r#"{"Sum":{}}"#, r#"{"Count":null,"Sum":null}"#] {
        raw.send(&queue, "Count", &[], bad).await;
        let answer = raw.answer().await.0;
        assert!(answer.contains("SYS.1008"), "{bad}: {answer}");
    }
    assert_eq!((pair.b.math.effects(id), pair.b.math.begun.load(Ordering::SeqCst)), (0, 0));

    let message = raw.send(&queue, "Count", &[], &count(id)).await;
    assert_eq!(raw.answer().await.0, r#"{"CountReply":1}"#);
    raw.send_as(message, &queue, "Count", &[], &count(id)).await;
    assert_eq!(raw.answer().await.0, r#"{"CountReply":1}"#, "answered from memory");
    assert_eq!(pair.b.math.effects(id), 1);
    let counters = pair.b.amqp().counters();
    assert_eq!((counters.expired, counters.duplicates), (1, 1));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_an_error_and_disturbs_nobody() {
    let (_vhost, pair) = pair().await;
    let key = pair.of_b();
    let repeat = |text: String, times| pair.a.bus.call(Repeat { key, text, times });
    assert_eq!(repeat("x".repeat(LIMIT), 1).await.expect_err("too large").code, "SYS.1007");
    assert_eq!(pair.b.math.begun.load(Ordering::SeqCst), 0, "it was not sent");
    assert_eq!(repeat("x".into(), LIMIT).await.expect_err("its answer is too large").code, "SYS.1007");
    assert_eq!(repeat("x".into(), LIMIT - 100).await.map(|text| text.len()), Ok(LIMIT - 100));
    pair.a.bus.publish(&Told("x".repeat(LIMIT)));
    let counters = [pair.a.amqp().counters(), pair.b.amqp().counters()];
    assert_eq!(counters.map(|counters| counters.connected), [1, 1], "no session was lost");
    assert_eq!(counters[0].events_dropped, 1);
    assert_eq!(pair.b.math.begun.load(Ordering::SeqCst), 2, "each was done once");
    pair.close().await;
}

#[tokio::test]
async fn what_dies_in_a_queue_is_counted_and_answered() {
    let (vhost, pair) = pair().await;
    let raw = Raw::connect(&alert(vhost.url(), 1)).await;
    // Without an id nothing can be remembered of it: refused, so that it dies.
    let queue = service_queue("math", &pair.b.id);
    let properties = lapin::BasicProperties::default()
        .with_reply_to(raw.queue.as_str().into())
        .with_correlation_id("mine".into())
        .with_type("Count".into());
    let options = lapin::options::BasicPublishOptions::default();
    raw.channel.basic_publish("P2P".into(), queue.into(), options, b"{}", properties).await.expect("sent");
    let (answer, refused) = raw.answer().await;
    assert_eq!(refused.as_deref(), Some("dead"));
    assert!(answer.contains("SYS.1011") && answer.contains("rejected"), "{answer}");
    assert_eq!(pair.a.amqp().counters().dead_letters + pair.b.amqp().counters().dead_letters, 1);
    raw.send("zstack.message.nobody", "Count", &[], "{}").await;
    let (answer, refused) = raw.answer().await;
    assert!(refused.as_deref() == Some("unroutable") && answer.contains("SYS.1009"), "{answer}");
    pair.close().await;
}

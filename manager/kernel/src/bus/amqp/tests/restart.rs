//! A broker that is killed, restarted, and short of memory.

use std::{sync::atomic::Ordering, time::Duration};

use cumulo_schema::Uuid;
use cumulo_testdb::Broker;

use super::{
    lab::{Proxy, Wire, alert, eventually},
    nodes::{Count, CountLater, Happened, Node, Pair, TIMING, within},
};
use crate::{
    bus::amqp::Timing,
    ring::{Ring, View},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_events_outlive_the_broker() {
    let broker = Broker::start();
    let wire = Proxy::new(&alert(broker.url(), 2)).await;
    let pair = Pair::start(wire.url(), &alert(broker.url(), 2)).await;
    for end in ["kill", "down"] {
        let ids: Vec<Uuid> = (0..20).map(|_| Uuid::random()).collect();
        let before = pair.b.math.begun.load(Ordering::SeqCst);
        let calls = ids.iter().map(|id| CountLater { key: pair.of_b(), id: *id });
        let calls = within(Duration::from_mins(3), pair.a.bus.call_all(calls, 20));
        let spoil = async {
            eventually("all begun", || pair.b.math.begun.load(Ordering::SeqCst) == before + 20).await;
            broker.run(end, &[]);
            eventually("noticed", || !pair.a.amqp().is_connected() && !pair.b.amqp().is_connected()).await;
            pair.a.bus.publish(&Happened(before));
            pair.b.math.gate.add_permits(20);
            // A broker that was killed may have forgotten who listens, and hears of it from B before A is there.
            wire.set(Wire::Cut);
            broker.run("up", &[]);
            eventually("B is there", || pair.b.amqp().is_connected()).await;
            wire.set(Wire::Whole);
        };
        let (answers, ()) = tokio::join!(calls, spoil);
        assert!(answers.iter().all(|answer| *answer == Ok(1)), "{answers:?}");
        assert!(ids.iter().all(|id| pair.b.math.effects(*id) == 1));
        eventually("the event that waited", || pair.b.math.heard().contains(&before)).await;
        let gate = pair.b.math.gate.available_permits();
        pair.b.math.gate.forget_permits(gate);
    }
    assert_eq!(pair.b.math.heard(), [0, 20]);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_without_memory_is_an_error_in_time() {
    let broker = Broker::start();
    let ids = [Uuid::random(), Uuid::random()];
    let view = View { ring: Ring::new(1, &ids), joined: 1 };
    let timing = Timing { handover: Duration::from_secs(3), ..TIMING };
    let a = Node::start_with(&alert(broker.url(), 2), ids[0], view, timing).await;
    let pair = Pair { b: Node::start(&alert(broker.url(), 2), ids[1], &ids).await, a };
    let count = || Count { key: pair.of_b(), id: Uuid::random() };
    assert_eq!(pair.a.bus.call(count()).await, Ok(1));

    broker.run("ctl", &["set_vm_memory_high_watermark", "absolute", "1"]);
    // The first one tells the broker that we want to send, and it tells us that we must not.
    let errors = [pair.a.bus.call(count()).await, pair.a.bus.call(count()).await];
    for error in errors {
        let error = error.expect_err("the broker takes nothing");
        assert_eq!(error.code, "SYS.1011", "{error}");
        assert!(error.cause.is_some_and(|cause| cause.details.contains("memory")), "says why");
    }
    broker.run("ctl", &["set_vm_memory_high_watermark", "0.6"]);
    eventually("unblocked", || pair.a.amqp().blocked().is_none()).await;
    assert_eq!(pair.a.bus.call(count()).await, Ok(1));
    assert!(pair.a.amqp().counters().blocked > 0);
    pair.close().await;
}

//! Calls over a wire that is cut, stalled and reset.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use cumulo_schema::Uuid;
use cumulo_testdb::Vhost;

use super::{
    lab::{Proxy, Wire, alert, eventually},
    nodes::{Count, CountLater, Node, Pair, TIMING, owned_by, within},
};
use crate::{
    bus::amqp::{BrokerAt, Timing},
    ring::{Ring, View},
};

struct Wired {
    _vhost: Vhost,
    wire_a: Proxy,
    wire_b: Proxy,
    pair: Pair,
}

async fn wired() -> Wired {
    let vhost = Vhost::new();
    let (wire_a, wire_b) = (Proxy::new(&alert(vhost.url(), 1)).await, Proxy::new(&alert(vhost.url(), 1)).await);
    let pair = Pair::start(wire_a.url(), wire_b.url()).await;
    Wired { _vhost: vhost, wire_a, wire_b, pair }
}

/// Calls, waits until the call is being handled, spoils the wire with `spoil`, lets the handler end and answers with what
/// the caller got.
async fn spoiled(wired: &Wired, spoil: impl AsyncFnOnce(&Wired)) -> usize {
    let Wired { pair, .. } = wired;
    let id = Uuid::random();
    let before = pair.b.math.begun.load(Ordering::SeqCst);
    let call = within(Duration::from_mins(1), pair.a.bus.call(CountLater { key: pair.of_b(), id }));
    let rest = async {
        eventually("begun", || pair.b.math.begun.load(Ordering::SeqCst) > before).await;
        spoil(wired).await;
        pair.b.math.gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(call, rest);
    assert_eq!(pair.b.math.effects(id), 1, "one effect");
    answer.expect("answered over the fault")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_lost_connections() {
    let wired = wired().await;
    assert_eq!(spoiled(&wired, async |wired| wired.wire_a.reset()).await, 1, "the caller's");
    assert_eq!(spoiled(&wired, async |wired| wired.wire_b.reset()).await, 1, "the receiver's");
    let both = async |wired: &Wired| {
        wired.wire_a.reset();
        wired.wire_b.reset();
    };
    assert_eq!(spoiled(&wired, both).await, 1, "both");
    wired.pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_asked_for_again() {
    let wired = wired().await;
    let lose = async |wired: &Wired| {
        // The answer is made while its maker is cut off, and the caller asks again when it is back.
        wired.wire_b.set(Wire::Cut);
        eventually("cut off", || !wired.pair.b.amqp().is_connected()).await;
        let before = wired.pair.b.math.all_effects();
        wired.pair.b.math.gate.add_permits(1);
        eventually("handled", || wired.pair.b.math.all_effects() > before).await;
        wired.wire_b.set(Wire::Whole);
    };
    assert_eq!(spoiled(&wired, lose).await, 1);
    assert!(wired.pair.a.amqp().counters().resent > 0);
    assert!(wired.pair.b.amqp().counters().duplicates > 0, "it came again and was not done again");
    wired.pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_connection_is_given_up() {
    let wired = wired().await;
    let begun = Instant::now();
    let stall = async |wired: &Wired| wired.wire_a.set(Wire::Stalled);
    let unstall = async {
        eventually("noticed", || !wired.pair.a.amqp().is_connected()).await;
        wired.wire_a.set(Wire::Whole);
    };
    let (answer, ()) = tokio::join!(spoiled(&wired, stall), unstall);
    assert_eq!(answer, 1);
    // The heartbeat is one second: twice that, and as much again for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    wired.pair.close().await;
}

#[tokio::test]
async fn a_call_without_a_broker_is_an_error_in_time() {
    let vhost = Vhost::new();
    let wire = Proxy::new(&alert(vhost.url(), 1)).await;
    let ids = [Uuid::random(), Uuid::random()];
    let timing = Timing { handover: Duration::from_secs(5), ..TIMING };
    let view = View { ring: Ring::new(1, &ids), joined: 1 };
    let a = Node::start_with(wire.url(), ids[0], view, timing).await;
    wire.set(Wire::Cut);
    eventually("cut off", || !a.amqp().is_connected()).await;
    let count = || Count { key: owned_by(&a.view.borrow().ring, ids[1]), id: Uuid::random() };
    let error = a.bus.call(count()).await.expect_err("no broker");
    assert_eq!(error.code, "SYS.1011");
    assert!(error.cause.is_some_and(|cause| cause.details.contains("cannot be reached")), "says why");
    let error = within(Duration::from_millis(300), a.bus.call(count())).await.expect_err("no time");
    assert_eq!(error.code, "SYS.1001");
    a.amqp().close().await;
}

#[tokio::test]
async fn two_nodes_that_know_of_no_others_do_not_meet() {
    let vhost = Vhost::new();
    let start = async || {
        let bus = crate::bus::Bus::default();
        bus.open(crate::bus::Handlers::default(), crate::bus::Subscribers::default());
        let timing = Timing { handover: Duration::from_secs(3), ..TIMING };
        let members = crate::ring::Members::alone(Uuid::random());
        crate::bus::Amqp::start(&bus, BrokerAt::Url(alert(vhost.url(), 1).parse().expect("a URL")), members, timing)
            .await
    };
    let first = start().await.expect("by itself");
    let error = start().await.expect_err("not alone");
    let told = serde_json::to_string(&error).expect("JSON");
    assert!(error.code == "SYS.1011" && told.contains("another management node"), "{told}");
    assert!(first.is_connected());
    first.close().await;
    start().await.expect("in its place").close().await;
}

#[tokio::test]
async fn a_broker_that_refuses_says_why() {
    let vhost = Vhost::new();
    let url = alert(vhost.url(), 1).replace("guest:guest", "guest:s3cret");
    let bus = crate::bus::Bus::default();
    bus.open(crate::bus::Handlers::default(), crate::bus::Subscribers::default());
    let timing = Timing { handover: Duration::from_secs(5), ..TIMING };
    let members = crate::ring::Members::alone(Uuid::random());
    let refused = crate::bus::Amqp::start(&bus, BrokerAt::Url(url.parse().expect("a URL")), members, timing).await;
    let error = refused.expect_err("a wrong password");
    let told = serde_json::to_string(&error).expect("JSON");
    assert!(error.code == "SYS.1011" && told.contains("ACCESS_REFUSED") && !told.contains("s3cret"), "{told}");
}

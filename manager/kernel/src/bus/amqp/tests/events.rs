//! Events between nodes.

use cumulo_testdb::Vhost;

use super::{
    lab::{Proxy, alert, eventually},
    nodes::{Happened, Pair},
};

#[tokio::test]
async fn an_event_is_heard_once_on_every_node_in_order_and_over_a_cut() {
    let vhost = Vhost::new();
    let (wire_a, wire_b) = (Proxy::new(&alert(vhost.url(), 1)).await, Proxy::new(&alert(vhost.url(), 1)).await);
    let pair = Pair::start(wire_a.url(), wire_b.url()).await;
    for n in 0..100 {
        pair.a.bus.publish(&Happened(n));
    }
    eventually("a hundred events", || pair.b.math.heard().len() >= 100).await;
    wire_a.reset();
    for n in 100..200 {
        pair.a.bus.publish(&Happened(n));
        if n == 150 {
            wire_b.reset();
        }
        tokio::task::yield_now().await;
    }
    eventually("two hundred events", || pair.b.math.heard().len() >= 200).await;
    // Listeners are tasks of their own; what is promised is that each event is heard, and heard once.
    for heard in [pair.a.math.heard(), pair.b.math.heard()] {
        let mut sorted = heard.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..200).collect::<Vec<_>>(), "{heard:?}");
    }
    assert_eq!(pair.a.amqp().counters().events_dropped, 0);
    pair.close().await;
}

//! Random faults on the wires of two nodes that call each other: whatever was answered took place once, what failed at
//! most once, and everything ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cumulo_schema::Uuid;
use cumulo_testdb::Vhost;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    lab::{Proxy, Wire, alert},
    nodes::{Count, Node, Pair, owned_by, within},
};

const CALLERS: usize = 8;
const SPOILING: Duration = Duration::from_secs(8);
/// What a call may take.
const DEADLINE: Duration = Duration::from_secs(15);

fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_doubled_or_hangs_whatever_the_wire_does() {
    let vhost = Vhost::new();
    let seed = seed();
    eprintln!("SEED={seed}");
    let wires = [Proxy::new(&alert(vhost.url(), 1)).await, Proxy::new(&alert(vhost.url(), 1)).await];
    let pair = Arc::new(Pair::start(wires[0].url(), wires[1].url()).await);
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS).map(|n| tokio::spawn(call_on(pair.clone(), n % 2 == 0, over.clone()))).collect();

    let mut random = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    while begun.elapsed() < SPOILING {
        let wire = &wires[random.random_range(0..2)];
        match random.random_range(0..3) {
            0 => wire.reset(),
            1 => wire.set(Wire::Cut),
            _ => wire.set(Wire::Stalled),
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(5..1500))).await;
        wire.set(Wire::Whole);
        tokio::time::sleep(Duration::from_millis(random.random_range(5..500))).await;
    }
    over.store(true, Ordering::SeqCst);

    let (mut done, mut failed) = (0, 0);
    for caller in callers {
        let ended =
            tokio::time::timeout(2 * DEADLINE, caller).await.expect("every call ends").expect("no caller fails");
        done += ended.0;
        failed += ended.1;
    }
    eprintln!("{done} calls answered, {failed} failed; {:?}", pair.a.amqp().counters());
    assert!(done > CALLERS, "some got through");
    let answer = pair.a.bus.call(Count { key: pair.of_b(), id: Uuid::random() }).await;
    assert_eq!(answer, Ok(1), "SEED={seed}: all is well again");
    for node in [&pair.a, &pair.b] {
        node.amqp().close().await;
    }
}

/// Calls the other node until it is over; how many calls were answered and how many failed.
async fn call_on(pair: Arc<Pair>, from_a: bool, over: Arc<AtomicBool>) -> (usize, usize) {
    let (from, to): (&Node, &Node) = if from_a { (&pair.a, &pair.b) } else { (&pair.b, &pair.a) };
    let (mut done, mut failed) = (0, 0);
    while !over.load(Ordering::SeqCst) {
        let id = Uuid::random();
        let key = owned_by(&from.view.borrow().ring, to.id);
        match within(DEADLINE, from.bus.call(Count { key, id })).await {
            Ok(effects) => {
                assert_eq!((effects, to.math.effects(id)), (1, 1));
                done += 1;
            }
            Err(error) => {
                assert!(["SYS.1001", "SYS.1009", "SYS.1011"].contains(&error.code.as_str()), "{error}");
                assert!(to.math.effects(id) <= 1, "{error}");
                failed += 1;
            }
        }
    }
    (done, failed)
}

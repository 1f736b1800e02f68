//! The counters add up, whatever happens in whatever order.

use std::collections::HashSet;

use cumulo_contracts::{ext::host::OnHostConnected, message::storage::ReleaseVolumeSpace};
use cumulo_schema::Uuid;
use proptest::prelude::*;

use crate::fixture::{Fixture, GIB, space_for};

const HOSTS: usize = 3;
const VOLUMES: usize = 6;

#[derive(Debug, Clone, Copy)]
enum Event {
    Hold { volume: usize, host: usize, gib: i64 },
    Release { volume: usize },
    HostSeen { host: usize, gib: i64 },
    HostGone { host: usize },
    Reattach,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..VOLUMES, 0..HOSTS, 1..8_i64).prop_map(|(volume, host, gib)| Event::Hold { volume, host, gib }),
        3 => (0..VOLUMES).prop_map(|volume| Event::Release { volume }),
        2 => (0..HOSTS, 8..16_i64).prop_map(|(host, gib)| Event::HostSeen { host, gib }),
        1 => (0..HOSTS).prop_map(|host| Event::HostGone { host }),
        1 => Just(Event::Reattach),
    ]
}

async fn play(events: &[Event]) {
    let fixture = Fixture::new().await;
    let mut hosts = Vec::new();
    for _ in 0..HOSTS {
        hosts.push(fixture.host("H", 10 * GIB).await);
    }
    let volumes: Vec<Uuid> = (0..VOLUMES).map(|_| Uuid::random()).collect();
    let storage = fixture.storage().await;
    let (bus, registry) = (fixture.node.kernel().bus(), fixture.node.kernel().registry());
    let mut present: HashSet<Uuid> = hosts.iter().copied().collect();
    for event in events {
        match *event {
            // Refusals are as good as successes here: neither may lose a byte.
            Event::Hold { volume, host, gib } => {
                let _ = bus.call(space_for(volumes[volume], gib * GIB, hosts[host])).await;
            }
            Event::Release { volume } => {
                bus.call(ReleaseVolumeSpace { volume: volumes[volume] }).await.expect("given back");
            }
            Event::HostSeen { host, gib } => {
                fixture.disks.set(hosts[host], gib * GIB, gib * GIB);
                registry.all::<dyn OnHostConnected>()[0].host_connected(hosts[host]).await.expect("seen");
                present.insert(hosts[host]);
            }
            Event::HostGone { host } => {
                fixture.delete_host(hosts[host]).await;
                fixture.record_host(hosts[host], "H").await;
                present.remove(&hosts[host]);
            }
            Event::Reattach => {
                fixture.detach(storage).await.expect("detached");
                fixture.attach(storage).await.expect("attached");
                present.extend(&hosts);
            }
        }
        let (whole, parts) = fixture.available(storage).await;
        assert_eq!(whole, parts, "after {event:?}");
    }
    for volume in volumes {
        bus.call(ReleaseVolumeSpace { volume }).await.expect("given back");
    }
    let total = fixture.shown(storage).await["totalCapacity"].as_i64().expect("a number");
    assert_eq!(fixture.available(storage).await, (total, total), "hosts left: {}", present.len());
    assert!(present.is_empty() == (total == 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_byte_is_lost(events in proptest::collection::vec(event(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(play(&events));
    }
}

//! Holding and giving back.

use std::collections::BTreeMap;

use cumulo_contracts::{
    ext::{
        host::{HostCandidate, HostFilter, HostRequest},
        storage::StorageTag,
    },
    message::storage::{AllocateVolumeSpace, HoldCacheSpace, LocateVolumeSpace, ReleaseCacheSpace, ReleaseVolumeSpace},
};
use cumulo_kernel::ownership::user_tag;
use cumulo_schema::Uuid;

use crate::fixture::{Fixture, GIB, space_for};

#[tokio::test]
async fn space_is_held_once_and_given_back_once() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 10 * GIB).await;
    let storage = fixture.storage().await;
    let (bus, volume) = (fixture.node.kernel().bus(), Uuid::random());
    let first = bus.call(space_for(volume, 2 * GIB, host)).await.expect("held");
    assert_eq!(bus.call(space_for(volume, 2 * GIB, host)).await.expect("held"), first);
    assert_eq!((first.primary_storage, first.host), (storage, host));
    assert_eq!(first.install_path, format!("/ps/{}/{volume}", Uuid::ADMIN));
    assert_eq!(bus.call(LocateVolumeSpace { volume }).await.expect("answered"), Some(first));
    assert_eq!(fixture.available(storage).await, (8 * GIB, 8 * GIB));
    for _ in 0..2 {
        bus.call(ReleaseVolumeSpace { volume }).await.expect("given back");
        assert_eq!(fixture.available(storage).await, (10 * GIB, 10 * GIB));
    }
    assert_eq!(bus.call(LocateVolumeSpace { volume }).await.expect("answered"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_requests_never_overbook() {
    let fixture = Fixture::new().await;
    // Room for seven of them, and the reserve of one GiB.
    let host = fixture.host("H", 8 * GIB + GIB / 2).await;
    let storage = fixture.storage().await;
    let volumes: Vec<Uuid> = (0..100).map(|_| Uuid::random()).collect();
    let bus = fixture.node.kernel().bus();
    let asked = bus.call_all(volumes.iter().map(|volume| space_for(*volume, GIB, host)), 100).await;
    assert_eq!(asked.iter().filter(|answer| answer.is_ok()).count(), 7);
    assert_eq!(fixture.available(storage).await, (GIB + GIB / 2, GIB + GIB / 2));
    let refusal = asked.into_iter().find_map(Result::err).expect("most were refused");
    assert!(refusal.details.contains("H[uuid:"), "{refusal}");
    bus.call_all(volumes.iter().map(|volume| ReleaseVolumeSpace { volume: *volume }), 100).await;
    assert_eq!(fixture.available(storage).await, (8 * GIB + GIB / 2, 8 * GIB + GIB / 2));
}

#[tokio::test]
async fn the_reserve_and_the_factor_are_obeyed() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 4 * GIB).await;
    let storage = fixture.storage().await;
    let bus = fixture.node.kernel().bus();
    fixture.set("primaryStorage", "reservedCapacity", "3G").await;
    let refused = bus.call(space_for(Uuid::random(), 2 * GIB, host)).await.expect_err("too little");
    assert!(refused.details.contains("lacks 1024 MiB"), "{refused}");
    fixture.set("mevoco", "overProvisioning.primaryStorage", "2").await;
    let volume = Uuid::random();
    bus.call(space_for(volume, 2 * GIB, host)).await.expect("half of it is one GiB");
    // What is given back is what was taken, whatever the factor is by then.
    fixture.set("mevoco", "overProvisioning.primaryStorage", "1").await;
    bus.call(ReleaseVolumeSpace { volume }).await.expect("given back");
    assert_eq!(fixture.available(storage).await, (4 * GIB, 4 * GIB));
    fixture.set("primaryStorage", "reservedCapacity", "much").await;
    let refused = bus.call(space_for(Uuid::random(), GIB, host)).await.expect_err("no size");
    assert!(refused.details.contains("primaryStorage/reservedCapacity"), "{refused}");
}

#[tokio::test]
async fn the_roomier_storage_is_taken_and_one_that_was_named_if_it_can() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 10 * GIB).await;
    let (first, second) = (fixture.storage().await, fixture.storage().await);
    let bus = fixture.node.kernel().bus();
    let mut only = space_for(Uuid::random(), 2 * GIB, host);
    only.primary_storage = Some(first);
    assert_eq!(bus.call(only.clone()).await.expect("held").primary_storage, first);
    assert_eq!(bus.call(space_for(Uuid::random(), GIB, host)).await.expect("held").primary_storage, second);
    (only.volume, only.primary_storage) = (Uuid::random(), Some(Uuid::random()));
    assert!(bus.call(only).await.expect_err("not attached").details.contains("not attached"));
}

#[tokio::test]
async fn cached_images_take_space_once_a_host() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 10 * GIB).await;
    let storage = fixture.storage().await;
    let (bus, image) = (fixture.node.kernel().bus(), Uuid::random());
    for _ in 0..2 {
        bus.call(HoldCacheSpace { primary_storage: storage, host, image, size: 3 * GIB }).await.expect("held");
        assert_eq!(fixture.available(storage).await, (7 * GIB, 7 * GIB));
    }
    let ask = HoldCacheSpace { primary_storage: storage, host, image: Uuid::random(), size: 7 * GIB };
    assert!(bus.call(ask).await.expect_err("full").details.contains("no room"));
    for _ in 0..2 {
        bus.call(ReleaseCacheSpace { primary_storage: storage, host, image }).await.expect("given back");
        assert_eq!(fixture.available(storage).await, (10 * GIB, 10 * GIB));
    }
}

#[tokio::test]
async fn what_is_held_survives_detaching_and_attaching_again() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 10 * GIB).await;
    let storage = fixture.storage().await;
    let (bus, volume) = (fixture.node.kernel().bus(), Uuid::random());
    bus.call(space_for(volume, 2 * GIB, host)).await.expect("held");
    fixture.detach(storage).await.expect("detached");
    assert!(bus.call(space_for(Uuid::random(), GIB, host)).await.is_err());
    fixture.attach(storage).await.expect("attached");
    assert_eq!(fixture.available(storage).await, (8 * GIB, 8 * GIB));
    bus.call(ReleaseVolumeSpace { volume }).await.expect("given back");
    assert_eq!(fixture.available(storage).await, (10 * GIB, 10 * GIB));
}

async fn refused(fixture: &Fixture, request: &HostRequest, hosts: &[Uuid]) -> BTreeMap<Uuid, String> {
    let candidate = |host: &Uuid| HostCandidate {
        host: *host,
        name: "H".to_owned(),
        cluster: fixture.cluster,
        zone: fixture.zone,
        hypervisor_type: "KVM".to_owned(),
    };
    let candidates: Vec<HostCandidate> = hosts.iter().map(candidate).collect();
    let filter = &fixture.node.kernel().registry().all::<dyn HostFilter>()[0];
    filter.refused(request, &candidates).await.expect("answered")
}

#[tokio::test]
async fn hosts_are_refused_for_lack_of_space_and_for_volumes_elsewhere() {
    let fixture = Fixture::new().await;
    let (small, large) = (fixture.host("SMALL", 2 * GIB).await, fixture.host("LARGE", 20 * GIB).await);
    let hosts = [small, large];
    let request = HostRequest { root_size: 4 * GIB, ..HostRequest::default() };
    let all = refused(&fixture, &request, &hosts).await;
    assert_eq!(all.len(), 2);
    assert!(all[&small].contains("no primary storage is attached"), "{all:?}");

    fixture.storage().await;
    let some = refused(&fixture, &request, &hosts).await;
    assert_eq!(some.keys().collect::<Vec<_>>(), [&small]);
    assert!(some[&small].contains("lacks 3072 MiB"), "{some:?}");

    let volume = Uuid::random();
    fixture.node.kernel().bus().call(space_for(volume, GIB, large)).await.expect("held");
    let request = HostRequest { volumes: vec![volume], ..HostRequest::default() };
    let some = refused(&fixture, &request, &hosts).await;
    assert_eq!(some.keys().collect::<Vec<_>>(), [&small]);
    assert!(some[&small].contains(&large.to_string()), "{some:?}");
}

#[tokio::test]
async fn a_storage_is_chosen_by_the_user_tags_it_carries() {
    let fixture = Fixture::new().await;
    let host = fixture.host("H", 10 * GIB).await;
    let (_plain, fast) = (fixture.storage().await, fixture.storage().await);
    let bus = fixture.node.kernel().bus();
    let wanted = |tag: &str, required| vec![StorageTag { tag: tag.to_owned(), required }];
    let request = |storage_tags| HostRequest { root_size: GIB, storage_tags, ..HostRequest::default() };
    let refusal = refused(&fixture, &request(wanted("SSD", true)), &[host]).await;
    assert!(refusal[&host].contains("lacks the user tag 'SSD'"), "{refusal:?}");
    assert!(refused(&fixture, &request(wanted("SSD", false)), &[host]).await.is_empty(), "only preferred");

    let mut batch = fixture.node.kernel().db().batch();
    batch.insert(&user_tag("PrimaryStorageVO", fast, "SSD"));
    fixture.node.kernel().db().commit(batch).await.expect("tagged");
    for required in [true, false] {
        // Each takes room there, so that the other storage would soon be the roomier one.
        let ask = AllocateVolumeSpace { storage_tags: wanted("SSD", required), ..space_for(Uuid::random(), GIB, host) };
        assert_eq!(bus.call(ask).await.expect("held").primary_storage, fast, "required: {required}");
    }
}

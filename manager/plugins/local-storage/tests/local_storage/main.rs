//! The driver against a simulated KVM agent: real commands, fake disks.

mod fixture;

use cumulo_agent_rt::sim::{Fault, On};
use cumulo_contracts::{
    ext::storage::VolumePlace,
    resource::{Host, ImageCache, PrimaryStorage},
};
use cumulo_proto::kvm::DeleteCachedImage;
use cumulo_schema::{Resource, Uuid};

use fixture::{COPY, FETCH, Fixture};

#[tokio::test]
async fn a_volume_is_made_from_a_cached_image_and_deleted() {
    let fixture = Fixture::new().await;
    let volume = Uuid::random();
    let place = fixture.place(volume);
    assert_eq!(place.install_path, format!("/cumulo_ps/rootVolumes/acct-{}/vol-{volume}/{volume}.qcow2", Uuid::ADMIN));
    for _ in 0..2 {
        assert_eq!(fixture.make(&place).await.expect("made"), 2 << 30);
    }
    assert_eq!(fixture.files(), [fixture.cache_path(), place.install_path.clone()]);
    assert_eq!(fixture.around.held.lock().expect("not poisoned").values().sum::<i64>(), COPY);
    let caches = fixture.node.kernel().db().select::<ImageCache>().all().await.expect("readable");
    assert_eq!(caches.len(), 1);
    assert_eq!(caches[0].install_url, format!("file://{};hostUuid://{}", fixture.cache_path(), fixture.host));
    for _ in 0..2 {
        fixture.driver().delete(&fixture.storage, &place, Uuid::random()).await.expect("deleted");
        assert_eq!(fixture.files(), [fixture.cache_path()]);
    }
    assert!(fixture.node.query("/primary-storage/local-storage/resource-refs").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_volumes_share_one_fetch() {
    let fixture = Fixture::new().await;
    let places: Vec<VolumePlace> = (0..100).map(|_| fixture.place(Uuid::random())).collect();
    let made = futures::future::join_all(places.iter().map(|place| fixture.make(place))).await;
    assert!(made.iter().all(Result::is_ok), "{:?}", made.iter().find(|made| made.is_err()));
    assert_eq!(fixture.fetches(), 1);
    assert_eq!(fixture.files().len(), 101);
}

#[tokio::test]
async fn a_fetch_that_fails_holds_nothing_and_can_be_tried_again() {
    let fixture = Fixture::new().await;
    let place = fixture.place(Uuid::random());
    fixture.sim.faults().plan(On::Next(FETCH), Fault::FailBefore);
    fixture.make(&place).await.expect_err("on purpose");
    assert!(fixture.around.held.lock().expect("not poisoned").is_empty());
    assert!(fixture.files().is_empty());
    fixture.make(&place).await.expect("made");
}

#[tokio::test]
async fn a_copy_that_vanished_from_the_host_is_fetched_again() {
    let fixture = Fixture::new().await;
    let image = fixture.image.image.to_string();
    fixture.make(&fixture.place(Uuid::random())).await.expect("made");
    // Somebody tidies up on the host.
    let tidy = DeleteCachedImage { header: None, image_uuid: image, cache_path: fixture.cache_path() };
    fixture.gateway.call(fixture.host, Uuid::random(), tidy).await.expect("deleted");
    fixture.make(&fixture.place(Uuid::random())).await.expect("made");
    assert_eq!(fixture.fetches(), 2);
    assert!(fixture.files().contains(&fixture.cache_path()));
}

enum With {
    Host,
    Storage,
}

#[tokio::test]
async fn records_go_with_the_host() {
    records_go(With::Host).await;
}

#[tokio::test]
async fn records_go_with_the_storage() {
    records_go(With::Storage).await;
}

async fn records_go(with: With) {
    let fixture = Fixture::new().await;
    fixture.make(&fixture.place(Uuid::random())).await.expect("made");
    let left = async || {
        let refs = fixture.node.query("/primary-storage/local-storage/resource-refs").await.len();
        (refs, fixture.node.query("/primary-storage/imagecache").await.len())
    };
    assert_eq!(left().await, (1, 1));
    let cascade = fixture.node.kernel().cascade();
    cascade.delete(Host::META.vo, vec![Uuid::random()], false).await.expect("another host");
    assert_eq!(left().await, (1, 1));
    let (vo, going) = match with {
        With::Host => (Host::META.vo, fixture.host),
        With::Storage => (PrimaryStorage::META.vo, fixture.storage.uuid),
    };
    cascade.delete(vo, vec![going], false).await.expect("deleted");
    assert_eq!(left().await, (0, 0));
}

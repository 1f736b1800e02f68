//! Clusters and their hosts come and go.
//!
//! flow failed everywhere: attach-primary-storage

use cumulo_contracts::{
    ext::host::OnHostConnected,
    resource::{Cluster, LocalStorageHostRef, Zone},
};
use cumulo_schema::{Resource, Uuid};

use crate::fixture::{Fixture, GIB, space_for};

#[tokio::test]
async fn attaching_counts_the_hosts_and_detaching_takes_them_out() {
    let fixture = Fixture::new().await;
    let storage = fixture.add("PS").await;
    fixture.host("H1", 10 * GIB).await;
    fixture.host("H2", 20 * GIB).await;
    let attached = fixture.attach(storage).await.expect("attached");
    assert_eq!(attached["attachedClusterUuids"][0], fixture.cluster.to_string());
    assert_eq!(attached["totalCapacity"], 30 * GIB);
    assert_eq!(attached["availablePhysicalCapacity"], 30 * GIB);
    assert!(fixture.attach(storage).await.expect_err("twice").details.contains("already"));

    for _ in 0..2 {
        let detached = fixture.detach(storage).await.expect("detached");
        assert_eq!(detached["attachedClusterUuids"].as_array().map(Vec::len), Some(0));
        assert_eq!((detached["totalCapacity"].as_i64(), detached["availableCapacity"].as_i64()), (Some(0), Some(0)));
    }
}

#[tokio::test]
async fn a_host_that_cannot_use_it_leaves_nothing_attached() {
    let fixture = Fixture::new().await;
    let storage = fixture.add("PS").await;
    fixture.host("GOOD", 10 * GIB).await;
    let bad = fixture.host("BAD", 10 * GIB).await;
    fixture.disks.lose(bad);
    let refused = fixture.attach(storage).await.expect_err("refused");
    assert!(refused.details.contains("BAD") && refused.details.contains("its disk is broken"), "{refused}");
    let shown = fixture.shown(storage).await;
    assert_eq!(shown["attachedClusterUuids"].as_array().map(Vec::len), Some(0));
    assert_eq!(shown["totalCapacity"], 0);
    let parts = fixture.node.kernel().db().select::<LocalStorageHostRef>().count().await.expect("readable");
    assert_eq!(parts, 0);
}

#[tokio::test]
async fn a_host_that_connects_later_is_counted_once() {
    let fixture = Fixture::new().await;
    let storage = fixture.storage().await;
    let host = fixture.host("H", 10 * GIB).await;
    for total in [10, 10, 12] {
        fixture.disks.set(host, total * GIB, total * GIB);
        for observer in fixture.node.kernel().registry().all::<dyn OnHostConnected>() {
            observer.host_connected(host).await.expect("connected");
        }
        assert_eq!(fixture.available(storage).await, (total * GIB, total * GIB));
    }
    fixture.disks.lose(host);
    let observer = &fixture.node.kernel().registry().all::<dyn OnHostConnected>()[0];
    assert!(observer.host_connected(host).await.expect_err("its disk is broken").details.contains("PS"));
}

#[tokio::test]
async fn a_host_that_goes_takes_its_space_along() {
    let fixture = Fixture::new().await;
    let (going, staying) = (fixture.host("H1", 10 * GIB).await, fixture.host("H2", 20 * GIB).await);
    let storage = fixture.storage().await;
    let bus = fixture.node.kernel().bus();
    for host in [going, staying] {
        bus.call(space_for(Uuid::random(), GIB, host)).await.expect("held");
    }
    for _ in 0..2 {
        fixture.delete_host(going).await;
        assert_eq!(fixture.available(storage).await, (19 * GIB, 19 * GIB));
    }
}

#[tokio::test]
async fn attachments_go_with_their_cluster_and_storages_with_their_zone() {
    let fixture = Fixture::new().await;
    fixture.host("H", 10 * GIB).await;
    let storage = fixture.storage().await;
    let cascade = fixture.node.kernel().cascade();
    cascade.delete(Cluster::META.vo, vec![fixture.cluster], false).await.expect("deleted");
    assert_eq!(fixture.shown(storage).await["attachedClusterUuids"].as_array().map(Vec::len), Some(0));
    cascade.delete(Zone::META.vo, vec![fixture.zone], false).await.expect("deleted");
    assert!(fixture.node.query("/primary-storage").await.is_empty());
}

#[tokio::test]
async fn attaching_that_fails_anywhere_leaves_nothing_attached() {
    let fixture = Fixture::new().await;
    let storage = fixture.add("PS").await;
    fixture.host("H1", 10 * GIB).await;
    fixture.host("H2", 20 * GIB).await;
    fixture
        .node
        .fail_everywhere(
            async || fixture.attach(storage).await,
            async |outcome, place| {
                if let Ok(attached) = outcome {
                    assert_eq!(attached["totalCapacity"], 30 * GIB, "failed at {place}");
                    fixture.detach(storage).await.expect("detached");
                }
                let shown = fixture.shown(storage).await;
                assert_eq!(shown["attachedClusterUuids"].as_array().map(Vec::len), Some(0), "failed at {place}");
                assert_eq!(shown["totalCapacity"], 0, "failed at {place}");
                assert_eq!(fixture.available(storage).await, (0, 0), "failed at {place}");
            },
        )
        .await;
}

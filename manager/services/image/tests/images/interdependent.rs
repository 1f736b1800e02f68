//! Images and networks that can be used together.

use cumulo_contracts::resource::{
    Cluster, L2NetworkClusterRef, L3Network, PrimaryStorageClusterRef, ResourceState, Zone,
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use serde_json::Value;

use crate::fixture::{Fixture, uuid};

impl Fixture {
    pub(crate) async fn put<R: Resource>(&self, row: &R) {
        let mut batch = self.node.kernel().db().batch();
        batch.insert(row);
        self.node.kernel().db().commit(batch).await.expect("inserted");
    }

    async fn cluster(&self, with_storage: bool) -> Uuid {
        let (uuid, now) = (Uuid::random(), Timestamp::now());
        let cluster = Cluster {
            name: "C".to_owned(),
            uuid,
            description: None,
            state: ResourceState::Enabled,
            hypervisor_type: "KVM".to_owned(),
            create_date: now,
            last_op_date: now,
            zone_uuid: self.zone,
            r#type: "zstack".to_owned(),
            architecture: None,
        };
        self.put(&cluster).await;
        if with_storage {
            let (primary_storage_uuid, cluster_uuid) = (Uuid::random(), uuid);
            self.put(&PrimaryStorageClusterRef {
                primary_storage_uuid,
                cluster_uuid,
                create_date: now,
                last_op_date: now,
            })
            .await;
        }
        uuid
    }

    /// An L3 network on an L2 network of its own, in these clusters.
    async fn l3(&self, clusters: &[Uuid]) -> Uuid {
        let (uuid, l2, now) = (Uuid::random(), Uuid::random(), Timestamp::now());
        for cluster in clusters {
            let (l2_network_uuid, cluster_uuid) = (l2, *cluster);
            let at = L2NetworkClusterRef {
                l2_network_uuid,
                cluster_uuid,
                l2_provider_type: None,
                create_date: now,
                last_op_date: now,
            };
            self.put(&at).await;
        }
        let l3 = L3Network {
            uuid,
            name: "L3".to_owned(),
            description: None,
            r#type: "L3BasicNetwork".to_owned(),
            zone_uuid: self.zone,
            l2_network_uuid: l2,
            state: ResourceState::Enabled,
            dns_domain: None,
            system: false,
            category: "Private".to_owned(),
            ip_version: 4,
            enable_ipam: true,
            isolated: None,
            create_date: now,
            last_op_date: now,
        };
        self.put(&l3).await;
        uuid
    }

    async fn fitting(&self, what: &str, query: &str) -> Result<Vec<Uuid>, ErrorCode> {
        let path = format!("/{what}-l3networks/dependencies?zoneUuid={}&{query}", self.zone);
        let answer = self.node.call("GET", &path, Value::Null).await?;
        Ok(answer["inventories"].as_array().expect("a list").iter().map(uuid).collect())
    }
}

#[tokio::test]
async fn images_and_networks_meet_in_a_cluster_that_has_storage() {
    let fixture = Fixture::new().await;
    fixture.put(&zone(fixture.zone)).await;
    let storage = fixture.storage("A").await;
    let image = fixture.image(&[storage]).await;
    let disabled = fixture.image(&[storage]).await;
    let off = serde_json::json!({ "stateEvent": "disable" });
    fixture.act(disabled, "changeImageState", off).await.expect("disabled");
    let (good, bare) = (fixture.cluster(true).await, fixture.cluster(false).await);
    let (one, other, lost) = (fixture.l3(&[good, bare]).await, fixture.l3(&[good]).await, fixture.l3(&[bare]).await);

    let fits = async |what, query: String| fixture.fitting(what, &query).await.expect("answered");
    assert_eq!(fits("images", format!("l3NetworkUuids={one}&l3NetworkUuids={other}")).await, [image]);
    assert_eq!(fits("backupStorage", format!("l3NetworkUuids={one}")).await, [storage]);
    for query in [format!("l3NetworkUuids={lost}"), format!("l3NetworkUuids={one}&l3NetworkUuids={lost}")] {
        assert!(
            fits("images", query.clone()).await.is_empty() && fits("backupStorage", query.clone()).await.is_empty()
        );
        let refused = fixture.fitting("images", &format!("{query}&raiseException=true")).await.expect_err("none");
        assert!(refused.details.contains("no cluster"), "{refused}");
    }
    let mut networks = [one, other];
    networks.sort_unstable();
    for (what, query) in
        [("images", format!("imageUuid={image}")), ("backupStorage", format!("backupStorageUuid={storage}"))]
    {
        let mut found = fits(what, query).await;
        found.sort_unstable();
        assert_eq!(found, networks);
    }
    for query in [String::new(), format!("imageUuid={image}&l3NetworkUuids={one}")] {
        assert_eq!(fixture.fitting("images", &query).await.expect_err("neither").code, "SYS.1007");
    }
}

fn zone(uuid: Uuid) -> Zone {
    let now = Timestamp::now();
    Zone {
        uuid,
        name: "Z".to_owned(),
        description: None,
        state: ResourceState::Enabled,
        r#type: "zstack".to_owned(),
        is_default: false,
        create_date: now,
        last_op_date: now,
    }
}

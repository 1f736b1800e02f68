//! Query APIs, which ask the same engine: joins of any depth, kinds, tags, pages.

use std::time::{Duration, Instant};

use cumulo_contracts::resource::{Host, KVMHost, L2Network, L2NetworkClusterRef, L3Network};
use cumulo_kernel::{
    bus::Caller,
    query::{Found, RequestError, parse_request},
};
use cumulo_schema::{ErrorCode, Resource, ResourceMeta, Timestamp, Uuid};

use super::cloud::{Cloud, EAST_CLUSTER};

async fn ask(cloud: &Cloud, meta: &'static ResourceMeta, query: &[(&str, &str)]) -> Result<Found, ErrorCode> {
    let pairs: Vec<(String, String)> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let select = parse_request(meta, &pairs, None).expect("well formed");
    cloud.node.kernel().query().run(&Caller::SYSTEM, &select).await
}

async fn names(cloud: &Cloud, meta: &'static ResourceMeta, query: &[(&str, &str)]) -> Vec<String> {
    let found = ask(cloud, meta, query).await.unwrap_or_else(|error| panic!("{query:?}: {error}"));
    let rows = found.inventories.expect("rows");
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// The L2 and L3 network under the NICs of the cloud, attached to the eastern cluster.
async fn with_networks(cloud: &Cloud) {
    let now = Timestamp::now();
    let mut batch = cloud.node.kernel().db().batch();
    let (l2, zone) = (Uuid::random(), Uuid::random());
    batch.insert(&L2Network {
        uuid: l2,
        name: "wire".to_owned(),
        description: None,
        zone_uuid: zone,
        physical_interface: Some("eth0".to_owned()),
        r#type: "L2NoVlanNetwork".to_owned(),
        v_switch_type: "LinuxBridge".to_owned(),
        virtual_network_id: 0,
        isolated: None,
        pvlan: None,
        create_date: now,
        last_op_date: now,
    });
    batch.insert(&L2NetworkClusterRef {
        l2_network_uuid: l2,
        cluster_uuid: EAST_CLUSTER.parse().expect("an id"),
        l2_provider_type: None,
        create_date: now,
        last_op_date: now,
    });
    batch.insert(&L3Network {
        uuid: Uuid::ADMIN.derive("net"),
        name: "net".to_owned(),
        description: None,
        r#type: "L3BasicNetwork".to_owned(),
        zone_uuid: zone,
        l2_network_uuid: l2,
        state: cumulo_contracts::resource::ResourceState::Enabled,
        dns_domain: None,
        system: false,
        category: "Private".to_owned(),
        ip_version: 4,
        enable_ipam: true,
        isolated: None,
        create_date: now,
        last_op_date: now,
    });
    cloud.node.kernel().db().commit(batch).await.expect("written");
}

#[tokio::test]
async fn a_condition_five_joins_away() {
    let cloud = Cloud::new(false).await;
    with_networks(&cloud).await;
    let deep = format!("vmInstance.vmNics.l3Network.l2Network.attachedClusterUuids={EAST_CLUSTER}");
    let meta = cumulo_contracts::resource::Zone::META;
    assert_eq!(names(&cloud, meta, &[("q", &deep), ("sort", "name")]).await, ["my-east-1", "west"]);
    let alias = "vmInstance.vmNics.l3Network.l2Network.cluster.name=cluster of my-east-1";
    assert_eq!(names(&cloud, meta, &[("q", alias), ("q", "name=west")]).await, ["west"]);
    let zql = format!("query zone where vmInstance.vmNics.l3Network.l2Network.attachedClusterUuids = '{EAST_CLUSTER}'");
    assert_eq!(cloud.names(&zql).await.len(), 2, "the same question in the other language");
    let hidden = ("q", "vmInstance.vmNics.l3Network.l2Network.clusterRef.clusterUuid=x");
    assert!(ask(&cloud, meta, &[hidden]).await.is_err(), "a hidden join is the alias's alone");
}

#[tokio::test]
async fn a_type_switches_to_the_kind() {
    let cloud = Cloud::new(false).await;
    let mut batch = cloud.node.kernel().db().batch();
    batch.update::<Host>().set(Host::HYPERVISOR_TYPE, &"KVM".to_owned()).eq(Host::NAME, &"host-east".to_owned()).any();
    batch.insert(&KVMHost {
        uuid: Uuid::ADMIN.derive("host-east"),
        username: "root".to_owned(),
        password: "sealed".to_owned(),
        ssh_port: 2222,
        os_distribution: None,
        os_release: None,
        os_version: None,
        host_key: None,
        agent_port: 1,
    });
    cloud.node.kernel().db().commit(batch).await.expect("written");
    let of_kind = [("q", "hypervisorType=KVM"), ("q", "sshPort=2222")];
    assert_eq!(names(&cloud, Host::META, &of_kind).await, ["host-east"]);
    assert!(ask(&cloud, Host::META, &[("q", "sshPort=2222")]).await.is_err(), "not every host has one");
    assert!(ask(&cloud, Host::META, &[of_kind[0], ("q", "password=sealed")]).await.is_err(), "no-see");
    for zql in [
        "query host where hypervisorType = 'KVM' and sshPort = 2222",
        "query kvmhost where sshPort > 22 and name like 'host%' order by sshPort",
        "query host.name,sshPort where hypervisorType = 'KVM'",
        "query cluster.name inner join kvmhost on kvmhost.clusterUuid = cluster.uuid where kvmhost.sshPort = 2222",
    ] {
        let result = cloud.result(zql).await;
        let row = &result["inventories"][0];
        assert!(["host-east", "cluster of my-east-1"].contains(&row["name"].as_str().unwrap_or("")), "{zql}: {result}");
        assert!(!result.to_string().contains("sealed"), "{zql}");
    }
    let shown = cloud.result("query host.name,sshPort where name = 'host-east'").await;
    assert_eq!(shown["inventories"][0]["sshPort"], 2222, "what the kind declares is a field of the answer");
}

#[tokio::test]
async fn tags_by_pattern_and_filters_of_plugins() {
    let cloud = Cloud::new(false).await;
    let meta = cumulo_contracts::resource::VmInstance::META;
    assert_eq!(names(&cloud, meta, &[("q", "__userTag__?=gold,silver")]).await, ["db"]);
    assert_eq!(names(&cloud, meta, &[("q", "__systemTag__~=ha"), ("sort", "name")]).await, ["webvm", "webvm2"]);
    assert!(names(&cloud, meta, &[("q", "__tagUuid__=00000000000000000000000000000000")]).await.is_empty());
    let error = ask(&cloud, meta, &[("filterName", "busy:cpu > 80")]).await.expect_err("nobody filters by that");
    assert!(error.details.contains("query filter of type 'busy'"), "{error}");
}

#[tokio::test]
async fn too_many_conditions_or_values_are_refused() {
    let cloud = Cloud::new(false).await;
    let meta = cumulo_contracts::resource::VmInstance::META;
    let conditions: Vec<String> = (0..10_000).map(|n| format!("name!={n}")).collect();
    let pairs: Vec<(String, String)> = conditions.into_iter().map(|condition| ("q".to_owned(), condition)).collect();
    let begun = Instant::now();
    let refused = parse_request(meta, &pairs, None).expect_err("too many");
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert!(matches!(&refused, RequestError::Refused(error) if error.details.contains("at most 500")), "{refused:?}");
    let values: Vec<String> = (0..30_000).map(|n| n.to_string()).collect();
    let error = ask(&cloud, meta, &[("q", &format!("name?={}", values.join(",")))]).await.expect_err("too many");
    assert!(error.details.contains("at most 20000 values"), "{error}");
}

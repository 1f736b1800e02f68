//! What an account may not see does not exist for it, wherever in a statement it is asked for.

use cumulo_schema::codes;
use serde_json::json;

use super::cloud::Cloud;

#[tokio::test]
async fn a_tenant_sees_its_own_rows_everywhere() {
    let mut cloud = Cloud::new(false).await;
    let tenant = cloud.tenant.to_string();
    cloud.node.use_session(tenant);
    for (zql, expected) in [
        ("query vminstance.name", json!({ "inventories": [{ "name": "db" }] })),
        ("count vminstance", json!({ "total": 1 })),
        (
            "count vminstance group by memorySize",
            json!({ "inventoryCounts": [[{ "memorySize": 512 }, 1]], "total": 1 }),
        ),
        ("query max(vminstance.memorySize)", json!({ "inventoryAggregateFunctions": [[{ "memorySize": 512 }, 512]] })),
        ("sum vminstance.cpuNum by type", json!({ "inventories": [["UserVm", 16]] })),
        ("query distinct(vminstance.memorySize)", json!({ "inventories": [{ "memorySize": 512 }] })),
        ("query vminstance.name group by type", json!({ "inventories": [{ "name": "db" }] })),
        // Whether a zone has somebody else's machines, nothing tells.
        ("query zone.name where vmInstance.name = 'webvm'", json!({ "inventories": [] })),
        ("query zone.name where uuid in (query vminstance.zoneUuid)", json!({ "inventories": [] })),
        ("query zone.name restrict by (vminstance.name like '%')", json!({ "inventories": [] })),
        ("query zone.name inner join vminstance on vminstance.zoneUuid = zone.uuid", json!({ "inventories": [] })),
        ("count zone right join vminstance on vminstance.zoneUuid = zone.uuid", json!({ "total": 0 })),
        ("count zone left join vminstance on vminstance.zoneUuid = zone.uuid", json!({ "total": 2 })),
        ("query systemtag", json!({ "inventories": [] })),
        ("query usertag.tag", json!({ "inventories": [{ "tag": "gold" }] })),
        ("count accountresourceref", json!({ "total": 3 })),
    ] {
        assert_eq!(cloud.result(zql).await, expected, "{zql}");
    }
}

#[tokio::test]
async fn what_is_the_admins_or_internal_is_asked_for_by_nobody_else() {
    let mut cloud = Cloud::new(false).await;
    for internal in ["query session", "query apijob", "query host where session.uuid = 'x'"] {
        assert!(cloud.results(internal).await.is_err(), "{internal}: not even by the admin");
    }
    for admins in ["query garbagecollector", "query flow"] {
        assert!(cloud.results(admins).await.is_ok(), "{admins}");
    }
    for hidden in [
        "query host.facts",
        "query host where facts = 'x'",
        "query host order by facts",
        "count host group by facts",
        "query flow.context",
        "query flow where context like '%password%'",
    ] {
        assert!(cloud.results(hidden).await.is_err(), "{hidden}");
    }
    let tenant = cloud.tenant.to_string();
    cloud.node.use_session(tenant);
    for admins in ["query garbagecollector", "query flow", "query zone where uuid in (query managementnode.uuid)"] {
        let error = cloud.results(admins).await.expect_err(admins);
        assert!(error.is(codes::PERMISSION_DENIED), "{admins}: {error}");
    }
}

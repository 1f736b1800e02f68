//! What ZStack's documentation of ZQL shows, answered in the shapes that it shows.

use cumulo_kernel::query::{LabelFilter, LabelOp, MetricFunction};
use serde_json::{Value, json};

use super::cloud::{Cloud, EAST, EAST_CLUSTER, WEST, WEST_CLUSTER};

const ZWATCH: &str = "metricName='CPUUsedUtilization',offsetAheadOfCurrentTime=3600,period=10,labels='CPUNum=10',\
    labels='CPUNum=100', functions=limit(limit=10), functions=top(num=2)";

#[tokio::test]
async fn the_large_example_is_read_whole() {
    let cloud = Cloud::new(true).await;
    let result = cloud
        .result(&format!(
            "query vminstance where name='webvm' and vmnics.ip='192.168.0.10' or (vmnics.ip = '192.168.0.10' and \
             (cpuNum >= 8 or clusterUuid in ('{EAST_CLUSTER}','{WEST_CLUSTER}')))\n\
             restrict by (zone.uuid != '{EAST}') return with (total, zwatch{{{ZWATCH}}}) \
             order by cpuNum limit 100 offset 0"
        ))
        .await;
    assert_eq!(result["inventories"][0]["name"], "webvm2");
    assert_eq!(result["total"], 1);
    assert_eq!(result["returnWith"]["zwatch"][0]["value"], 1.5);
    assert_eq!(result["returnWith"]["zwatch"][0]["labels"]["VMUuid"], result["inventories"][0]["uuid"]);
    let asked = cloud.asked.lock().expect("not poisoned")[0].clone();
    assert_eq!((asked.offset_ahead_of_current_time, asked.period), (Some(3600), Some(10)));
    let label = |value: &str| LabelFilter { name: "CPUNum".into(), op: LabelOp::Equal, value: value.into() };
    assert_eq!(asked.labels, [label("10"), label("100")], "in the order given");
    let function = |name: &str, argument: &str, value: &str| MetricFunction {
        name: name.into(),
        arguments: vec![(argument.into(), value.into())],
    };
    assert_eq!(asked.functions, [function("limit", "limit", "10"), function("top", "num", "2")]);
}

#[tokio::test]
async fn targets_fields_and_conditions() {
    let cloud = Cloud::new(false).await;
    for (zql, names) in [
        ("query vminstance order by name asc", &["db", "webvm", "webvm2"][..]),
        ("query VmInstance where name='webvm'", &["webvm"]),
        ("QUERY VMINSTANCE WHERE name = 'webvm'", &["webvm"]),
        ("query vminstance where vmNics.ip='192.168.0.100'", &["webvm"]),
        ("query vminstance where (name = 'webvm' or cpuNum > 10) and description is not null", &["db"]),
        ("query vminstance where description is null order by name", &["webvm", "webvm2"]),
        ("query vminstance where description = 'it''s the \"database\"'", &["db"]),
        (r#"query vminstance where description = "it's the ""database""""#, &["db"]),
        (
            "query vminstance where hostUuid in (query host.uuid where status = 'Disconnected') and state = 'Running'",
            &["webvm2"],
        ),
        ("query vminstance where hostUuid = (query host.uuid where status = 'Disconnected')", &["webvm2"]),
        ("query vminstance where hostUuid not in (query host.uuid where status = 'Disconnected')", &["webvm"]),
        ("query vminstance where uuid in (query vmnic.vmInstanceUuid where ip like '%.0.10')", &["webvm2"]),
        ("query vminstance where uuid in (query host.vmInstance.uuid where name = 'host-east')", &["webvm"]),
        ("query host where vmInstance.uuid in (query vminstance.uuid where cpuNum = 8)", &["host-west"]),
        ("query vminstance where vmNics.ip like '192.168.%' and name not like '%2'", &["webvm"]),
        ("query vminstance where cluster.zone.name = 'west'", &["webvm2"]),
        ("query vminstance where __systemTag__ has ('ha', 'inhibitHA')", &["webvm"]),
        ("query vminstance where __systemTag__ not has ('inhibitHA') order by name", &["db", "webvm2"]),
        ("query vminstance where vmNics.ipVersion not has ('4')", &[]),
        ("query vminstance where vmNics.ip has ('9.0.0.2', '10.0.0.3')", &["db"]),
        ("query vminstance where host.name not has ('host-east') order by name", &["db", "webvm2"]),
        ("query vminstance where __userTag__ = 'gold'", &["db"]),
        ("query vminstance order by cpuNum desc limit 1 offset 1", &["webvm2"]),
        ("query vminstance where name in ('')", &[]),
    ] {
        assert_eq!(cloud.names(zql).await, names, "{zql}");
    }
    let some = cloud.result("query vminstance.name,cpuNum where name = 'db'").await;
    assert_eq!(some, json!({ "inventories": [{ "name": "db", "cpuNum": 16 }] }));
    let nested = cloud.result("query vminstance.name,vmNics where name = 'db'").await;
    assert_eq!(nested["inventories"][0]["vmNics"][1]["ip"], "10.0.0.3");
}

#[tokio::test]
async fn restrictions_find_their_way() {
    let cloud = Cloud::new(false).await;
    let zql = format!("query vmnic.ip restrict by (zone.uuid = '{EAST}', zone.name like '%east-%')");
    assert_eq!(cloud.result(&zql).await["inventories"], json!([{ "ip": "192.168.0.100" }]));
    let zql = format!("query vminstance restrict by (zone.uuid = '{WEST}', name like 'web%')");
    assert_eq!(cloud.names(&zql).await, ["webvm2"]);
    assert_eq!(cloud.names("query zone restrict by (vmnic.ip = '192.168.0.10')").await, ["west"]);
    assert_eq!(cloud.names("query vminstance restrict by (__userTag__ = 'gold')").await, ["db"]);
}

#[tokio::test]
async fn explicit_joins_order_by_what_they_bring() {
    let cloud = Cloud::new(false).await;
    let by_address = "query vmInstance left join vmNic on vmInstance.defaultL3NetworkUuid=vmNic.l3NetworkUuid and \
                      vmInstance.uuid=vmNic.vmInstanceUuid order by INET_ATON(vmNic.ip)";
    assert_eq!(cloud.names(&format!("{by_address} desc")).await, ["webvm", "webvm2", "db"]);
    assert_eq!(cloud.names(&format!("{by_address} asc")).await, ["db", "webvm2", "webvm"]);
    for (kind, names) in [
        ("left", &["db", "webvm", "webvm2"][..]),
        ("inner", &["webvm", "webvm2"]),
        ("right", &["webvm", "webvm2"]),
        ("", &["webvm", "webvm2"]),
    ] {
        let zql = format!("query vminstance {kind} join host on vminstance.hostUuid = host.uuid order by name");
        assert_eq!(cloud.names(&zql).await, names, "{zql}");
    }
    let both = "query vminstance inner join vmnic on vmnic.vmInstanceUuid = vminstance.uuid and vmnic.deviceId >= 1 \
                inner join zone on zone.name != 'nowhere' where vmnic.ip = '10.0.0.3' and zone.state = 'Enabled'";
    assert_eq!(cloud.names(both).await, ["db", "db"], "once for each zone that it is joined with");
    let count = "count vminstance inner join vmnic on vmnic.vmInstanceUuid = vminstance.uuid";
    assert_eq!(cloud.result(count).await, json!({ "total": 4 }));
}

#[tokio::test]
async fn counts_sums_and_figures_have_their_shapes() {
    let cloud = Cloud::new(false).await;
    let host = |name: &str| cumulo_schema::Uuid::ADMIN.derive(name).to_string();
    assert_eq!(cloud.result("count vminstance where cpuNum > 1").await, json!({ "total": 2 }));
    assert_eq!(
        cloud.result("count vminstance group by memorySize order by groupCount asc").await,
        json!({ "inventoryCounts": [[{ "memorySize": 1024 }, 1], [{ "memorySize": 512 }, 2]], "total": 3 })
    );
    let after_the_end = cloud.result("count vminstance group by memorySize offset 2").await;
    assert_eq!(after_the_end, json!({ "total": 3 }), "the total is that of the rows, not of the groups");
    assert_eq!(cloud.result("count distinct(vminstance.memorySize)").await, json!({ "total": 2 }));
    assert_eq!(
        cloud.result("sum vminstance.cpuNum,memorySize by hostUuid where cpuNum < 16 order by cpuNum asc").await,
        json!({ "inventories": [[host("host-east"), 1, 512], [host("host-west"), 8, 1024]] })
    );
    for (function, answer) in [
        ("max", json!([[{ "cpuNum": 16 }, 16]])),
        ("min", json!([[{ "cpuNum": 1 }, 1]])),
        ("sum", json!([[{ "cpuNum": 25 }, 25]])),
        ("count", json!([[{ "cpuNum": 3 }, 3]])),
    ] {
        let result = cloud.result(&format!("query {function}(vmInstance.cpuNum)")).await;
        assert_eq!(result, json!({ "inventoryAggregateFunctions": answer }), "{function}");
    }
    let mean = cloud.result("query avg(vmInstance.memorySize) where cpuNum < 16").await;
    assert_eq!(mean["inventoryAggregateFunctions"][0][1], 768.0);
    assert_eq!(
        cloud.result("query max(vmInstance.cpuNum) group by memorySize").await,
        json!({ "inventoryAggregateFunctions": [
            [{ "cpuNum": 16, "memorySize": 512 }, 16], [{ "cpuNum": 8, "memorySize": 1024 }, 8]
        ] })
    );
    let nothing = cloud.result("query max(vmInstance.cpuNum) where name = 'nobody'").await;
    assert_eq!(nothing, json!({ "inventoryAggregateFunctions": [] }));
}

#[tokio::test]
async fn groups_and_distinct_rows() {
    let cloud = Cloud::new(false).await;
    let grouped = cloud.result("query vminstance.memorySize return with (total) group by memorySize").await;
    assert_eq!(grouped["inventories"].as_array().map(Vec::len), Some(2));
    assert_eq!(grouped["total"], 3, "of the rows, not of the groups");
    let distinct =
        cloud.result("query distinct(vminstance.memorySize) return with (total) order by memorySize desc").await;
    assert_eq!(distinct, json!({ "inventories": [{ "memorySize": 1024 }, { "memorySize": 512 }], "total": 2 }));
}

#[tokio::test]
async fn several_statements_answer_in_order_and_by_name() {
    let cloud = Cloud::new(false).await;
    let results = cloud.results("query host named as 'host';\nquery zone return with (total) named as 'zone';").await;
    let results = results.expect("answered");
    assert_eq!(results[0]["name"], "host");
    assert_eq!(results[0]["inventories"].as_array().map(Vec::len), Some(2));
    assert!(results[0]["inventories"][0].get("password").is_none());
    assert_eq!((&results[1]["name"], &results[1]["total"]), (&json!("zone"), &json!(2)));
}

#[tokio::test]
async fn several_metrics_answer_under_their_names() {
    let cloud = Cloud::new(true).await;
    let zql = format!(
        "query vminstance.name where cpuNum > 8 return with (zwatch{{resultName='zwatch1',{ZWATCH}}}, \
         zwatch{{resultName='zwatch2',metricName='X',functions='average(groupBy=\"VMUuid\")',labels='VMUuid=~a|b'}})"
    );
    let result = cloud.result(&zql).await;
    assert_eq!(result["inventories"], json!([{ "name": "db" }]), "the id was read for the metrics only");
    for name in ["zwatch1", "zwatch2"] {
        assert_eq!(result["returnWith"][name].as_array().map(Vec::len), Some(1), "{name}");
    }
    let asked = cloud.asked.lock().expect("not poisoned")[1].clone();
    assert_eq!(asked.functions[0].arguments, [("groupBy".to_owned(), "VMUuid".to_owned())]);
    let by_field = "query vminstance.hostUuid where cpuNum = 8 return with (zwatch{metricName='X',fieldIndex=0})";
    let result = cloud.result(by_field).await;
    assert_eq!(result["returnWith"]["zwatch"][0]["labels"]["VMUuid"], result["inventories"][0]["hostUuid"]);
}

#[tokio::test]
async fn an_explanation_shows_sql_bindings_and_plan() {
    let cloud = Cloud::new(false).await;
    let zql = "query vminstance.name where vmNics.ip = '192.168.0.10' return with (total) named as 'x'";
    let results = cloud.explained(zql).await.expect("explained");
    assert_eq!(results[0]["name"], "x");
    let [rows, count] = results[0]["explain"].as_array().expect("statements").as_slice() else {
        panic!("{results:?}");
    };
    assert_eq!((&rows["reads"], &count["reads"]), (&json!("rows"), &json!("count")));
    let sql = rows["sql"].as_str().expect("a text");
    assert!(sql.starts_with("SELECT") && !sql.contains("192.168"), "{sql}");
    assert!(rows["bindings"].as_array().expect("a list").contains(&json!("192.168.0.10")));
    let plan: Vec<&str> = rows["plan"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(plan.iter().any(|line| line.contains("ix_vm_nic_ip")), "the address is looked up by index: {plan:?}");
}

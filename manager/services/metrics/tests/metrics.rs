//! The service through a node: what is told is answered, to whom it may be.

use std::{sync::Arc, time::Duration};

use cumulo_contracts::{
    ext::hypervisor::{Measurement, OnUsageMeasured, Usage},
    resource::{VmInstance, VmState},
    resources,
};
use cumulo_kernel::{
    bus::Caller,
    ownership::{self, NewTags},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, system};
use cumulo_testnode::{TestNode, stranger};
use serde_json::{Value, json};
use tempfile::TempDir;

struct World {
    node: TestNode,
    _dir: Arc<TempDir>,
    host: Uuid,
    /// The admin's, and a tenant's.
    vms: [Uuid; 2],
    tenant: Uuid,
}

impl World {
    async fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        let file = dir.path().join("metrics.db");
        let node = TestNode::start(|setup| {
            for meta in
                resources().into_iter().filter(|meta| !system::RESOURCES.iter().any(|own| own.name == meta.name))
            {
                stranger(setup, meta);
            }
            cumulo_service_metrics::install(setup, &file).expect("opens");
        })
        .await;
        let world = Self {
            node,
            _dir: dir,
            host: Uuid::random(),
            vms: [Uuid::random(), Uuid::random()],
            tenant: Uuid::random(),
        };
        world.add_vm(world.vms[0], Uuid::ADMIN).await;
        world.add_vm(world.vms[1], world.tenant).await;
        let usages = [(None, 10.0), (Some(world.vms[0]), 20.0), (Some(world.vms[1]), 90.0)];
        world.tell(&usages.map(|(vm, used)| Usage { vm, measurements: measurements(used) }));
        world
    }

    /// One where all that was told can be read.
    async fn written() -> Self {
        let world = Self::new().await;
        let of_host = format!("namespace=ZStack/Host&{CPU}");
        let written = async {
            while world.data(&of_host).await.expect("answered").is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.expect("what is told is written soon");
        world
    }

    async fn add_vm(&self, uuid: Uuid, owner: Uuid) {
        let now = Timestamp(1_700_000_000_000);
        let mut batch = self.node.kernel().db().batch();
        batch.insert(&VmInstance {
            uuid,
            name: "vm".to_owned(),
            description: None,
            zone_uuid: None,
            cluster_uuid: None,
            image_uuid: None,
            host_uuid: Some(self.host),
            last_host_uuid: None,
            instance_offering_uuid: None,
            root_volume_uuid: None,
            platform: "Linux".to_owned(),
            architecture: None,
            default_l3_network_uuid: None,
            r#type: "UserVm".to_owned(),
            hypervisor_type: None,
            memory_size: 1 << 30,
            reserved_memory_size: None,
            cpu_num: 1,
            cpu_speed: 0,
            allocator_strategy: None,
            create_date: now,
            last_op_date: now,
            state: VmState::Running,
            guest_os_type: None,
            expunge_after: None,
        });
        ownership::created_of(&mut batch, VmInstance::META, uuid, owner, &NewTags::default());
        self.node.kernel().db().commit(batch).await.expect("written");
    }

    fn tell(&self, usages: &[Usage]) {
        for observer in self.node.kernel().registry().all::<dyn OnUsageMeasured>() {
            observer.usage_measured(self.host, usages);
        }
    }

    /// The points that `GetMetricData` answers: their values and labels.
    async fn data(&self, query: &str) -> Result<Vec<(f64, Value)>, ErrorCode> {
        let answer = self.node.call("GET", &format!("/zwatch/metrics?{query}"), Value::Null).await?;
        let points = answer["data"].as_array().cloned().unwrap_or_default();
        Ok(points.iter().map(|point| (point["value"].as_f64().expect("a number"), point["labels"].clone())).collect())
    }

    async fn zql(&self, caller: Caller, text: &str) -> Result<Value, ErrorCode> {
        self.node.kernel().query().zql(&caller, text, false).await.map(|mut results| results.remove(0))
    }
}

fn measurements(used: f64) -> Vec<Measurement> {
    let measured =
        |metric: &str, device: &str, value| Measurement { metric: metric.to_owned(), device: device.to_owned(), value };
    vec![
        measured("CPUAverageUsedUtilization", "", used),
        measured("DiskReadBytes", "vda", used * 2.0),
        measured("DiskReadBytes", "vdb", used * 3.0),
        measured("DiskReadBytes", "", 1.0),
        measured("MemoryUsedBytes", "", f64::NAN),
        measured("Unheard", "", 1.0),
    ]
}

/// How long the store's thread may take to write.
const PATIENCE: Duration = Duration::from_secs(30);
const CPU: &str = "metricName=CPUAverageUsedUtilization";

#[tokio::test]
async fn what_was_told_is_answered_with_labels_conditions_and_functions() {
    let world = World::written().await;
    let [vm, other] = world.vms;
    assert_eq!(
        world.data(&format!("namespace=ZStack/Host&{CPU}")).await,
        Ok(vec![(10.0, json!({ "HostUuid": world.host }))])
    );
    let both = world.data(&format!("namespace=ZStack/VM&{CPU}&functions=top(num=5)")).await.expect("answered");
    assert_eq!(both, [(90.0, json!({ "VMUuid": other })), (20.0, json!({ "VMUuid": vm }))]);
    let one = format!("namespace=ZStack/VM&{CPU}&labels=VMUuid={vm}");
    assert_eq!(world.data(&one).await, Ok(vec![(20.0, json!({ "VMUuid": vm }))]));
    let busy = format!("namespace=ZStack/VM&{CPU}&valueConditions=%3E80");
    assert_eq!(world.data(&busy).await, Ok(vec![(90.0, json!({ "VMUuid": other }))]));
    let disks = format!("namespace=ZStack/VM&metricName=DiskReadBytes&labels=VMUuid={vm}");
    let disk = |letter: &str| json!({ "VMUuid": vm, "DiskDeviceLetter": letter });
    assert_eq!(world.data(&disks).await, Ok(vec![(40.0, disk("vda")), (60.0, disk("vdb"))]));
    assert_eq!(world.data(&format!("{disks}&labels=DiskDeviceLetter!=vda")).await, Ok(vec![(60.0, disk("vdb"))]));
    assert_eq!(
        world.data(&format!("{disks}&functions=sum(groupBy=%22VMUuid%22)&functions=limit(limit=1)")).await,
        Ok(vec![(100.0, json!({ "VMUuid": vm }))])
    );
    let nothing = world.data("namespace=ZStack/VM&metricName=MemoryUsedBytes").await;
    assert_eq!(nothing, Ok(vec![]), "what is no number is not kept");
}

#[tokio::test]
async fn an_account_gets_the_metrics_of_its_own_vms_only() {
    let mut world = World::written().await;
    let (tenant, own) = (Caller { account: world.tenant, ..Caller::SYSTEM }, world.vms[1]);
    world.node.use_session(world.tenant.to_string());
    for labels in ["", "&labels=VMUuid=~.*", &format!("&labels=VMUuid={own}")] {
        let found = world.data(&format!("namespace=ZStack/VM&{CPU}{labels}")).await;
        assert_eq!(found, Ok(vec![(90.0, json!({ "VMUuid": own }))]), "{labels}");
    }
    let stranger = format!("namespace=ZStack/VM&{CPU}&labels=VMUuid={}", world.vms[0]);
    assert_eq!(world.data(&stranger).await, Ok(vec![]));
    let refused = world.data(&format!("namespace=ZStack/Host&{CPU}")).await.expect_err("the admin's");
    assert_eq!(refused.code, "ID.1002");
    for by in ["namespace='ZStack/Host',fieldIndex=1,", "fieldIndex=1,"] {
        let zql = format!(
            "query vminstance.uuid,hostUuid return with (zwatch{{{by}metricName='CPUAverageUsedUtilization'}})"
        );
        match world.zql(tenant, &zql).await {
            Err(refused) => assert_eq!(refused.code, "ID.1002"),
            Ok(answer) => assert_eq!(answer["returnWith"]["zwatch"], json!([]), "{by}"),
        }
    }
}

#[tokio::test]
async fn zql_answers_and_filters_by_metrics() {
    let world = World::written().await;
    let metric = "metricName='CPUAverageUsedUtilization',offsetAheadOfCurrentTime=600";
    let zql = format!(
        "query vminstance.uuid return with (zwatch{{{metric},functions=average(groupBy=\"VMUuid\"),functions=top(num=1)}})"
    );
    let answer = world.zql(Caller::SYSTEM, &zql).await.expect("answered");
    assert_eq!(answer["inventories"].as_array().map(Vec::len), Some(2));
    let points = answer["returnWith"]["zwatch"].as_array().expect("points");
    assert_eq!(
        (points.len(), &points[0]["value"], &points[0]["labels"]["VMUuid"]),
        (1, &json!(90.0), &json!(world.vms[1]))
    );

    let filtered = format!("query vminstance.uuid filter by zwatch{{{metric},valueConditions='<50'}}");
    let answer = world.zql(Caller::SYSTEM, &filtered).await.expect("answered");
    assert_eq!(answer["inventories"], json!([{ "uuid": world.vms[0] }]));

    for bad in [
        "query vminstance return with (zwatch{metricName='CPUUsedUtilisation'})",
        "query zone return with (zwatch{metricName='CPUUsedUtilization'})",
        "query vminstance filter by zwatch{metricName=}",
        "query vminstance filter by zwatch{metricName='CPUUsedUtilization',functions=median()}",
        "query host filter by zwatch{metricName='CPUUsedUtilization'}",
    ] {
        let refused = world.zql(Caller::SYSTEM, bad).await.expect_err(bad);
        assert_eq!(refused.code, "SYS.1007", "{refused:?}");
    }
}

#[tokio::test]
async fn prometheus_sees_the_newest_figures_and_what_the_node_did() {
    let world = World::new().await;
    world.data(&format!("namespace=ZStack/VM&{CPU}")).await.expect("answered");
    let text = cumulo_kernel::metrics::text(world.node.kernel());
    for line in [
        format!("cumulo_vm_cpu_average_used_utilization{{vm=\"{}\"}} 20", world.vms[0]),
        format!("cumulo_host_disk_read_bytes{{host=\"{}\",device=\"vdb\"}} 30", world.host),
        "cumulo_api_calls_total{api=\"GetMetricData\",result=\"ok\"} 1".to_owned(),
        "cumulo_jobs{kind=\"job\",state=\"waiting\"} 0".to_owned(),
        "cumulo_database_commit_seconds_count ".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
}

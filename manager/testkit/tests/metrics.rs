//! What the agents of simulated hosts measure reaches who asks the node for it.

use std::time::{Duration, Instant};

use cumulo_testkit::World;
use serde_json::{Value, json};

/// How often the simulated hosts measure.
const PERIOD: Duration = Duration::from_millis(50);
/// Longest a test waits for figures.
const PATIENCE: Duration = Duration::from_secs(30);

async fn points(world: &World, query: &str) -> Vec<Value> {
    let answer = world.call("GET", &format!("/zwatch/metrics?{query}"), &Value::Null).await.expect("answered");
    answer["data"].as_array().cloned().unwrap_or_default()
}

/// The points of `query` once there are some that are `wanted`.
async fn wait_for(world: &World, query: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = points(world, query).await;
        if wanted(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "{query}: {found:?}");
        tokio::time::sleep(PERIOD).await;
    }
}

#[tokio::test]
async fn what_agents_measure_is_answered_by_api_and_zql_and_shown_to_prometheus() {
    let mut world = World::new().await;
    let cloud = world.cloud().await;
    world.sims.host(cloud.host.parse().expect("a uuid")).measure(PERIOD);
    let vm = world.make("POST", "/vm-instances", cloud.vm("busy")).await;
    let vm = vm["uuid"].as_str().expect("a uuid").to_owned();

    let used = "namespace=ZStack/VM&metricName=CPUAverageUsedUtilization";
    let works = |points: &[Value]| points.iter().any(|point| point["value"].as_f64().is_some_and(|used| used > 0.0));
    let found = wait_for(&world, used, works).await;
    assert_eq!(found[0]["labels"], json!({ "VMUuid": vm }));
    let memory = points(&world, "namespace=ZStack/VM&metricName=MemoryUsedInPercent&functions=top(num=1)").await;
    assert_eq!(memory[0]["value"], json!(50.0));
    let host = wait_for(&world, "namespace=ZStack/Host&metricName=CPUUsedUtilization&labels=CPUNum=63", works).await;
    assert_eq!(host[0]["labels"], json!({ "HostUuid": cloud.host, "CPUNum": "63" }));

    let zql = "query vminstance.name where name = 'busy' return with (zwatch{metricName='MemoryUsedInPercent',\
               functions=average(groupBy='VMUuid')})";
    let zql = zql.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D").replace('\'', "%27");
    let answer = world.call("GET", &format!("/zql?zql={zql}"), &Value::Null).await.expect("answered");
    let points_of_zql = &answer["results"][0]["returnWith"]["zwatch"];
    assert_eq!((&points_of_zql[0]["value"], &points_of_zql[0]["labels"]["VMUuid"]), (&json!(50.0), &json!(vm)));

    let text = world.scrape().await;
    for line in [
        format!("cumulo_vm_memory_used_in_percent{{vm=\"{vm}\"}} 50"),
        "cumulo_api_calls_total{api=\"CreateVmInstance\",result=\"ok\"} 1".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }

    let (_, stranger) = world.account("stranger").await;
    let admin = world.use_session(stranger);
    assert_eq!(points(&world, used).await, Vec::<Value>::new(), "it is another's");
    world.use_session(admin);

    world.stop().await;
    world.start().await;
    assert!(works(&points(&world, used).await), "a restart loses nothing");
}

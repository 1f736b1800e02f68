//! `make bench NAME=query`: questions over a million virtual machines, beside the same SQL written by hand.
//!
//! The peer of each question is the statement that somebody who knows the schema would write, run through the same driver
//! and made into the same JSON. Both take turns, so that whatever else the machine does troubles both. Names as arguments run
//! only those; `CUMULO_BENCH_VMS` makes it another number of machines.

mod cloud;
mod hand;

use std::time::Instant;

use anyhow::Context;
use cumulo_bench_report::{Figure, percentile};
use cumulo_contracts::resource::{VmInstance, Zone};
use cumulo_kernel::{Kernel, bus::Caller, query::parse_request};
use cumulo_schema::{Resource, ResourceMeta};
use serde_json::Value;

use hand::Hand;

/// As in the manager.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One question in both ways.
struct Case {
    name: &'static str,
    meta: &'static ResourceMeta,
    query: Vec<(&'static str, String)>,
    hand: Hand,
    turns: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let vms: u64 = std::env::var("CUMULO_BENCH_VMS").map_or(Ok(1_000_000), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let begun = Instant::now();
    let kernel = cloud::kernel(dir.path(), vms).await?;
    Figure::new(format!("query-fill-{vms}"), "s", begun.elapsed().as_secs_f64()).tell()?;
    let row = vms * 9 / 10;
    for case in cases(&kernel, row).await? {
        if wanted.is_empty() || wanted.iter().any(|name| name == case.name) {
            measure(&kernel, &case).await.with_context(|| case.name)?;
        }
    }
    kernel.stop().await;
    Ok(())
}

/// The questions; `row` is the place of the far page, and of the VM whose address is asked for.
async fn cases(kernel: &Kernel, row: u64) -> anyhow::Result<Vec<Case>> {
    let vm = VmInstance::META;
    let some = "uuid,name,state,cpuNum,memorySize,hostUuid,createDate";
    let nested = format!("{some},vmNics,allVolumes,vmCdRoms");
    let nic = row * 2;
    let address = format!("10.{}.{}.{}", nic >> 16, nic >> 8 & 255, nic & 255);
    let far = hand::text(kernel, &format!("SELECT uuid FROM vm_instance ORDER BY uuid LIMIT 1 OFFSET {row}")).await?;
    let cluster = hand::text(kernel, "SELECT cluster_uuid FROM l2_network_cluster_ref LIMIT 1").await?;
    let fields = || ("fields", some.to_owned());
    let page = |after: Option<&str>| {
        let mut query = vec![("fields", nested.clone()), ("limit", "100".to_owned())];
        query.extend(after.map(|after| ("after", after.to_owned())));
        query
    };
    Ok(vec![
        Case {
            name: "query-vm-by-address",
            meta: vm,
            query: vec![("q", format!("vmNics.ip={address}")), fields()],
            hand: Hand::vms("uuid IN (SELECT vm_instance_uuid FROM vm_nic WHERE ip = ?)", &[&address]),
            turns: 1000,
        },
        Case {
            name: "query-vm-by-user-tag",
            meta: vm,
            query: vec![("q", "__userTag__=tag-7".to_owned()), fields(), ("limit", "100".to_owned())],
            hand: Hand::vms("uuid IN (SELECT resource_uuid FROM user_tag WHERE tag = ?)", &["tag-7"]),
            turns: 300,
        },
        Case {
            name: "query-page-100",
            meta: vm,
            query: page(None),
            hand: Hand::vms("1 = 1", &[]).nested(),
            turns: 300,
        },
        Case {
            name: "query-page-far",
            meta: vm,
            query: page(Some(&far)),
            hand: Hand::vms("uuid > ?", &[&far]).nested(),
            turns: 300,
        },
        Case {
            name: "query-count",
            meta: vm,
            query: vec![("count", "true".to_owned())],
            hand: Hand::Count("SELECT COUNT(*) FROM vm_instance"),
            turns: 20,
        },
        Case {
            name: "query-count-where",
            meta: vm,
            query: vec![("count", "true".to_owned()), ("q", "state=Stopped".to_owned())],
            hand: Hand::Count("SELECT COUNT(*) FROM vm_instance WHERE state = 'Stopped'"),
            turns: 20,
        },
        Case {
            name: "query-deep",
            meta: Zone::META,
            query: vec![
                ("q", format!("vmInstance.vmNics.l3Network.l2Network.attachedClusterUuids={cluster}")),
                ("fields", "uuid,name".to_owned()),
            ],
            hand: Hand::Zones(cluster),
            turns: 5,
        },
    ])
}

async fn ours(kernel: &Kernel, case: &Case) -> anyhow::Result<Value> {
    let pairs: Vec<(String, String)> =
        case.query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let select = parse_request(case.meta, &pairs, None).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let found = kernel.query().run(&Caller::SYSTEM, &select).await?;
    Ok(match found.inventories {
        Some(rows) => rows.into_iter().map(Value::Object).collect(),
        None => Value::from(found.total),
    })
}

async fn measure(kernel: &Kernel, case: &Case) -> anyhow::Result<()> {
    let (first, by_hand) = (ours(kernel, case).await?, case.hand.run(kernel).await?);
    anyhow::ensure!(first == by_hand, "both ways answer alike:\n{first:.500}\n{by_hand:.500}");
    let (mut ours_times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..case.turns {
        let begun = Instant::now();
        ours(kernel, case).await?;
        ours_times.push(ms(begun));
        let begun = Instant::now();
        case.hand.run(kernel).await?;
        peer_times.push(ms(begun));
    }
    let name = case.name;
    let p99 = percentile(&ours_times, 99);
    Figure::beside(name, "ms", (ours_times, peer_times)).ratio_at_most(1.2).tell()?;
    Figure::new(format!("{name}-p99"), "ms", p99).tell()
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Declarations get columns, and what fills their tables by hand has to follow.
    #[tokio::test]
    async fn a_small_cloud_is_filled_and_both_ways_answer_alike() {
        let dir = tempfile::tempdir().expect("a folder");
        let kernel = cloud::kernel(dir.path(), 2_000).await.expect("filled");
        for case in cases(&kernel, 1_800).await.expect("asked") {
            let (ours, by_hand) = (ours(&kernel, &case).await.expect("answered"), case.hand.run(&kernel).await);
            assert_eq!(ours, by_hand.expect("answered"), "{}", case.name);
            assert!(ours.as_u64().is_some_and(|count| count > 0) || !ours[0].is_null(), "{}: {ours}", case.name);
        }
        kernel.stop().await;
    }
}

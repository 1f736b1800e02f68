//! `ring`: who owns a resource among sixteen nodes, as the bus asks at each call, beside a search in a sorted vector of the
//! same points; and how many resources a seventeenth node takes.

use std::{
    hash::{DefaultHasher, Hasher},
    hint::black_box,
    sync::Arc,
    time::Instant,
};

use cumulo_bench_report::{Figure, in_turns};
use cumulo_kernel::ring::{Members, Ring, View};
use cumulo_schema::Uuid;
use tokio::sync::watch;

use crate::Measure;

const NODES: usize = 16;
/// Points that the ring has for each node.
const POINTS: u32 = 500;
const RESOURCES: usize = 20_000;
/// Looks at each resource in one turn.
const LOOKS: u32 = 100;

pub(crate) async fn run(measure: Measure) -> anyhow::Result<()> {
    let nodes: Vec<Uuid> = (0..=NODES).map(|_| Uuid::random()).collect();
    let resources: Vec<Uuid> = (0..RESOURCES).map(|_| Uuid::random()).collect();
    let looks = measure.of(LOOKS);
    let ring = Ring::new(1, &nodes[..NODES]);
    let (_view, seen) = watch::channel(Arc::new(View { ring: ring.clone(), joined: 1 }));
    let members = Members::new(nodes[0], seen);
    let ours = async || Ok(rate(&resources, looks, |resource| members.view().ring.owner(resource)));
    let sorted = points(&nodes[..NODES]);
    let limit = async || Ok(rate(&resources, looks, |resource| search(&sorted, resource)));
    let turns = in_turns(measure.turns, ours, limit).await?;
    Figure::beside("ring", "lookups/s", turns).ratio_at_least(0.8).tell()?;

    let after = Ring::new(2, &nodes);
    let moved = resources.iter().filter(|resource| ring.owner(resource) != after.owner(resource)).count();
    let count = |number: usize| u32::try_from(number).map(f64::from);
    let share = count(moved)? / count(RESOURCES)?;
    Figure::new("ring-join", "of all keys", share).limit(1.0 / count(nodes.len())?).ratio_at_most(1.1).tell()
}

/// Lookups a second.
fn rate(resources: &[Uuid], looks: u32, owner: impl Fn(&Uuid) -> Option<Uuid>) -> f64 {
    let begun = Instant::now();
    let mut found = 0;
    for _ in 0..looks {
        found += resources.iter().filter(|resource| black_box(owner(resource)).is_some()).count();
    }
    let found = f64::from(u32::try_from(found).unwrap_or(u32::MAX));
    found / begun.elapsed().as_secs_f64()
}

fn points(nodes: &[Uuid]) -> Vec<(u64, Uuid)> {
    let mut points: Vec<_> =
        nodes.iter().flat_map(|node| (0..POINTS).map(move |point| (position(node, point), *node))).collect();
    points.sort_unstable();
    points
}

fn search(points: &[(u64, Uuid)], resource: &Uuid) -> Option<Uuid> {
    let position = position(resource, 0);
    let next = points.partition_point(|(point, _)| *point < position);
    points.get(next).or_else(|| points.first()).map(|(_, node)| *node)
}

fn position(uuid: &Uuid, point: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(uuid.as_bytes());
    hasher.write_u32(point);
    hasher.finish()
}

//! The store against a naive evaluator that keeps every sample, at random; its bounds; what it takes.

use std::{collections::BTreeMap, sync::Arc};

use cumulo_schema::Uuid;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::*;
use crate::series::{Column, Point, Series};

/// A round hour some time ago.
const BEGIN: i64 = 1_699_999_200;
const METRICS: [u32; 2] = [2, 20];

struct World {
    store: Store,
    dir: TempDir,
    /// By host or VM, metric and device: every sample.
    samples: BTreeMap<Key, Vec<(i64, f64)>>,
}

type Key = (Uuid, u32, Arc<str>);

impl World {
    fn new(most: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self { store: Store::open(&dir.path().join("metrics.db"), most).expect("opens"), dir, samples: BTreeMap::new() }
    }

    async fn put(&mut self, host: Uuid, time: i64, vms: &[Uuid], rng: &mut StdRng) {
        let measured = vms.iter().map(|vm| {
            let kind = if *vm == host { Kind::Host } else { Kind::Vm };
            let mut values = vec![(Column { metric: METRICS[0], device: "".into() }, number(rng))];
            for device in ["vda", "vdb"] {
                // Devices come and go.
                if rng.random_bool(0.8) {
                    values.push((Column { metric: METRICS[1], device: device.into() }, number(rng)));
                }
            }
            for (column, value) in &values {
                let key = (*vm, column.metric, Arc::clone(&column.device));
                self.samples.entry(key).or_default().push((time, *value));
            }
            Measured { kind, uuid: *vm, values }
        });
        let row = HostRow { host, time, measured: Arc::new(measured.collect()) };
        while !self.store.put(row.clone()) {
            self.store.settle().await.expect("written");
        }
    }

    async fn maintain(&self, now: i64) {
        while self.store.maintain(now).await.expect("maintained") {}
    }

    /// How many rows a level has, and their bytes.
    async fn rows(&self, level: Level) -> (i64, i64) {
        let sql = format!("SELECT count(*), coalesce(sum(length(body)), 0) FROM {}", level.table());
        let read =
            move |connection: &Connection| Ok(connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?);
        self.store.read(read).await.expect("counted")
    }

    /// As [`Store::series`], from every sample.
    fn naive(&self, question: &Question) -> Vec<Series> {
        let mut all = Vec::new();
        for uuid in &question.subjects {
            for ((of, metric, device), samples) in &self.samples {
                let mut points = BTreeMap::<i64, Vec<f64>>::new();
                for (time, value) in samples {
                    if (of, *metric) == (uuid, question.metric) && (question.start..question.end).contains(time) {
                        points.entry(time - time % question.period).or_default().push(*value);
                    }
                }
                if !points.is_empty() {
                    let points = points.into_iter().map(|(time, values)| (time, over(&values))).collect();
                    all.push(Series { uuid: *uuid, device: Arc::clone(device), points });
                }
            }
        }
        all
    }
}

fn number(rng: &mut StdRng) -> f64 {
    f64::from(rng.random_range(0.0_f32..100.0))
}

fn over(values: &[f64]) -> Point {
    let count = f64::from(u32::try_from(values.len()).expect("few"));
    Point {
        count,
        average: values.iter().sum::<f64>() / count,
        least: values.iter().copied().fold(f64::INFINITY, f64::min),
        greatest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

fn assert_alike(found: &[Series], expected: &[Series], what: &str) {
    let keys = |all: &[Series]| -> Vec<_> { all.iter().map(|one| (one.uuid, Arc::clone(&one.device))).collect() };
    assert_eq!(keys(found), keys(expected), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.points.len(), expected.points.len(), "{what}");
        for ((at, found), (then, expected)) in found.points.iter().zip(&expected.points) {
            let near = |one: f64, other: f64| (one - other).abs() < 1e-3;
            let alike = at == then
                && near(found.count, expected.count)
                && near(found.average, expected.average)
                && near(found.least, expected.least)
                && near(found.greatest, expected.greatest);
            assert!(alike, "{what}: {at} {found:?}, expected {then} {expected:?}");
        }
    }
}

#[tokio::test]
async fn random_samples_are_found_as_a_naive_evaluator_finds_them() {
    let seed = std::env::var("CUMULO_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("CUMULO_FUZZ_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::new(u64::MAX);
    let hosts: Vec<Uuid> = (0..3).map(|_| Uuid::random()).collect();
    let mut vms: Vec<(Uuid, usize)> = (0..5).map(|n| (Uuid::random(), n % 3)).collect();
    let mut now = BEGIN + rng.random_range(0..3600);
    for step in 0..1500 {
        now += rng.random_range(8..=12);
        if rng.random_ratio(1, 200) {
            // The node or the agents were down for a while.
            now += rng.random_range(60..5000);
        }
        if rng.random_ratio(1, 50) {
            let (at, to) = (rng.random_range(0..vms.len()), rng.random_range(0..hosts.len()));
            vms[at].1 = to;
        }
        for (n, host) in hosts.iter().enumerate() {
            let on: Vec<Uuid> = vms.iter().filter(|(_, at)| *at == n).map(|(vm, _)| *vm).collect();
            world.put(*host, now, &[vec![*host], on].concat(), &mut rng).await;
        }
        if rng.random_bool(0.3) {
            world.store.maintain(now).await.expect("maintained");
        }
        if step % 500 == 250 {
            let path = world.dir.path().join("metrics.db");
            world.store.settle().await.expect("written");
            world.store = Store::open(&path, u64::MAX).expect("opens again");
        }
        if step % 25 != 0 {
            continue;
        }
        world.store.settle().await.expect("written");
        for level in Level::ALL {
            let period = level.step() * rng.random_range(1..5);
            // Within what every level still has.
            let start = now - rng.random_range(0..5 * HOUR);
            let (kind, all) = match rng.random_bool(0.7) {
                true => (Kind::Vm, vms.iter().map(|(vm, _)| *vm).collect()),
                false => (Kind::Host, hosts.clone()),
            };
            let question = Question {
                kind,
                subjects: all.into_iter().filter(|_| rng.random_bool(0.5)).collect(),
                metric: METRICS[rng.random_range(0..2)],
                start: start - start.rem_euclid(period),
                end: now + 1,
                level,
                period,
            };
            let expected = world.naive(&question);
            let what = format!("seed {seed}, step {step}: {question:?}");
            let found = world.store.series(question).await.expect("found");
            assert_alike(&found, &expected, &what);
        }
    }
}

#[tokio::test]
async fn what_is_old_goes_level_by_level_and_is_answered_coarser_until_then() {
    let mut world = World::new(u64::MAX);
    let (host, mut rng) = (Uuid::random(), StdRng::seed_from_u64(1));
    let end = BEGIN + 2 * 24 * HOUR;
    for time in (BEGIN..end).step_by(120) {
        world.put(host, time, &[host], &mut rng).await;
        if time % 1800 == 0 {
            world.maintain(time).await;
        }
    }
    world.maintain(end).await;
    let ask = |level: Level, start| Question {
        kind: Kind::Host,
        subjects: vec![host],
        metric: METRICS[0],
        start,
        end,
        level,
        period: 300,
    };
    let oldest = async |level| {
        let found = world.store.series(ask(level, BEGIN)).await.expect("found");
        end - found[0].points[0].0
    };
    assert!((6 * HOUR..=8 * HOUR).contains(&oldest(Level::Raw).await));
    assert!((24 * HOUR..=26 * HOUR).contains(&oldest(Level::Minute).await));
    assert_eq!(oldest(Level::Five).await, 48 * HOUR);
    let question = ask(Level::Five, BEGIN);
    let expected = world.naive(&question);
    assert_alike(&world.store.series(question).await.expect("found"), &expected, "two days");

    world.maintain(end + 9 * 24 * HOUR).await;
    assert_eq!(world.store.series(ask(Level::Five, BEGIN)).await.expect("asked"), []);
    assert_eq!(world.store.subjects().await.expect("asked"), []);
}

#[tokio::test]
async fn a_file_that_grows_too_large_loses_what_is_oldest() {
    const MOST: u64 = 1 << 19;
    let mut world = World::new(MOST);
    let (host, mut rng) = (Uuid::random(), StdRng::seed_from_u64(2));
    let subjects: Vec<Uuid> = std::iter::once(host).chain((0..30).map(|_| Uuid::random())).collect();
    let mut largest = 0;
    for time in (BEGIN..BEGIN + 12 * HOUR).step_by(60) {
        world.put(host, time, &subjects, &mut rng).await;
        if time % 600 == 0 {
            world.maintain(time).await;
            largest = largest.max(world.store.size().await.expect("asked"));
        }
    }
    assert!(largest < MOST * 3 / 2, "{largest} bytes");
    world.store.settle().await.expect("written");
    let last = Question {
        kind: Kind::Host,
        subjects: vec![host],
        metric: METRICS[0],
        start: BEGIN + 12 * HOUR - 300,
        end: BEGIN + 12 * HOUR,
        level: Level::Raw,
        period: 60,
    };
    assert_eq!(world.store.series(last).await.expect("asked")[0].points.len(), 5, "the newest are there");
}

#[tokio::test]
async fn who_is_forgotten_is_not_found() {
    let mut world = World::new(u64::MAX);
    let (host, vm, mut rng) = (Uuid::random(), Uuid::random(), StdRng::seed_from_u64(3));
    for time in (BEGIN..BEGIN + 1200).step_by(10) {
        world.put(host, time, &[host, vm], &mut rng).await;
    }
    world.maintain(BEGIN + 1200).await;
    world.store.forget(vec![vm]).await.expect("forgotten");
    assert_eq!(world.store.subjects().await.expect("asked"), [(Kind::Host, host)]);
    let ask = |kind, uuid| Question {
        kind,
        subjects: vec![uuid],
        metric: METRICS[0],
        start: BEGIN,
        end: BEGIN + 1200,
        level: Level::Raw,
        period: 10,
    };
    assert_eq!(world.store.series(ask(Kind::Vm, vm)).await.expect("asked"), []);
    assert_eq!(world.store.series(ask(Kind::Vm, host)).await.expect("asked"), [], "it is a host");
    assert_eq!(world.store.series(ask(Kind::Host, host)).await.expect("asked")[0].points.len(), 120);
}

/// Prints what it costs, too: `CUMULO_METRICS_HOSTS=1000 cargo test --profile bench-node -- --nocapture keeps_up`.
#[tokio::test]
#[allow(clippy::cast_precision_loss, reason = "figures to be read by people")]
async fn the_store_keeps_up_with_a_cloud() {
    let hosts = std::env::var("CUMULO_METRICS_HOSTS").ok().and_then(|hosts| hosts.parse().ok()).unwrap_or(3);
    let world = World::new(u64::MAX);
    let mut rng = StdRng::seed_from_u64(4);
    let hosts: Vec<Vec<Uuid>> = (0..hosts).map(|_| (0..11).map(|_| Uuid::random()).collect()).collect();
    // What an agent tells of a VM with a disk and a NIC that works: all its metrics, all of them noise.
    let columns: Vec<Column> = crate::catalog::METRICS
        .iter()
        .filter(|metric| metric.of.contains(&Kind::Vm))
        .map(|metric| Column { metric: metric.number, device: metric.device.map_or("", |_| "vnic1.0").into() })
        .collect();
    let (mut samples, mut writing, mut keeping) = (0, std::time::Duration::ZERO, std::time::Duration::ZERO);
    let rounds = 2 * HOUR / 10;
    for round in 0..rounds {
        let now = BEGIN + round * 10;
        let rows: Vec<HostRow> = hosts
            .iter()
            .map(|subjects| {
                let measured = subjects.iter().enumerate().map(|(n, uuid)| Measured {
                    kind: if n == 0 { Kind::Host } else { Kind::Vm },
                    uuid: *uuid,
                    values: columns.iter().map(|column| (column.clone(), number(&mut rng))).collect(),
                });
                HostRow { host: subjects[0], time: now, measured: Arc::new(measured.collect()) }
            })
            .collect();
        samples += rows.len() * 11 * columns.len();
        let since = std::time::Instant::now();
        for row in rows {
            assert!(world.store.put(row), "the writer keeps up");
        }
        world.store.settle().await.expect("written");
        writing += since.elapsed();
        let since = std::time::Instant::now();
        world.maintain(now).await;
        keeping += since.elapsed();
    }
    world.maintain(BEGIN + 2 * HOUR + 60).await;
    let needed = samples as f64 / (rounds * 10) as f64;
    let sustained = samples as f64 / (writing + keeping).as_secs_f64();
    println!(
        "{samples} samples; needed {needed:.0}/s, sustained {sustained:.0}/s (written {writing:?}, rolled up {keeping:?})"
    );
    for level in Level::ALL {
        let (rows, size) = world.rows(level).await;
        println!("{level:?}: {rows} rows, {} bytes each", size / rows.max(1));
    }
    assert!(sustained > needed, "samples come faster than they are kept");
    println!("file: {} bytes", world.store.size().await.expect("asked"));
}

//! Random calls against a model of what they have to do.
//!
//! A seed makes a sequence of calls ([`draw`]). A model of the cloud ([`cloud`]) knows of each what it must answer and of
//! everything what queries must find afterwards ([`facts`]), and refusals are told from the model too. Both together are a
//! scenario ([`script`]), the same text that an operator plays, and it is played by the same code ([`play`]) on hosts of the
//! simulator plugin; where it looks at everything the node is looked into as well ([`inside`]). So a divergence is a
//! scenario from the first moment: it is made as short as it can be ([`shrink`]) and left as a file.
//!
//! How to run more of it, and what to do with what it finds: docs/model.md.

mod cloud;
mod draw;
mod facts;
mod inside;
mod op;
mod play;
mod script;
mod shrink;

use std::{
    collections::{BTreeMap, HashSet},
    env, fs,
    path::{Path, PathBuf},
};

use cloud::{Answer, CODES, Cloud, Mistake};
use op::{Change, Id, Kind, NewVm, Op};
use rand::Rng;
use shrink::Failing;

/// Seeds where nobody says how many, and calls after those that build a cloud.
const SEEDS: u64 = 4;
const LENGTH: usize = 60;

/// So many variants has [`Op`].
const KINDS_OF_CALLS: usize = 30;

/// Leaves the shortest scenario of `failing` in `folder`.
async fn left(folder: &Path, name: &str, failing: Failing, mistake: Option<Mistake>) -> PathBuf {
    let (text, failure) = shrink::written(failing, mistake).await;
    let path = folder.join(format!("{name}.txt"));
    let why: Vec<String> = failure.why.lines().map(|line| format!("# {line}\n")).collect();
    let text = format!("# {name}: line {} of what follows fails.\n{}{text}", failure.line, why.concat());
    fs::write(&path, text).expect("the scenario can be written");
    path
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect("SEED and SEEDS are numbers"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_does_what_the_model_says() {
    // Who says nothing gets the same seeds each time, so that no change is blamed for what it did not do.
    let (seeds, first) = match number("SEEDS") {
        Some(seeds) => (seeds, number("SEED").unwrap_or_else(|| u64::from(rand::rng().random::<u32>()))),
        None => (SEEDS, 1),
    };
    let folder = env::var_os("MODEL_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let (mut calls, mut failed) = (0, vec![]);
    for seed in first..first + seeds {
        println!("model: seed {seed}");
        match shrink::fails(&draw::sequence(seed, LENGTH), None).await {
            Ok(played) => calls += played,
            Err(failing) => {
                calls += failing.calls;
                println!("model: seed {seed} diverges at line {}: {}", failing.failure.line, failing.failure.why);
                let path = left(&folder, &format!("model-{seed}"), failing, None).await;
                println!("model: the shortest scenario that does is {}", path.display());
                failed.push(seed);
            }
        }
    }
    println!("model: seeds={seeds} calls={calls} failed={}", failed.len());
    assert!(failed.is_empty(), "seeds that diverge: {failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_is_found_made_short_and_written_down() {
    let id = |kind| Id(kind, 1);
    let vm = id(Kind::Vm);
    let (zone, cluster, primary, backup) = (id(Kind::Zone), id(Kind::Cluster), id(Kind::Primary), id(Kind::Backup));
    let (image, offering, host) = (id(Kind::Image), id(Kind::Offering), id(Kind::Host));
    let needed = vec![
        Op::Zone(zone),
        Op::Cluster { cluster, zone },
        Op::Host { host, cluster, address: 1 },
        Op::Primary { primary, zone },
        Op::Join { what: primary, to: cluster },
        Op::Backup(backup),
        Op::Join { what: backup, to: zone },
        Op::Image { image, backup, is_iso: false },
        Op::Offering { offering, is_large: false },
        Op::Vm { vm, new: NewVm { by: None, offering, image, l3s: vec![], host: None, is_stopped: false } },
        Op::Change { vm, by: None, change: Change::Pause },
        Op::Change { vm, by: None, change: Change::Reboot },
    ];
    let mut ops = needed.clone();
    ops.insert(10, Op::Rename { of: vm, to: 7 });
    ops.insert(10, Op::Tag { tag: id(Kind::Tag), on: zone, text: 0 });
    ops.insert(4, Op::L2 { l2: id(Kind::L2), zone, interface: 0 });
    ops.push(Op::Change { vm, by: None, change: Change::Stop });
    assert!(shrink::fails(&ops, None).await.is_ok(), "what is right is found right");

    let mistake = Some(Mistake::PausedReboots);
    let failing = shrink::fails(&ops, mistake).await.expect_err("the mistake is found");
    let folder = tempfile::tempdir().expect("a folder");
    let path = left(folder.path(), "mistake", failing, mistake).await;
    let text = fs::read_to_string(&path).expect("it is written");
    let last = needed.len() - 1;
    assert!(text.ends_with(&script::script(&needed, mistake, |place| place == last).text), "{text}");
    assert!(text.starts_with("# mistake: line ") && text.contains("VM.1002"), "{text}");
    let failure = play::play(&text).await.expect("it fails when it is played again");
    assert_eq!(failure.verb, "RebootVmInstance", "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_that_only_questions_tell_is_found_too() {
    let mut found = None;
    for seed in 0..20 {
        let ops = draw::sequence(seed, LENGTH);
        if ops.iter().any(|op| matches!(op, Op::Change { change: Change::Pause, .. })) {
            found = shrink::fails(&ops, Some(Mistake::PausedIsLight)).await.err();
            break;
        }
    }
    let failing = found.expect("some sequence pauses a VM, and its host says what is left");
    assert_eq!(failing.failure.verb, "QueryHost", "{:?}", failing.failure);
    assert!(failing.failure.why.contains("should find 1, but finds 0"), "{:?}", failing.failure);
}

#[test]
fn a_seed_is_one_sequence_and_many_have_everything_in_them() {
    let (mut done, mut refused, mut calls) = (HashSet::new(), BTreeMap::<&str, usize>::new(), 0);
    for seed in 0..60 {
        let ops = draw::sequence(seed, LENGTH);
        assert_eq!(ops, draw::sequence(seed, LENGTH));
        let mut cloud = Cloud::new(None);
        for op in &ops {
            match cloud.apply(op).expect("nothing is drawn that makes no sense") {
                Answer::Done => drop(done.insert(std::mem::discriminant(op))),
                Answer::Refused(code) => *refused.entry(code).or_default() += 1,
            }
        }
        calls += LENGTH;
        let text = script::script(&ops, None, |_| true).text;
        cumulo_cli::scenario::parse("model", &text).expect("it can be read");
    }
    assert_eq!(done.len(), KINDS_OF_CALLS, "every call that the model knows is done in some sequence");
    assert!(CODES.iter().all(|code| refused.contains_key(code)), "every reason is given in some sequence: {refused:?}");
    let share = refused.values().sum::<usize>() * 100 / calls;
    assert!((15..25).contains(&share), "{share} of 100 calls are refused");
}

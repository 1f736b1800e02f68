//! Several nodes over one database: who takes part, who owns what, and that no two ever work on one resource.

mod common;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{eventually, kernel};
use cumulo_kernel::{
    db::Db,
    membership::{Claim, Membership, MembershipError, NodeLease, RingEpoch},
};
use cumulo_schema::Uuid;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Longer than any test.
const LONG: Duration = Duration::from_mins(10);
/// Soon over.
const SHORT: Duration = Duration::from_millis(300);

fn node(name: &str) -> Uuid {
    Uuid::ADMIN.derive(name)
}

fn resources() -> Vec<Uuid> {
    (0..200).map(|n| Uuid::ADMIN.derive(&format!("resource {n}"))).collect()
}

async fn join(db: &Db, name: &str, lease: Duration) -> Membership {
    Membership::join(db, node(name), name, lease, false).await.expect("takes part")
}

fn mine(membership: &Membership) -> BTreeSet<Uuid> {
    resources().into_iter().filter(|resource| membership.claim(resource) == Claim::Mine).collect()
}

#[tokio::test]
async fn what_moves_is_waited_for_until_it_is_drained() {
    let (kernel, _, _database) = kernel().await;
    let first = join(kernel.db(), "first", LONG).await;
    assert_eq!(mine(&first).len(), 200, "alone it owns all");
    let second = join(kernel.db(), "second", LONG).await;
    assert!(mine(&second).is_empty(), "the other has not even heard");
    let waits = |resource: &Uuid| second.claim(resource) == Claim::Wait(node("first"));
    let moving: BTreeSet<Uuid> = resources().into_iter().filter(waits).collect();
    assert!((50..150).contains(&moving.len()), "about half, not {}", moving.len());
    assert!(moving.iter().all(|resource| first.claim(resource) == Claim::Mine), "until it looks");

    let view = first.round().await.expect("looks");
    assert_eq!((view.epoch, view.joined, view.left), (2, vec![node("second")], vec![]));
    assert!(moving.iter().all(|resource| first.claim(resource) == Claim::Theirs(node("second"))));
    second.round().await.expect("looks");
    assert!(mine(&second).is_empty(), "what was begun may go on");
    first.drained(2).await.expect("recorded");
    second.round().await.expect("looks");
    assert_eq!(mine(&second), moving);
    assert_eq!(mine(&first).len() + moving.len(), 200);
    second.drained(2).await.expect("recorded");

    let view = first.round().await.expect("looks");
    assert_eq!(view, first.round().await.expect("nothing new"));
    first.leave().await.expect("leaves");
    let view = second.round().await.expect("looks");
    assert_eq!((view.members, view.left), (vec![node("second")], vec![node("first")]));
    assert_eq!(mine(&second).len(), 200, "who left in order holds nothing");
}

#[tokio::test]
async fn who_does_not_renew_stops_by_itself_and_is_expelled() {
    let (kernel, _, _database) = kernel().await;
    let late = join(kernel.db(), "late", SHORT).await;
    let survivor = join(kernel.db(), "survivor", LONG).await;
    let expelled = || async { !survivor.round().await.expect("looks").members.contains(&node("late")) };
    eventually("the expulsion", expelled).await;
    assert!(late.is_fenced(), "it stopped before the others took over");
    assert!(resources().iter().all(|resource| late.claim(resource) == Claim::Fenced));
    assert_eq!(mine(&survivor).len(), 200, "nothing was drained, and nothing is waited for");
    assert!(matches!(late.renew().await, Err(MembershipError::Expelled)));
    assert!(matches!(late.round().await, Err(MembershipError::Expelled)));
    assert!(matches!(late.drained(1).await, Err(MembershipError::Expelled)));
    assert!(matches!(late.leave().await, Err(MembershipError::Expelled)));
    let again = join(kernel.db(), "late", LONG).await;
    assert_eq!(again.members().len(), 2);
}

#[tokio::test]
async fn a_lease_that_is_renewed_holds() {
    let (kernel, _, _database) = kernel().await;
    let watcher = join(kernel.db(), "watcher", LONG).await;
    let lease = Duration::from_secs(5);
    let renewing = join(kernel.db(), "renewing", lease).await;
    let until = async || {
        let row = kernel.db().find(NodeLease::NODE_UUID, &node("renewing")).await.expect("read");
        row.expect("there").lease_until
    };
    let first = until().await;
    eventually("a later end", async || {
        renewing.renew().await.expect("in time");
        until().await > first
    })
    .await;
    assert!(!renewing.is_fenced());
    assert_eq!(watcher.round().await.expect("looks").members.len(), 2);
}

#[tokio::test]
async fn one_id_is_one_process() {
    let (kernel, _, _database) = kernel().await;
    let first = join(kernel.db(), "node", LONG).await;
    let taken = Membership::join(kernel.db(), node("node"), "twin", LONG, false).await;
    assert!(matches!(taken, Err(MembershipError::Taken { .. })), "{taken:?}");
    // It restarted, and holds the data directory.
    let second = Membership::join(kernel.db(), node("node"), "node", SHORT, true).await.expect("replaces");
    assert!(matches!(first.renew().await, Err(MembershipError::Expelled)));
    assert!(first.is_fenced());
    assert_eq!(second.members(), [node("node")]);
    // It died, and its lease ran out.
    let third = || async { Membership::join(kernel.db(), node("node"), "node", LONG, false).await.is_ok() };
    eventually("the lease's end", third).await;
    assert!(second.is_fenced());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_join_at_once_are_all_there_and_old_epochs_are_forgotten() {
    let (kernel, _, _database) = kernel().await;
    let joins = (0..8).map(|n| {
        let db = kernel.db().clone();
        tokio::spawn(async move { join(&db, &format!("node {n}"), LONG).await })
    });
    let joined = futures::future::join_all(joins.collect::<Vec<_>>()).await;
    let joined: Vec<Membership> = joined.into_iter().map(|node| node.expect("no panic")).collect();
    for membership in &joined {
        let view = membership.round().await.expect("looks");
        assert_eq!((view.epoch, view.members.len()), (8, 8));
        membership.drained(8).await.expect("recorded");
    }
    joined[0].round().await.expect("looks");
    assert_eq!(kernel.db().select::<RingEpoch>().count().await.expect("read"), 1);
    let owned: usize = joined.iter().map(|membership| mine(membership).len()).sum();
    assert!(owned <= 200, "{owned}");
}

/// What is being worked on, by whom. Two at once are what all this is there to prevent.
type Work = Arc<Mutex<HashMap<Uuid, Uuid>>>;

/// A node that joins, works on whatever it may, drains late, leaves and joins again, by chance.
async fn live(db: Db, me: Uuid, work: Work, mut random: StdRng) {
    let resources = resources();
    for _ in 0..3 {
        let membership = Membership::join(&db, me, "node", LONG, false).await.expect("takes part");
        let mut held: BTreeSet<Uuid> = BTreeSet::new();
        for _ in 0..25 {
            match random.random_range(0..10) {
                0..3 => {
                    membership.round().await.expect("looks");
                }
                3..7 => {
                    for resource in resources.choose_multiple(&mut random, 20) {
                        if membership.claim(resource) == Claim::Mine && held.insert(*resource) {
                            let other = work.lock().expect("not poisoned").insert(*resource, me);
                            assert_eq!(other, None, "{me} and another work on {resource}");
                        }
                    }
                }
                7 => {
                    let done: Vec<Uuid> = held.iter().copied().filter(|_| random.random_bool(0.5)).collect();
                    finish(&work, &mut held, &done);
                }
                _ => {
                    let lost = |resource: &&Uuid| matches!(membership.claim(resource), Claim::Theirs(_));
                    let lost: Vec<Uuid> = held.iter().filter(lost).copied().collect();
                    finish(&work, &mut held, &lost);
                    membership.drained(membership.epoch()).await.expect("recorded");
                }
            }
            tokio::task::yield_now().await;
        }
        let all: Vec<Uuid> = held.iter().copied().collect();
        finish(&work, &mut held, &all);
        membership.leave().await.expect("leaves");
    }
}

fn finish(work: &Work, held: &mut BTreeSet<Uuid>, done: &[Uuid]) {
    let mut work = work.lock().expect("not poisoned");
    for resource in done {
        work.remove(resource);
        held.remove(resource);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_nodes_work_on_one_resource() {
    let (kernel, _, _database) = kernel().await;
    let seed = rand::rng().random();
    println!("seed {seed}");
    let work = Work::default();
    let nodes = (0..4).map(|n| {
        let random = StdRng::seed_from_u64(u64::wrapping_add(seed, n));
        tokio::spawn(live(kernel.db().clone(), node(&format!("node {n}")), work.clone(), random))
    });
    for outcome in futures::future::join_all(nodes.collect::<Vec<_>>()).await {
        outcome.expect("no two worked on one resource");
    }
    assert!(work.lock().expect("not poisoned").is_empty());
}

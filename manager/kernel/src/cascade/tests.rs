use std::sync::{Arc, Mutex};

use cumulo_schema::Resource;

use super::*;

type Log = Arc<Mutex<Vec<String>>>;

/// Each has one resource; `survives` lists losses that only stop it.
struct Thing {
    name: &'static str,
    uuid: Uuid,
    survives: &'static [&'static str],
    fails: Mutex<bool>,
    log: Log,
}

#[async_trait]
impl CascadeAction for Arc<Thing> {
    async fn affected(&self, _: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(vec![self.uuid])
    }
    fn effect(&self, losing: &str) -> Effect {
        if self.survives.contains(&losing) { Effect::Changed("stopped") } else { Effect::Deleted }
    }
    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        if *self.fails.lock().expect("not poisoned") {
            return Err(ErrorCode::operation("host is away"));
        }
        assert_eq!(work.uuids, [self.uuid]);
        assert!(work.effect != Effect::Deleted || work.doomed.has(self.name, self.uuid));
        let what = if work.effect == Effect::Deleted { "deleted" } else { "stopped" };
        self.log.lock().expect("not poisoned").push(format!("{} {what}", self.name));
        Ok(())
    }
}

fn meta(vo: &'static str) -> &'static ResourceMeta {
    Box::leak(Box::new(ResourceMeta { vo, ..*cumulo_schema::system::ManagementNode::META }))
}

struct World {
    cascade: Cascade,
    log: Log,
    things: HashMap<&'static str, Arc<Thing>>,
    _dir: tempfile::TempDir,
}

/// zone > host, storage; host > vm (stopped), storage > vm (deleted); vm > nic.
async fn world() -> World {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
    let (mut joined, log, mut things) = (Joined::default(), Log::default(), HashMap::new());
    let mut add = |name: &'static str, parents: &[&'static str], survives| {
        let thing = Thing { name, uuid: Uuid::random(), survives, fails: Mutex::new(false), log: log.clone() };
        let thing = Arc::new(thing);
        joined.add(meta(name), parents, Arc::new(thing.clone()));
        things.insert(name, thing);
    };
    add("zone", &[], &[]);
    add("nic", &["vm"], &[]);
    add("vm", &["host", "storage"], &["host"]);
    add("host", &["zone"], &[]);
    add("storage", &["zone"], &[]);
    World { cascade: Cascade::new(db, joined, &[]), log, things, _dir: dir }
}

impl World {
    /// Deletes the one resource of the kind `vo`, and what that did.
    async fn delete(&self, vo: &'static str, enforcing: bool) -> (Result<(), ErrorCode>, Vec<String>) {
        let outcome = self.cascade.delete(vo, vec![self.things[vo].uuid], enforcing).await;
        (outcome, std::mem::take(&mut *self.log.lock().expect("not poisoned")))
    }

    fn fail(&self, vo: &str, fails: bool) {
        *self.things[vo].fails.lock().expect("not poisoned") = fails;
    }
}

#[tokio::test]
async fn leaves_act_first_and_what_survives_takes_nothing_along() {
    let world = world().await;
    let (outcome, done) = world.delete("host", false).await;
    outcome.expect("deleted");
    assert_eq!(done, ["vm stopped", "host deleted"]);
}

#[tokio::test]
async fn each_kind_acts_once_and_deletion_wins_over_a_change() {
    let world = world().await;
    let (outcome, mut done) = world.delete("zone", false).await;
    outcome.expect("deleted");
    assert_eq!((done[0].as_str(), done[1].as_str(), done[4].as_str()), ("nic deleted", "vm deleted", "zone deleted"));
    done.sort_unstable();
    let all = ["host", "nic", "storage", "vm", "zone"].map(|name| format!("{name} deleted"));
    assert_eq!(done, all, "the VM is destroyed, and not stopped before");
}

#[tokio::test]
async fn a_failing_branch_stops_a_permissive_delete_and_not_an_enforced_one() {
    let world = world().await;
    world.fail("vm", true);
    let (outcome, done) = world.delete("host", false).await;
    let error = outcome.expect_err("the vm fails");
    assert_eq!(error.code, "SYS.1004");
    assert!(error.details.contains("1 of vm could not be stopped"), "{error}");
    assert!(done.is_empty(), "nothing above the failure was touched");
    let (outcome, done) = world.delete("host", true).await;
    outcome.expect("enforced");
    assert_eq!(done, ["host deleted"]);
    world.fail("vm", false);
    let (outcome, done) = world.delete("host", false).await;
    outcome.expect("mended, and asked again");
    assert_eq!(done, ["vm stopped", "host deleted"]);
    world.fail("host", true);
    assert!(world.delete("host", true).await.0.is_err(), "the root's own failure is told in any case");
}

#[tokio::test]
async fn a_circle_is_told_and_not_walked() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
    let mut joined = Joined::default();
    for (name, parent) in [("hen", "egg"), ("egg", "hen")] {
        let (uuid, log) = (Uuid::random(), Log::default());
        let thing = Thing { name, uuid, survives: &[], fails: Mutex::new(false), log };
        joined.add(meta(name), &[parent], Arc::new(Arc::new(thing)));
    }
    let cascade = Cascade::new(db, joined, &[]);
    let error = cascade.delete("hen", vec![Uuid::random()], false).await.expect_err("a circle");
    assert!(error.details.contains("circle"), "{error}");
}

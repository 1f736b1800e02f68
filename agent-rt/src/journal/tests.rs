use std::{fs, io::Write as _};

use cumulo_proto::outcome::Result as OutcomeResult;

use super::*;

fn task(id: &str, key: &str, epoch: u64) -> Accepted {
    Accepted {
        task_id: id.into(),
        command: "StartVm".into(),
        key: key.into(),
        callback_url: "https://m/agent/v1".into(),
        epoch,
        request: Bytes::from_static(b"request"),
        at_ms: now_ms(),
    }
}

fn outcome(id: &str) -> Outcome {
    Outcome {
        task_id: id.into(),
        agent: "h".into(),
        command: "StartVm".into(),
        ran_ms: 3,
        result: Some(OutcomeResult::Reply(Bytes::from_static(b"reply"))),
    }
}

async fn rewrite(journal: &Journal) {
    let synced = {
        let state = journal.state();
        state.file.as_ref().unwrap().rewrite(&state.table.entries())
    };
    synced.await.unwrap();
}

#[tokio::test]
async fn a_task_begins_once_and_its_outcome_is_kept_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.begin(task("t1", "vm", 1)).await.unwrap(), Begun::New);
    assert_eq!(journal.begin(task("t1", "vm", 1)).await.unwrap(), Begun::Running);
    assert_eq!(journal.begin(task("t2", "vm", 1)).await.unwrap(), Begun::New);
    journal.finish(&outcome("t1")).await.unwrap();
    drop(journal);

    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!((journal.running(), journal.unacknowledged()), (1, 1));
    let left = journal.left();
    assert!(matches!(&left[0], Left::Unacknowledged(o) if o == &outcome("t1")));
    assert_eq!(journal.owed_to("t1").as_deref(), Some("https://m/agent/v1"));
    assert!(matches!(&left[1], Left::Unfinished(t) if t.task_id == "t2" && t.request == "request"));
    assert_eq!(journal.begin(task("t1", "vm", 1)).await.unwrap(), Begun::Finished(outcome("t1")));
    journal.acknowledge("t1", "https://other/agent/v1");
    assert_eq!(journal.unacknowledged(), 1, "it was not owed to that one");
    journal.acknowledge("t1", "https://m/agent/v1");
    journal.finish(&outcome("t2")).await.unwrap();
    drop(journal);
    assert_eq!(Journal::open(dir.path()).unwrap().left().len(), 1);
}

#[tokio::test]
async fn an_older_epoch_is_refused_also_after_a_restart_and_after_its_tasks_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.begin(task("t1", "vm", 7)).await.unwrap(), Begun::New);
    journal.finish(&outcome("t1")).await.unwrap();
    drop(journal);

    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.begin(task("t2", "vm", 6)).await.unwrap(), Begun::Stale { newest: 7 });
    assert_eq!(journal.begin(task("t3", "other", 6)).await.unwrap(), Begun::New);
    journal.state().table.forget(u64::MAX, 0);
    rewrite(&journal).await;
    drop(journal);

    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.begin(task("t4", "vm", 6)).await.unwrap(), Begun::Stale { newest: 7 });
    assert_eq!(journal.begin(task("t5", "vm", 7)).await.unwrap(), Begun::New);
    assert_eq!(journal.running(), 2, "t3 was not forgotten: it had not ended");
}

#[tokio::test]
async fn who_asks_for_a_known_task_is_the_one_to_go_by_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.begin(task("t1", "vm", 6)).await.unwrap(), Begun::New);
    assert_eq!(journal.begin(task("t1", "vm", 7)).await.unwrap(), Begun::Running);
    drop(journal);

    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.begin(task("t2", "vm", 6)).await.unwrap(), Begun::Stale { newest: 7 });
    assert_eq!(
        journal.begin(task("t1", "vm", 6)).await.unwrap(),
        Begun::Stale { newest: 7 },
        "its outcome is another's"
    );
    assert_eq!(journal.running(), 1);
}

#[tokio::test]
async fn every_torn_or_damaged_tail_is_cut_off_and_the_rest_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.journal");
    let journal = Journal::open(dir.path()).unwrap();
    journal.begin(task("t1", "a", 1)).await.unwrap();
    let sound = fs::read(&path).unwrap();
    journal.begin(task("t2", "b", 1)).await.unwrap();
    drop(journal);
    let whole = fs::read(&path).unwrap();

    for cut in sound.len()..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        assert_eq!(journal.running(), 1, "cut at {cut}");
        journal.begin(task("t3", "c", 1)).await.unwrap();
        drop(journal);
        assert_eq!(Journal::open(dir.path()).unwrap().running(), 2, "append after a cut at {cut}");
    }
    for damaged in sound.len()..whole.len() {
        let mut bytes = whole.clone();
        bytes[damaged] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(Journal::open(dir.path()).unwrap().running(), 1, "damaged at {damaged}");
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.journal");
    fs::File::create(&path).unwrap().write_all(b"#!/bin/sh\n").unwrap();
    assert!(matches!(Journal::open(dir.path()), Err(JournalError::Foreign { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"#!/bin/sh\n");
}

#[tokio::test]
async fn only_the_owner_can_read_the_file_and_requests_do_not_outlive_their_task() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.journal");
    let journal = Journal::open(dir.path()).unwrap();
    let mut secret = task("t1", "vm", 1);
    secret.request = Bytes::from_static(b"s3cret");
    assert!(!format!("{secret:?}").contains("s3cret"));
    journal.begin(secret).await.unwrap();
    journal.finish(&outcome("t1")).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    rewrite(&journal).await;
    let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    assert!(text.contains("t1") && !text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn maintenance_forgets_old_outcomes_and_shrinks_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let big = Bytes::from(vec![7; 256 << 10]);
    for i in 0..20 {
        let id = format!("t{i}");
        journal.begin(Accepted { request: big.clone(), ..task(&id, &id, 1) }).await.unwrap();
        journal.finish(&outcome(&id)).await.unwrap();
    }
    let before = journal.state().file.as_ref().unwrap().len();
    journal.maintain().await.unwrap();
    let after = journal.state().file.as_ref().unwrap().len();
    assert!(after < before / 100, "{before} -> {after}");
    assert_eq!(fs::metadata(dir.path().join("tasks.journal")).unwrap().len(), after);
    drop(journal);
    assert_eq!(Journal::open(dir.path()).unwrap().unacknowledged(), 20);
}

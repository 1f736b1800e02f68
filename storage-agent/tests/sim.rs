//! The simulated backup storage runs the same commands.

use std::sync::Arc;

use cumulo_agent_rt::{
    sim::{Fault, Inbox, On},
    storage::{FakeDisks, FakeFile},
};
use cumulo_proto::storage::{AcceptUpload, Connect, DeleteImage, DownloadImage, OpenUpload};
use cumulo_storage_agent::sim::SimStorage;

const AGENT: &str = "d0000000000000000000000000000002";

async fn storage() -> (SimStorage, Arc<Inbox>) {
    let inbox = Arc::new(Inbox::default());
    let storage = SimStorage::new(AGENT, 1 << 40, Arc::clone(&inbox) as _);
    let connect = Connect { header: None, agent_id: AGENT.into(), path: "/bs".into() };
    inbox.call(&*storage.link(), connect).await.unwrap();
    (storage, inbox)
}

fn download(url: &str) -> DownloadImage {
    DownloadImage {
        image_uuid: "90000000000000000000000000000001".into(),
        url: url.into(),
        install_path: "images/1".into(),
        expected_format: "qcow2".into(),
        storage_path: "/bs".into(),
        ..DownloadImage::default()
    }
}

#[tokio::test]
async fn images_come_and_go() {
    let (storage, inbox) = storage().await;
    let link = storage.link();
    let reply = inbox.call(&*link, download("http://web/x")).await.unwrap();
    assert_eq!(reply.path, "/bs/images/1");
    assert_eq!(inbox.call(&*link, download("http://web/x")).await.unwrap(), reply);
    assert_eq!(storage.files().len(), 1);
    let delete = DeleteImage { install_path: "images/1".into(), storage_path: "/bs".into(), ..DeleteImage::default() };
    inbox.call(&*link, delete).await.unwrap();
    assert!(storage.files().is_empty());
}

#[tokio::test]
async fn the_web_can_be_told_what_it_has() {
    let (storage, inbox) = storage().await;
    let link = storage.link();
    storage.origin().publish("http://web/gone", None);
    let error = inbox.call(&*link, download("http://web/gone")).await.unwrap_err();
    assert_eq!(error.code(), Some("image.download"));
    let raw = FakeFile::whole("raw", 1, 1);
    storage.origin().publish("http://web/raw", Some(raw.clone()));
    let error = inbox.call(&*link, download("http://web/raw")).await.unwrap_err();
    assert_eq!(error.code(), Some("image.not-as-expected"));
    storage.origin().publish("http://web/huge", Some(FakeFile { actual_size: 2 << 40, ..raw }));
    let error = inbox.call(&*link, download("http://web/huge")).await.unwrap_err();
    assert_eq!(error.code(), Some("storage.no-space"));
    assert!(storage.files().is_empty());
}

#[tokio::test]
async fn a_lost_reply_is_answered_when_asked_again_and_nothing_is_done_twice() {
    let (storage, inbox) = storage().await;
    let link = storage.link();
    storage.faults().plan(On::Next("DownloadImage"), Fault::LoseReply);
    let request = DownloadImage { header: Some(inbox.header("t1")), ..download("http://web/x") };
    cumulo_agent_rt::submit(&*link, &request).await.unwrap();
    // The file is there and the outcome is not, so it was lost.
    while storage.files().is_empty() || link.ping().await.unwrap().unacknowledged > 0 {
        tokio::task::yield_now().await;
    }
    assert!(cumulo_agent_rt::submit(&*link, &request).await.unwrap().known);
    assert_eq!(inbox.wait_outcomes("t1", 1).await.unwrap().len(), 1);
    assert_eq!(storage.faults().calls().iter().filter(|c| c.command == "DownloadImage").count(), 2);
}

#[tokio::test]
async fn what_a_host_brings_becomes_an_image_if_it_is_one() {
    let (storage, inbox) = storage().await;
    let link = storage.link();
    let open = OpenUpload {
        image_uuid: "90000000000000000000000000000001".into(),
        install_path: "images/1".into(),
        storage_path: "/bs".into(),
        username: "root".into(),
        size: 1 << 20,
        ..OpenUpload::default()
    };
    let accept = |sha256: &str| AcceptUpload {
        image_uuid: open.image_uuid.clone(),
        install_path: "images/1".into(),
        storage_path: "/bs".into(),
        expected_format: "qcow2".into(),
        expected_sha256: sha256.into(),
        ..AcceptUpload::default()
    };
    let huge = OpenUpload { size: 2 << 40, ..open.clone() };
    assert_eq!(inbox.call(&*link, huge).await.unwrap_err().code(), Some("storage.no-space"));
    assert_eq!(inbox.call(&*link, accept("")).await.unwrap_err().code(), Some("storage.no-such-file"));
    assert!(storage.files().is_empty());

    let file = FakeFile::whole("qcow2", 1 << 30, 1 << 20);
    let sum = FakeDisks::digests_of(&file).sha256;
    for good in [false, true] {
        let path = inbox.call(&*link, open.clone()).await.unwrap().path;
        assert_eq!(path, "/bs/images/1.incoming");
        storage.disks().put(path.as_ref(), file.clone()).unwrap();
        if good {
            continue;
        }
        let damaged = inbox.call(&*link, accept(&"0".repeat(64))).await.unwrap_err();
        assert_eq!(damaged.code(), Some("image.not-as-expected"));
        assert!(storage.files().is_empty(), "what is no image does not stay");
    }
    let reply = inbox.call(&*link, accept(&sum)).await.unwrap();
    assert_eq!((reply.size, reply.actual_size, &reply.sha256), (1 << 30, 1 << 20, &sum));
    // Asked again, it is looked at; and nothing makes room where it is.
    assert_eq!(inbox.call(&*link, accept(&sum)).await.unwrap(), reply);
    inbox.call(&*link, open).await.unwrap();
    assert_eq!(storage.files().keys().map(|path| path.display().to_string()).collect::<Vec<_>>(), ["/bs/images/1"]);
    // An image of no URL can be looked at too.
    let look = inbox.call(&*link, download("volume://0123")).await.unwrap();
    assert_eq!(look.sha256, sum);
}

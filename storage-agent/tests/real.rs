//! The agent on the real thing: files on disk, `qemu-img`, an HTTP server on loopback that misbehaves, the program
//! itself over mutual TLS. Needs the package qemu-utils, and root for a disk that is full.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::StatusCode,
    response::{Redirect, Response},
    routing::get,
};
use cumulo_agent_rt::{
    AgentClient, AgentLink, Commands, Journal, Runtime, RuntimeParts,
    sim::{Authority, CallError, Faults, Inbox, SimLink},
    storage::{QemuImg, Roots},
    tls,
};
use cumulo_proto::storage::{
    AcceptUpload, Connect, DeleteImage, DownloadImage, DownloadImageReply, GetCapacity, OpenUpload,
};
use cumulo_storage_agent::{StorageHost, commands, origin::Urls};
use futures::stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
    time::{Instant, sleep},
};

const AGENT: &str = "d0000000000000000000000000000002";

/// An agent on real disks, called in process.
struct World {
    dir: tempfile::TempDir,
    inbox: Arc<Inbox>,
    link: Arc<dyn AgentLink>,
    web: SocketAddr,
}

impl World {
    async fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap()).await
    }

    async fn at(dir: tempfile::TempDir) -> Self {
        let inbox = Arc::new(Inbox::default());
        let host = Arc::new(StorageHost {
            agent_id: AGENT.into(),
            hostname: "h".into(),
            ssh_host_keys: Vec::new(),
            disks: Arc::new(QemuImg),
            roots: Roots::in_memory(),
            origin: Arc::new(Urls::new(vec![dir.path().join("give")]).unwrap()),
            changed: Arc::default(),
        });
        let commands: Commands<StorageHost> = commands();
        let runtime = Runtime::start(RuntimeParts {
            agent_id: AGENT.into(),
            version: "0",
            host,
            commands,
            journal: Journal::in_memory(),
            callbacks: Arc::clone(&inbox) as _,
            manager: None,
        });
        for sub in ["bs", "give", "private"] {
            std::fs::create_dir(dir.path().join(sub)).unwrap();
        }
        make_images(dir.path());
        let web = serve(dir.path()).await;
        let link = Arc::new(SimLink::new(runtime, Faults::default()));
        let world = Self { dir, inbox, link, web };
        let connect = Connect { header: None, agent_id: AGENT.into(), path: world.root() };
        let connected = world.inbox.call(&*world.link, connect).await.unwrap();
        assert!(connected.capacity.unwrap().available > 0 && !connected.qemu_img_version.is_empty());
        world
    }

    fn root(&self) -> String {
        self.dir.path().join("bs").display().to_string()
    }

    fn request(&self, url: &str, format: &str) -> DownloadImage {
        DownloadImage {
            image_uuid: "90000000000000000000000000000001".into(),
            url: url.replace("WEB", &format!("http://{}", self.web)),
            install_path: "images/1/image".into(),
            expected_format: format.into(),
            storage_path: self.root(),
            ..DownloadImage::default()
        }
    }

    async fn download(&self, request: DownloadImage) -> Result<DownloadImageReply, CallError> {
        self.inbox.call(&*self.link, request).await
    }

    /// A download that must fail with `code` and a text with `sentence`, leaving no file.
    async fn refused(&self, request: DownloadImage, code: &str, sentence: &str) {
        let error = self.download(request).await.unwrap_err();
        assert_eq!(error.code(), Some(code), "{error}");
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert_eq!(files(&self.dir.path().join("bs")), Vec::<String>::new(), "after {error}");
    }
}

fn files(dir: &Path) -> Vec<String> {
    let output = Command::new("find").arg(dir).args(["-type", "f", "-printf", "%f\n"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
}

fn run(line: &str, dir: &Path) {
    let status = Command::new("sh").args(["-ec", line]).current_dir(dir).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{line}");
}

fn make_images(dir: &Path) {
    run(
        "cd give; qemu-img create -q -f qcow2 plain.qcow2 32M; head -c 3000000 /dev/urandom > data.raw; \
         qemu-img convert -O qcow2 data.raw data.qcow2; qemu-img create -q -f qcow2 -F raw -b /etc/hostname evil.qcow2 1M; \
         head -c 32769 /dev/zero > cd.iso; printf CD001 >> cd.iso; head -c 100000 /dev/zero >> cd.iso; \
         echo secret > ../private/secret; ln -s ../private/secret link; echo '<html>login</html>' > page.html",
        dir,
    );
}

/// Good files, and bad manners.
async fn serve(dir: &Path) -> SocketAddr {
    let give = dir.join("give");
    let file = move |name: String| {
        let give = give.clone();
        async move { std::fs::read(give.join(name)).map_err(|_| StatusCode::NOT_FOUND) }
    };
    let endless = || async {
        let chunks = std::iter::repeat_with(|| Ok::<_, &str>(Bytes::from(vec![7; 64 << 10])));
        Response::new(Body::from_stream(stream::iter(chunks.take(1000))))
    };
    let router = Router::new()
        .route("/file/{name}", get(move |axum::extract::Path(name): axum::extract::Path<String>| file(name)))
        .route("/endless", get(endless))
        .route("/moved", get(|| async { Redirect::temporary("/file/plain.qcow2") }))
        .route("/circle", get(|| async { Redirect::temporary("/circle") }))
        .route("/private", get(|| async { StatusCode::FORBIDDEN }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Answers one request with `head` and 3000 bytes, and hangs up.
async fn hangs_up(head: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The request is small enough to come at once.
        let n = stream.read(&mut [0; 4096]).await.unwrap();
        assert!(n > 0);
        stream.write_all(&[format!("HTTP/1.1 200 OK\r\n{head}").as_bytes(), &[b'7'; 3000]].concat()).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    address
}

#[tokio::test]
async fn an_image_arrives_and_is_what_it_is_said_to_be() {
    let world = World::new().await;
    for (url, format, size) in [
        ("WEB/file/plain.qcow2", "qcow2", 32 << 20),
        ("WEB/moved", "qcow2", 32 << 20),
        ("WEB/file/data.raw", "raw", 3_000_320),
        ("WEB/file/cd.iso", "iso", 132_774),
    ] {
        let reply = world.download(world.request(url, format)).await.unwrap();
        // qemu-img counts raw images in sectors.
        assert!(reply.size.abs_diff(size) < 512, "{url}: {reply:?}");
        assert_eq!((reply.format.as_str(), reply.path), (format, format!("{}/images/1/image", world.root())));
        let sums = Command::new("sh")
            .args(["-c", "sha256sum < images/1/image; md5sum < images/1/image"])
            .current_dir(world.root())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(sums.stdout).unwrap(), format!("{}  -\n{}  -\n", reply.sha256, reply.md5));
        assert_eq!(files(Path::new(&world.root())), ["image"]);

        // Told again it is left as it is; and with its sums, too.
        let again = DownloadImage {
            expected_sha256: reply.sha256.to_uppercase(),
            expected_md5: reply.md5.clone(),
            ..world.request("WEB/file/no-longer-there", format)
        };
        assert_eq!(world.download(again).await.unwrap().sha256, reply.sha256);
        for _ in 0..2 {
            let delete = DeleteImage {
                image_uuid: "90000000000000000000000000000001".into(),
                install_path: "images/1/image".into(),
                storage_path: world.root(),
                ..DeleteImage::default()
            };
            world.inbox.call(&*world.link, delete).await.unwrap();
            assert!(!Path::new(&world.root()).join("images").exists());
        }
    }
    let capacity = world.inbox.call(&*world.link, GetCapacity { header: None, path: world.root() }).await.unwrap();
    assert!(capacity.capacity.unwrap().total > 0);
    let progress = world.inbox.wait_progress(|p| p.percent == 100).await.unwrap();
    assert_eq!(progress.text, "downloading the image");
}

#[tokio::test]
async fn a_download_that_fails_says_why_and_leaves_nothing() {
    let world = World::new().await;
    let closed = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let declared = format!("http://{}/x", hangs_up("content-length: 4000\r\n\r\n").await);
    let chunked = format!("http://{}/x", hangs_up("transfer-encoding: chunked\r\n\r\nFA0\r\n").await);
    let with_login = format!("http://me:s3cret@{closed}/x?token=s3cret");
    for (url, sentence) in [
        ("WEB/file/none", "the server answered 404 Not Found; check the address"),
        ("WEB/private", "the server answered 403 Forbidden; it wants a login"),
        (&declared, "it ended early, after 3000 of 4000 bytes; try again"),
        (&chunked, "it ended early, after 3000 bytes; try again"),
        ("WEB/circle", "the server sends it round in circles; check the address"),
        (&with_login, "the server cannot be reached; check the address"),
        ("file:///nowhere/x", "the storage host has no such file"),
        ("file://elsewhere/etc/hostname", "it names another host; file URLs are of this one"),
        ("file:///etc/hostname", "it is outside the folders that the storage host gives images from"),
    ] {
        world.refused(world.request(url, "qcow2"), "image.download", sentence).await;
    }
    let link = format!("file://{}", world.dir.path().join("give/link").display());
    world.refused(world.request(&link, "raw"), "image.download", "it is outside the folders").await;
    let huge = format!("http://{}/x", hangs_up("content-length: 900000000000000000\r\n\r\n").await);
    world.refused(world.request(&huge, "raw"), "storage.no-space", "no space is left").await;
    world.refused(world.request("ftp://h/x", "raw"), "image.bad-url", "must begin with http://").await;
    let given = format!("file://{}", world.dir.path().join("give/data.qcow2").display());
    world.download(world.request(&given, "qcow2")).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_not_what_it_is_said_to_be_is_not_kept() {
    let world = World::new().await;
    let code = "image.not-as-expected";
    for (url, format, sentence) in [
        (
            "WEB/file/page.html",
            "qcow2",
            "it is of format raw (or no image at all) and not qcow2; add it with its own format",
        ),
        ("WEB/file/data.raw", "iso", "it is of format raw (or no image at all) and not iso"),
        ("WEB/file/data.qcow2", "raw", "it is of format qcow2 and not raw"),
        ("WEB/file/cd.iso", "qcow2", "it is an ISO image and not qcow2"),
        ("WEB/file/evil.qcow2", "qcow2", "it is only an overlay of another file; flatten it"),
    ] {
        world.refused(world.request(url, format), code, sentence).await;
    }
    let plain = || world.request("WEB/file/plain.qcow2", "qcow2");
    let wrong = DownloadImage { expected_sha256: "0".repeat(64), ..plain() };
    world.refused(wrong, code, "its SHA-256 checksum is").await;
    let wrong = DownloadImage { expected_md5: "0".repeat(32), ..plain() };
    world.refused(wrong, code, "its MD5 checksum is").await;
    let wrong = DownloadImage { expected_format: "vmdk".into(), ..plain() };
    world.refused(wrong, "image.unknown-format", "\"vmdk\" is no image format").await;
    let outside = DownloadImage { install_path: "../../etc/x".into(), ..plain() };
    world.refused(outside, "storage.bad-path", "it contains '..'").await;
    let outside = DownloadImage { storage_path: "/srv".into(), ..plain() };
    world.refused(outside, "storage.outside", "is not inside a storage of this host").await;
}

#[test]
fn a_full_disk_is_told_in_one_sentence() {
    use nix::{
        mount::{MsFlags, mount},
        sched::{CloneFlags, unshare},
    };
    let test = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNS).expect("this test needs root");
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>).unwrap();
        let dir = tempfile::tempdir().unwrap();
        mount(Some("tmpfs"), dir.path(), Some("tmpfs"), MsFlags::empty(), Some("size=16m")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::at(dir).await;
            let request = world.request("WEB/endless", "raw");
            world.refused(request, "storage.no-space", "no space is left for").await;
            nix::mount::umount2(world.dir.path(), nix::mount::MntFlags::MNT_DETACH).unwrap();
        });
    });
    if let Err(panic) = test.join() {
        std::panic::resume_unwind(panic);
    }
}

#[tokio::test]
async fn the_program_serves_over_tls_and_ends_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let authority = Authority::new().unwrap();
    let issued = authority.issue(&tls::agent_name(AGENT)).unwrap();
    for (name, pem) in [("ca", &issued.ca), ("cert", &issued.cert), ("key", &issued.key)] {
        std::fs::write(at(name), pem).unwrap();
    }
    let listen = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let config = format!(
        "agent_id = \"{AGENT}\"\nlisten = \"{listen}\"\njournal_dir = {:?}\n[tls]\nca = {:?}\ncert = {:?}\nkey = {:?}\n\
         [storage]\nstate_dir = {:?}\nfile_url_dirs = [{:?}]\n",
        at("journal"),
        at("ca"),
        at("cert"),
        at("key"),
        at("state"),
        at("")
    );
    std::fs::write(at("config.toml"), config).unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_cumulo-storage-agent"))
        .args(["--config", &at("config.toml")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let manager = authority.issue(tls::MANAGER_NAME).unwrap().identity().unwrap();
    let inbox = Arc::new(Inbox::default());
    let callbacks = tls::callback_server(&manager).unwrap();
    let _serving = inbox.serve((Ipv4Addr::LOCALHOST, 0).into(), callbacks).await.unwrap();
    let (_, client) = watch::channel(tls::client(&manager).unwrap());
    let link = AgentClient::new(&listen.to_string(), client, AGENT).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while link.ping().await.is_err() {
        assert!(Instant::now() < deadline, "the agent does not answer");
        sleep(Duration::from_millis(20)).await;
    }
    inbox.call(&link, Connect { header: None, agent_id: AGENT.into(), path: at("bs") }).await.unwrap();
    run("qemu-img create -q -f qcow2 image.qcow2 1M", dir.path());
    let request = DownloadImage {
        image_uuid: "90000000000000000000000000000001".into(),
        url: format!("file://{}", at("image.qcow2")),
        install_path: "1".into(),
        expected_format: "qcow2".into(),
        storage_path: at("bs"),
        ..DownloadImage::default()
    };
    assert_eq!(inbox.call(&link, request).await.unwrap().size, 1 << 20);
    assert!(inbox.wait_report(|r| r.storages.iter().any(|s| s.path == at("bs"))).await.is_some());
    let other = Connect { header: None, agent_id: "another".into(), path: at("bs") };
    assert_eq!(inbox.call(&link, other).await.unwrap_err().code(), Some("host.wrong-host"));
    run(&format!("kill -TERM {}", agent.id()), dir.path());
    let code = tokio::task::spawn_blocking(move || agent.wait().unwrap().code()).await.unwrap();
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn what_a_host_brings_is_taken_back_from_its_account_and_looked_at() {
    let world = World::new().await;
    let open = OpenUpload {
        image_uuid: "90000000000000000000000000000001".into(),
        install_path: "images/1/image".into(),
        storage_path: world.root(),
        username: "nobody".into(),
        ..OpenUpload::default()
    };
    let accept = |sha256: &str| AcceptUpload {
        image_uuid: open.image_uuid.clone(),
        install_path: open.install_path.clone(),
        storage_path: world.root(),
        expected_format: "qcow2".into(),
        expected_sha256: sha256.into(),
        ..AcceptUpload::default()
    };
    // As the account that hosts log in with.
    let bring = |file: &str, to: &str| {
        let line = format!("setpriv --reuid=nobody --regid=nogroup --clear-groups tee '{to}' < give/{file}");
        run(&line, world.dir.path());
    };
    let sum = |file: &str| {
        let sum = Command::new("sha256sum").arg(world.dir.path().join("give").join(file)).output().unwrap();
        String::from_utf8(sum.stdout).unwrap()[..64].to_owned()
    };
    run("chmod 755 . bs", world.dir.path());
    for (file, sha256, sentence) in [
        ("data.qcow2", "0".repeat(64), "its SHA-256 checksum is"),
        ("evil.qcow2", sum("evil.qcow2"), "it is only an overlay of another file"),
        ("data.raw", sum("data.raw"), "it is of format raw"),
    ] {
        let path = world.inbox.call(&*world.link, open.clone()).await.unwrap().path;
        bring(file, &path);
        let error = world.inbox.call(&*world.link, accept(&sha256)).await.unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(files(Path::new(&world.root())).is_empty(), "after {error}");
    }
    let path = world.inbox.call(&*world.link, open.clone()).await.unwrap().path;
    assert_eq!(path, format!("{}/images/1/image.incoming", world.root()));
    bring("data.qcow2", &path);
    let reply = world.inbox.call(&*world.link, accept(&sum("data.qcow2"))).await.unwrap();
    assert_eq!((reply.size, reply.format.as_str()), (3_000_320, "qcow2"));
    assert_eq!(files(Path::new(&world.root())), ["image"]);
    run("cmp give/data.qcow2 bs/images/1/image && test $(stat -c %u%a bs/images/1/image) = 0644", world.dir.path());
    // Half of one, which nobody waits for any more, goes with the image.
    let other = OpenUpload { install_path: "images/2/image".into(), ..open };
    world.inbox.call(&*world.link, other).await.unwrap();
    for install_path in ["images/1/image", "images/2/image"] {
        let storage_path = world.root();
        let delete = DeleteImage { install_path: install_path.into(), storage_path, ..DeleteImage::default() };
        world.inbox.call(&*world.link, delete).await.unwrap();
    }
    assert!(files(Path::new(&world.root())).is_empty());
}

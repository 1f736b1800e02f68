//! The real program as a child process, and a client of it that expects to be answered.
//!
//! For tests: what goes otherwise than expected is a panic with the end of the program's log.

use std::{
    ffi::OsString,
    fs,
    net::IpAddr,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use cumulo_schema::{ErrorCode, Uuid};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{Calls, cloud::PASSWORD};

/// The playbooks of the tree; which program plays them is a matter of `PATH`.
const PLAYBOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ansible");
/// Longest that a test waits for a process or a job.
const PATIENCE: Duration = Duration::from_secs(30);

/// A data directory, and the management node that lives on it at times.
#[derive(Debug)]
pub struct Node {
    program: PathBuf,
    dir: TempDir,
    client: reqwest::Client,
    session: String,
    callback: String,
    path: Option<OsString>,
    life: Option<Life>,
}

/// How a start ended.
enum Wake {
    Ready,
    /// Before it was ready.
    Ended(ExitStatus),
    /// It took too long and is killed.
    Late,
}

#[derive(Debug)]
struct Life {
    child: Child,
    base: String,
    /// Kept open: the program's words must not fail.
    _stdout: BufReader<ChildStdout>,
}

impl Node {
    /// A node of `program` in its first life.
    pub async fn new(program: &Path) -> Self {
        let mut node = Self::unborn(program, "");
        assert!(node.start("").await, "the first life begins:\n{}", node.log());
        node.log_in().await;
        node
    }

    /// A node of `program` that has not lived yet, with the settings in `config`.
    pub fn unborn(program: &Path, config: &str) -> Self {
        // Both ends of the workspace use rustls without a default; the client of plain HTTP needs one all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("cumulo.toml"), config).expect("written");
        let (program, session, callback) = (program.to_owned(), String::new(), "127.0.0.1:0".to_owned());
        Self { program, dir, client, session, callback, path: None, life: None }
    }

    /// Has agents call it back at `address`, from its next start on.
    pub fn call_back_at(&mut self, address: IpAddr) {
        self.callback = format!("{address}:0");
    }

    /// Has it find `ansible-playbook` in `path`, from its next start on.
    pub fn deploy_with(&mut self, path: OsString) {
        self.path = Some(path);
    }

    /// Opens the session that calls are made with.
    pub async fn log_in(&mut self) {
        self.session = self.session_of("admin").await;
    }

    /// A session of `account`, whose password is that of all here.
    pub async fn session_of(&self, account: &str) -> String {
        Calls::session_of(self, account).await
    }

    /// The session that calls are made with; empty before [`Node::log_in`].
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Makes calls with the session of `other`.
    pub fn use_session_of(&mut self, other: &Self) {
        self.session.clone_from(&other.session);
    }

    /// Has it share the secrets of `other`, which has lived: those of nodes that share a database. It has not lived yet.
    ///
    /// # Errors
    /// When they cannot be copied.
    pub fn share_secrets_of(&self, other: &Self) -> std::io::Result<()> {
        fs::create_dir_all(self.data().join("ca"))?;
        for secret in ["key", "ca/ca.pem", "ca/ca-key.pem"] {
            fs::copy(other.data().join(secret), self.data().join(secret))?;
        }
        Ok(())
    }

    /// Starts the program over the data that is there, with `orders` of where to die. False when it died of them before it
    /// was ready.
    pub async fn start(&mut self, orders: &str) -> bool {
        match self.wake(orders).await {
            Wake::Ready => true,
            Wake::Ended(ended) => {
                self.assert_killed(ended);
                false
            }
            Wake::Late => panic!("it was not ready within {PATIENCE:?}:\n{}", self.log()),
        }
    }

    /// Starts the program as a supervisor does. False when it ended, or was killed for being late: what it needs is away.
    pub async fn try_start(&mut self) -> bool {
        matches!(self.wake("").await, Wake::Ready)
    }

    async fn wake(&mut self, orders: &str) -> Wake {
        assert!(self.life.is_none(), "the node lives");
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.path("cumulo.toml")).arg("--data-dir").arg(self.data());
        command.args(["--listen", "127.0.0.1:0", "--callback-listen", &self.callback, "--ansible-dir", PLAYBOOKS]);
        command.envs(self.path.as_ref().map(|path| ("PATH", path)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        if self.session.is_empty() {
            command.env("CUMULO_ADMIN_PASSWORD", PASSWORD);
        }
        if !orders.is_empty() {
            command.env("CUMULO_FAULTS", orders);
        }
        let mut child = command.spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        match timeout(PATIENCE, stdout.read_line(&mut line)).await.map(|read| read.expect("readable")) {
            Err(_) => {
                child.kill().await.expect("it is ours to kill");
                Wake::Late
            }
            Ok(0) => Wake::Ended(self.end_of(child).await),
            Ok(_) => {
                let base = line.strip_prefix("ready at ").and_then(|rest| rest.split(' ').next());
                let base = base.unwrap_or_else(|| panic!("it says: {line}")).to_owned();
                self.life = Some(Life { child, base, _stdout: stdout });
                Wake::Ready
            }
        }
    }

    /// Waits until the program has died of its orders.
    pub async fn dies(&mut self) {
        let life = self.life.take().expect("the node lives");
        self.await_death(life.child).await;
    }

    /// Kills it now.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let life = self.life.take().expect("the node lives");
        self.await_death(life.child).await;
    }

    /// Stops it in order.
    pub async fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.buried(true).await;
    }

    /// As [`Node::stop`], but it may take `patience`, end otherwise, or be killed for not ending; false then.
    pub async fn try_stop(&mut self, patience: Duration) -> bool {
        self.signal(Signal::SIGTERM);
        let mut life = self.life.take().expect("the node lives");
        match timeout(patience, life.child.wait()).await {
            Ok(ended) => ended.expect("a child").success(),
            Err(_) => {
                life.child.kill().await.expect("it is ours to kill");
                false
            }
        }
    }

    /// Waits for the end of what was sent a signal; `in_order` or by SIGKILL.
    pub async fn buried(&mut self, in_order: bool) {
        let mut life = self.life.take().expect("the node lives");
        if !in_order {
            return self.await_death(life.child).await;
        }
        let ended = timeout(PATIENCE, life.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("it does not stop within {PATIENCE:?}:\n{}", self.log()));
        assert!(ended.expect("a child").success(), "it ended otherwise:\n{}", self.log());
    }

    /// Sends its process a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).expect("the node lives");
        kill(Pid::from_raw(pid), signal).expect("the process is there");
    }

    async fn await_death(&self, child: Child) {
        let ended = self.end_of(child).await;
        self.assert_killed(ended);
    }

    async fn end_of(&self, mut child: Child) -> ExitStatus {
        let ended = timeout(PATIENCE, child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it lives on after {PATIENCE:?}:\n{}", self.log())).expect("a child")
    }

    fn assert_killed(&self, ended: ExitStatus) {
        assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32), "it ended otherwise:\n{}", self.log());
    }

    /// The id of its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.life.as_ref()?.child.id()
    }

    /// Whether its process runs, as far as anybody was told.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Where its API is, while it runs: `http://127.0.0.1:PORT/zstack/v1`.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.life.as_ref().map(|life| life.base.as_str())
    }

    /// The folder of its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The file that the program logs to in all its lives.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.path("log")
    }

    /// The end of what the program logged in all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        const LINES: usize = 40;
        let text = fs::read_to_string(Path::new(&self.path("log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let base = &self.life.as_ref().expect("the node lives").base;
        let request = self.client.request(method.parse().expect("a verb"), format!("{base}{path}"));
        match self.session.is_empty() {
            true => request,
            false => request.header("Authorization", format!("OAuth {}", self.session)),
        }
    }

    /// Calls an API and waits for its job, where it makes one.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, ErrorCode> {
        let (status, answer) = self.send(self.request(method, path).json(body)).await;
        if status != 202 {
            return outcome(status, answer);
        }
        let job = answer["location"].as_str().and_then(|place| place.rsplit('/').next()).expect("a job");
        self.answer(job.parse().expect("a uuid")).await.expect("an accepted job is known")
    }

    /// As [`Node::call`], for what must succeed; answers the inventory.
    pub async fn make(&self, method: &str, path: &str, body: Value) -> Value {
        Calls::make(self, method, path, body).await
    }

    /// The inventories at `path`.
    pub async fn query(&self, path: &str) -> Vec<Value> {
        Calls::query(self, path).await
    }

    /// Sends a call whose job is to be `job`, and says whether it was accepted. The program may be dead before it can say so.
    pub async fn submit(&self, job: Uuid, method: &str, path: &str, body: &Value) -> bool {
        let request = self.request(method, path).json(body).header("X-Job-UUID", job.to_string());
        match request.send().await {
            Ok(answer) if answer.status() == 202 => true,
            // It steps down.
            Ok(answer) if answer.status() == 503 => false,
            Ok(answer) => panic!("{}: {:?}", answer.status(), answer.text().await),
            Err(_) => false,
        }
    }

    /// How the job `job` ended; `None` when nobody knows it.
    pub async fn answer(&self, job: Uuid) -> Option<Result<Value, ErrorCode>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, answer) = self.send(self.request("GET", &format!("/api-jobs/{job}"))).await;
            match status {
                404 => return None,
                202 => {}
                other => return Some(outcome(other, answer)),
            }
            assert!(Instant::now() < deadline, "the job is not answered within {PATIENCE:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.expect("the node answers");
        let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn outcome(status: u16, mut answer: Value) -> Result<Value, ErrorCode> {
    match status {
        200 => Ok(answer),
        503 => Err(serde_json::from_value(answer["error"].take()).expect("an error")),
        other => panic!("{other}: {answer}"),
    }
}

//! The real program as a child process, and a client of it.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use cumulo_schema::{ErrorCode, Uuid};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const PASSWORD: &str = "password";
/// Longest that a test waits for a process or a job.
const PATIENCE: Duration = Duration::from_secs(30);

/// A data directory, and the management node that lives on it at times.
pub(crate) struct Node {
    dir: TempDir,
    client: reqwest::Client,
    session: String,
    life: Option<Life>,
}

struct Life {
    child: Child,
    base: String,
    /// Kept open: the program's words must not fail.
    _stdout: BufReader<ChildStdout>,
}

impl Node {
    /// A node in its first life.
    pub(crate) async fn new() -> Self {
        let mut node = Self::unborn("");
        assert!(node.start("").await, "the first life begins:\n{}", node.log());
        node.log_in().await;
        node
    }

    /// A node that has not lived yet, with the settings in `config`.
    pub(crate) fn unborn(config: &str) -> Self {
        // Both ends of the workspace use rustls without a default; the client of plain HTTP needs one all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("cumulo.toml"), config).expect("written");
        Self { dir, client, session: String::new(), life: None }
    }

    /// Opens the session that calls are made with.
    pub(crate) async fn log_in(&mut self) {
        let login =
            json!({ "logInByAccount": { "accountName": "admin", "password": hex::encode(Sha512::digest(PASSWORD)) } });
        let answer = self.call("PUT", "/accounts/login", &login).await.expect("logs in");
        answer["inventory"]["uuid"].as_str().expect("a session").clone_into(&mut self.session);
    }

    /// Makes calls with the session of `other`.
    pub(crate) fn use_session_of(&mut self, other: &Self) {
        self.session.clone_from(&other.session);
    }

    /// Starts the program over the data that is there, with `orders` of where to die. False when it died of them before it
    /// was ready.
    pub(crate) async fn start(&mut self, orders: &str) -> bool {
        assert!(self.life.is_none(), "the node lives");
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cumulo-manager"));
        command.arg("--config").arg(self.path("cumulo.toml")).arg("--data-dir").arg(self.data());
        command.args(["--listen", "127.0.0.1:0", "--callback-listen", "127.0.0.1:0"]);
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
        let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
        let read = read.unwrap_or_else(|_| panic!("it was not ready within {PATIENCE:?}:\n{}", self.log()));
        if read.expect("readable") == 0 {
            self.await_death(child).await;
            return false;
        }
        let base = line.strip_prefix("ready at ").and_then(|rest| rest.split(' ').next());
        let base = base.unwrap_or_else(|| panic!("it says: {line}")).to_owned();
        self.life = Some(Life { child, base, _stdout: stdout });
        true
    }

    /// Waits until the program has died of its orders.
    pub(crate) async fn dies(&mut self) {
        let life = self.life.take().expect("the node lives");
        self.await_death(life.child).await;
    }

    /// Kills it now.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let life = self.life.take().expect("the node lives");
        self.await_death(life.child).await;
    }

    /// Stops it in order.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.buried(true).await;
    }

    /// Waits for the end of what was sent a signal; `in_order` or by SIGKILL.
    pub(crate) async fn buried(&mut self, in_order: bool) {
        let mut life = self.life.take().expect("the node lives");
        if !in_order {
            return self.await_death(life.child).await;
        }
        let ended = timeout(PATIENCE, life.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("it does not stop within {PATIENCE:?}:\n{}", self.log()));
        assert!(ended.expect("a child").success(), "it ended otherwise:\n{}", self.log());
    }

    /// Sends its process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let life = self.life.as_ref().expect("the node lives");
        let pid = life.child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
        kill(Pid::from_raw(pid), signal).expect("the process is there");
    }

    async fn await_death(&self, mut child: Child) {
        let ended = timeout(PATIENCE, child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("it lives on after {PATIENCE:?}:\n{}", self.log()));
        let signal = ended.expect("a child").signal();
        assert_eq!(signal, Some(Signal::SIGKILL as i32), "it ended otherwise:\n{}", self.log());
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The end of what the program logged in all its lives.
    pub(crate) fn log(&self) -> String {
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
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, ErrorCode> {
        let (status, answer) = self.send(self.request(method, path).json(body)).await;
        if status != 202 {
            return outcome(status, answer);
        }
        let job = answer["location"].as_str().and_then(|place| place.rsplit('/').next()).expect("a job");
        self.answer(job.parse().expect("a uuid")).await.expect("an accepted job is known")
    }

    /// As [`Node::call`], for what must succeed; answers the inventory.
    pub(crate) async fn make(&self, method: &str, path: &str, body: Value) -> Value {
        match self.call(method, path, &body).await {
            Ok(mut answer) => answer["inventory"].take(),
            Err(error) => panic!("{method} {path} {body}: {error}"),
        }
    }

    /// The inventories at `path`.
    pub(crate) async fn query(&self, path: &str) -> Vec<Value> {
        let mut answer = self.call("GET", path, &Value::Null).await.expect("answered");
        answer["inventories"].as_array_mut().map(std::mem::take).expect("inventories")
    }

    /// Sends a call whose job is to be `job`, and says whether it was accepted. The program may be dead before it can say so.
    pub(crate) async fn submit(&self, job: Uuid, method: &str, path: &str, body: &Value) -> bool {
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
    pub(crate) async fn answer(&self, job: Uuid) -> Option<Result<Value, ErrorCode>> {
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

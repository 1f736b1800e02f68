//! The node and a client of it.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use cumulo_contracts::resource::{
    Host, Image, ImageBackupStorageRef, KVMHost, LocalStorageHostRef, LocalStorageResourceRef, PrimaryStorage,
    SimulatorHost, UsedIp, VmCdRom, VmInstance, VmNic, Volume,
};
use cumulo_kernel::{Kernel, bus::Caller, query::Select, quota::QuotaClaim};
use cumulo_manager::{Node, config::Config};
use cumulo_plugin_simulator::{SimulatorFile, SimulatorStorage, SimulatorVm};
use cumulo_schema::{
    ErrorCode, Resource, ResourceMeta, Uuid,
    system::{AccountResourceRef, GarbageCollector, Quota, SystemTag, UserTag},
};
use cumulo_testdb::TestDatabase;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::Sims;

/// The admin account's password.
const PASSWORD: &str = "password";
/// Longest a test waits for a job.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node with its data and its machines.
#[derive(Debug)]
pub struct World {
    node: Option<Node>,
    /// The machines.
    pub sims: Sims,
    database: TestDatabase,
    patience: u64,
    client: reqwest::Client,
    session: String,
    bus: Option<String>,
}

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The error envelope.
    Error(Box<ErrorCode>),
    /// A transport error: status and text.
    Text(u16, String),
}

impl Refused {
    /// The error.
    ///
    /// # Panics
    /// On a transport error.
    #[must_use]
    pub fn error(self) -> ErrorCode {
        match self {
            Refused::Error(error) => *error,
            Refused::Text(status, text) => panic!("no error envelope but {status} {text}"),
        }
    }
}

impl World {
    /// A fresh node without anything.
    pub async fn new() -> Self {
        Self::over(TestDatabase::new().await, Config::default().database_patience).await
    }

    /// A fresh node over an empty `database`, for whose server it waits `patience` seconds.
    pub async fn over(database: TestDatabase, patience: u64) -> Self {
        Self::of(database, patience, None).await
    }

    /// As [`World::new`], with a node that is connected to the message broker at `bus`.
    pub async fn with_bus(bus: String) -> Self {
        Self::of(TestDatabase::new().await, Config::default().database_patience, Some(bus)).await
    }

    async fn of(database: TestDatabase, patience: u64, bus: Option<String>) -> Self {
        // Both ends of the workspace use rustls without a default; the client of plain HTTP needs one all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (sims, session) = (Sims::default(), String::new());
        let mut world = Self { node: None, sims, database, patience, client, session, bus };
        world.start().await;
        world
    }

    /// Starts the node over the data that is there.
    ///
    /// # Panics
    /// When it runs, or does not start.
    pub async fn start(&mut self) {
        assert!(self.node.is_none(), "the node runs");
        let config = Config {
            data_dir: self.database.path().join("data"),
            database: self.database.url(),
            database_connections: 16,
            database_patience: self.patience,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            bus: self.bus.clone(),
            ..Config::default()
        };
        let deployer = self.sims.deployer();
        let node = Node::start_simulated(&config, Some(PASSWORD), deployer.clone(), |gateway| deployer.serve(gateway));
        self.node = Some(node.await.expect("the node starts"));
        self.session = self.log_in("admin", PASSWORD).await;
    }

    /// Opens a session of the account called `name`; calls go on with the one they had.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn log_in(&self, name: &str, password: &str) -> String {
        let params = json!({ "accountName": name, "password": sent(password) });
        let session = self.make("PUT", "/accounts/login", json!({ "logInByAccount": params })).await;
        session["uuid"].as_str().expect("a session").to_owned()
    }

    /// Makes an ordinary account, with its name as its password, and answers its id and a session of it.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn account(&self, name: &str) -> (String, String) {
        let account = json!({ "params": { "name": name, "password": sent(name) } });
        let account = self.make("POST", "/accounts", account).await;
        (account["uuid"].as_str().expect("a uuid").to_owned(), self.log_in(name, name).await)
    }

    /// Calls are made with `session` from now on; answers the one before, which at first is one of the admin's.
    pub fn use_session(&mut self, session: String) -> String {
        std::mem::replace(&mut self.session, session)
    }

    /// Stops the node in order.
    pub async fn stop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop().await;
        }
    }

    /// The node's kernel.
    ///
    /// # Panics
    /// When the node is stopped.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        self.node.as_ref().expect("the node runs").kernel()
    }

    /// Where the node answers clients.
    ///
    /// # Panics
    /// When the node is stopped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.node.as_ref().expect("the node runs").api_address()
    }

    /// Calls an API and waits for its job, where it makes one.
    ///
    /// # Errors
    /// What the node answered instead of success.
    ///
    /// # Panics
    /// When the node does not answer, or a job does not end within a minute.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let node = self.node.as_ref().expect("the node runs");
        let base = format!("http://{}", node.api_address());
        let method = method.parse().expect("a verb");
        let mut request = self.client.request(method, format!("{base}/zstack/v1{path}")).json(body);
        if !self.session.is_empty() {
            request = request.header("Authorization", format!("OAuth {}", self.session));
        }
        let (status, text) = self.send(request).await;
        if status != 202 {
            return read(status, &text);
        }
        let accepted: Value = serde_json::from_str(&text).expect("JSON");
        let location = accepted["location"].as_str().expect("a location").to_owned();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, text) = self.send(self.client.get(&location).header("Prefer", "wait=10")).await;
            if status != 202 {
                return read(status, &text);
            }
            assert!(Instant::now() < deadline, "{path} did not end within {PATIENCE:?}");
        }
    }

    /// Sends a call that makes a job and does not wait for it.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn submit(&self, job: Uuid, method: &str, path: &str, body: &Value) {
        self.submit_with(job, (method, path), body, &[]).await;
    }

    /// As [`World::submit`], with more headers.
    ///
    /// # Panics
    /// As there.
    pub async fn submit_with(
        &self,
        job: Uuid,
        (method, path): (&str, &str),
        body: &Value,
        headers: &[(&'static str, &'static str)],
    ) {
        let node = self.node.as_ref().expect("the node runs");
        let url = format!("http://{}/zstack/v1{path}", node.api_address());
        let request = self.client.request(method.parse().expect("a verb"), url).json(body);
        let request =
            request.header("Authorization", format!("OAuth {}", self.session)).header("X-Job-UUID", job.to_string());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (status, text) = self.send(request).await;
        assert_eq!(status, 202, "{text}");
    }

    /// How the job `job` ended; `None` while it runs.
    ///
    /// # Panics
    /// When the node does not answer.
    pub async fn poll(&self, job: Uuid) -> Option<Result<Value, Refused>> {
        let node = self.node.as_ref().expect("the node runs");
        let url = format!("http://{}/zstack/v1/api-jobs/{job}", node.api_address());
        let (status, text) = self.send(self.client.get(url)).await;
        (status != 202).then(|| read(status, &text))
    }

    /// Waits until the node `died` and no flow runs any more.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub async fn cut_off(&self, died: &AtomicBool) {
        let deadline = Instant::now() + PATIENCE;
        while !died.load(Ordering::SeqCst) || self.kernel().flows().running_count() > 0 {
            assert!(Instant::now() < deadline, "the flow still runs after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What Prometheus gets of the node.
    ///
    /// # Panics
    /// When the node does not answer.
    pub async fn scrape(&self) -> String {
        let address = self.node.as_ref().and_then(Node::metrics_address).expect("the node serves metrics");
        let (status, text) = self.send(self.client.get(format!("http://{address}/metrics"))).await;
        assert_eq!(status, 200, "{text}");
        text
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let answer = request.send().await.expect("the node answers");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Calls an API that must succeed and answers its `inventory`.
    ///
    /// # Panics
    /// When it does not succeed.
    pub async fn make(&self, method: &str, path: &str, body: Value) -> Value {
        match self.call(method, path, &body).await {
            Ok(mut answer) => answer["inventory"].take(),
            Err(refused) => panic!("{method} {path} {body}: {refused:?}"),
        }
    }

    /// The inventories at `path`.
    ///
    /// # Panics
    /// When the question is refused.
    pub async fn query(&self, path: &str) -> Vec<Value> {
        let mut answer = self.call("GET", path, &Value::Null).await.expect("answered");
        match answer["inventories"].take() {
            Value::Array(rows) => rows,
            other => panic!("no inventories but {other}"),
        }
    }

    /// Every row that a VM touches, without times, as one value to be compared.
    ///
    /// # Panics
    /// When the database cannot be read.
    pub async fn rows(&self) -> Map<String, Value> {
        const TOUCHED: [&ResourceMeta; 20] = [
            VmInstance::META,
            VmNic::META,
            VmCdRom::META,
            Volume::META,
            Image::META,
            ImageBackupStorageRef::META,
            UsedIp::META,
            Host::META,
            KVMHost::META,
            SimulatorHost::META,
            SimulatorVm::META,
            SimulatorStorage::META,
            SimulatorFile::META,
            PrimaryStorage::META,
            LocalStorageHostRef::META,
            LocalStorageResourceRef::META,
            AccountResourceRef::META,
            Quota::META,
            QuotaClaim::META,
            SystemTag::META,
        ];
        let mut rows = Map::new();
        for meta in TOUCHED.into_iter().chain([UserTag::META]) {
            let found =
                self.kernel().query().run(&Caller::SYSTEM, &Select { limit: 100_000, ..Select::of(meta) }).await;
            let found = found.expect("readable").inventories.unwrap_or_default();
            let mut texts: Vec<String> =
                found.into_iter().map(|row| Value::Object(without_times(row)).to_string()).collect();
            texts.sort();
            rows.insert(meta.name.to_owned(), texts.into());
        }
        let owed = self.kernel().db().select::<GarbageCollector>();
        let owed =
            owed.ne(GarbageCollector::STATUS, &cumulo_schema::system::GcStatus::Done).count().await.expect("readable");
        rows.insert("owed".to_owned(), owed.into());
        rows
    }
}

/// A password as clients send it.
fn sent(password: &str) -> String {
    hex::encode(Sha512::digest(password))
}

fn without_times(mut row: Map<String, Value>) -> Map<String, Value> {
    row.retain(|name, _| !name.ends_with("Date"));
    row
}

fn read(status: u16, text: &str) -> Result<Value, Refused> {
    if status == 200 {
        return Ok(serde_json::from_str(text).expect("JSON"));
    }
    let error = serde_json::from_str::<Value>(text).ok().map(|mut body| body["error"].take());
    match error.and_then(|error| serde_json::from_value(error).ok()) {
        Some(error) => Err(Refused::Error(Box::new(error))),
        None => Err(Refused::Text(status, text.to_owned())),
    }
}

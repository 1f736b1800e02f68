//! What a client does with a VM from its first to its last moment: calls that make jobs, and questions between them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{cloud::Cloud, ms, stage::Stage};

/// Longest that a client waits for one answer: what takes longer is not answered at all.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long a poll of a job is held, in seconds.
const HELD_S: u32 = 20;

/// Clients with connections of their own, which end with this.
pub(super) struct Clients<'s> {
    http: reqwest::Client,
    stage: &'s Stage,
    cloud: &'s Cloud,
    seen: Mutex<Seen>,
}

/// What clients saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Lives that came to their end.
    pub(super) lives: usize,
    /// How long calls took that were accepted as jobs, and questions, in milliseconds.
    pub(super) jobs: Vec<f64>,
    pub(super) questions: Vec<f64>,
    /// Calls that were told to come back, and for how long at most, in seconds.
    pub(super) shed: usize,
    pub(super) longest_pause: u64,
    /// What ended otherwise than it should, in words.
    pub(super) failed: Vec<String>,
    /// VMs whose life was cut short.
    pub(super) left: Vec<String>,
}

/// How a life ended before its time.
enum Stopped {
    /// The node took no more VMs.
    Unborn,
    Failed(String),
}

/// How a try to make a call ended.
enum Tried {
    Done(Value),
    /// The node is busy; the call may be made again after so many seconds.
    Shed(u64),
}

impl<'s> Clients<'s> {
    pub(super) fn new(stage: &'s Stage, cloud: &'s Cloud) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { http, stage, cloud, seen: Mutex::default() })
    }

    /// What they saw.
    pub(super) fn seen(self) -> Seen {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes VM `name` through its life. Where the node has no place for a new one, that is the end of it; what is shed later
    /// is asked again when the node says so, as of clients that are told to come back.
    pub(super) async fn live(&self, name: String) {
        let mut vm = None;
        let end = self.days(&name, &mut vm).await;
        let mut seen = self.note();
        match end {
            Ok(()) => seen.lives += 1,
            Err(stopped) => {
                seen.left.extend(vm);
                if let Stopped::Failed(why) = stopped {
                    seen.failed.push(why);
                }
            }
        }
    }

    async fn days(&self, name: &str, born: &mut Option<String>) -> Result<(), Stopped> {
        let wanted = json!({ "params": self.cloud.vm(name) });
        let Tried::Done(made) = self.attempt("POST", "/vm-instances", &wanted).await? else {
            return Err(Stopped::Unborn);
        };
        let uuid = made["inventory"]["uuid"].as_str().unwrap_or_default().to_owned();
        let path = format!("/vm-instances/{uuid}");
        *born = Some(uuid.clone());
        let act = |action: &str, params: Value| {
            let mut body = json!({});
            body[action] = params;
            (format!("{path}/actions"), body)
        };
        self.ask(&format!("/vm-instances?q=name={name}"), 1).await?;
        let tag = json!({ "params": { "resourceType": "VmInstanceVO", "resourceUuid": uuid, "tag": name } });
        self.call("POST", "/user-tags", tag).await?;
        self.ask(&format!("/vm-instances?q=__userTag__={name}&q=state=Running"), 1).await?;
        for (action, params) in [
            ("stopVmInstance", json!({ "type": "cold" })),
            ("updateVmInstance", json!({ "description": "it had a life" })),
            ("startVmInstance", json!({})),
        ] {
            let (path, body) = act(action, params);
            self.call("PUT", &path, body).await?;
        }
        self.ask(&format!("/vm-instances/nics?q=vmInstanceUuid={uuid}"), 1).await?;
        self.call("DELETE", &path, Value::Null).await?;
        let (actions, body) = act("expungeVmInstance", json!({}));
        self.call("PUT", &actions, body).await?;
        self.ask(&format!("/vm-instances?q=uuid={uuid}"), 0).await
    }

    async fn ask(&self, path: &str, expected: usize) -> Result<(), Stopped> {
        let begun = Instant::now();
        let (status, _, answer) = self.send("GET", path, &Value::Null, false).await?;
        self.note().questions.push(ms(begun.elapsed()));
        let found = answer["inventories"].as_array().map(Vec::len);
        match found == Some(expected) {
            true => Ok(()),
            false => Err(Stopped::Failed(format!("GET {path}: {status} {answer}"))),
        }
    }

    /// Makes a call until it is taken.
    async fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, Stopped> {
        let since = Instant::now();
        loop {
            match self.attempt(method, path, &body).await? {
                Tried::Done(answer) => return Ok(answer),
                Tried::Shed(seconds) if since.elapsed() < PATIENCE => sleep(Duration::from_secs(seconds)).await,
                Tried::Shed(_) => {
                    return Err(Stopped::Failed(format!("{method} {path}: nobody took it in {PATIENCE:?}")));
                }
            }
        }
    }

    /// Makes a call once, and waits for its job, where it makes one.
    async fn attempt(&self, method: &str, path: &str, body: &Value) -> Result<Tried, Stopped> {
        let begun = Instant::now();
        let failed =
            |status: StatusCode, answer: &Value| Stopped::Failed(format!("{method} {path}: {status} {answer}"));
        let (status, pause, accepted) = self.send(method, path, body, false).await?;
        let answer = match (status, pause) {
            (StatusCode::OK, _) => accepted,
            (StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => {
                let mut seen = self.note();
                seen.shed += 1;
                seen.longest_pause = seen.longest_pause.max(seconds);
                return Ok(Tried::Shed(seconds));
            }
            (StatusCode::ACCEPTED, _) => {
                let location = accepted["location"].as_str().unwrap_or_default().to_owned();
                loop {
                    let (status, _, answer) = self.send("GET", &location, &Value::Null, true).await?;
                    match status {
                        StatusCode::OK => break answer,
                        StatusCode::ACCEPTED if begun.elapsed() < PATIENCE => {}
                        status => return Err(failed(status, &answer)),
                    }
                }
            }
            (status, _) => return Err(failed(status, &accepted)),
        };
        self.note().jobs.push(ms(begun.elapsed()));
        Ok(Tried::Done(answer))
    }

    /// The status, the seconds of `Retry-After`, and the body. A `whole` address is not below that of the API.
    async fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        whole: bool,
    ) -> Result<(StatusCode, Option<u64>, Value), Stopped> {
        let send = async {
            let base = if whole { "" } else { self.stage.base() };
            let request = self.http.request(method.parse()?, format!("{base}{path}")).json(body);
            let request = request.header("Authorization", self.stage.session());
            let request = if whole { request.header("Prefer", format!("wait={HELD_S}")) } else { request };
            let answer = request.send().await?;
            let pause = answer.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
            let (status, text) = (answer.status(), answer.text().await?);
            anyhow::Ok((status, pause, serde_json::from_str(&text).unwrap_or(Value::String(text))))
        };
        send.await.map_err(|error| Stopped::Failed(format!("{method} {path}: {error:#}")))
    }
}

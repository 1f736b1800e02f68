//! A client that nothing is promised: nodes do not answer, refuse, or die with its call. It follows each call to its end,
//! on whichever node tells.
//!
//! A call keeps its job id over all tries, so it may be sent until some node has taken it, and even to two nodes at once:
//! done once it must be all the same. Only a node that said it took a job has to know it afterwards.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cumulo_schema::{ErrorCode, Uuid};
use rand::{Rng, rngs::StdRng, seq::IteratorRandom};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    history::History,
    http::{Http, Request},
    outcome::{Finding, Kind},
};

/// Longest that a call may take with all that happens to it. No fault lasts so long.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long a node has for an answer before another one is asked; a poll may be held for half of it.
const ANSWER: Duration = Duration::from_secs(4);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the nodes are that live, as far as anybody was told.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<usize, String>>);

impl Board {
    /// A node is there.
    pub fn put(&self, node: usize, base: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node, base.to_owned());
    }

    /// A node is gone.
    pub fn remove(&self, node: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
    }

    fn any(&self, random: &mut StdRng) -> Option<(usize, String)> {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        board.iter().choose(random).map(|(node, base)| (*node, base.clone()))
    }
}

/// What a node said to a call.
#[derive(Debug)]
enum Said {
    /// It took the job.
    Taken,
    /// There is a job of that id already.
    Known,
    /// It did not take it, or did not say.
    Nothing,
    /// What no node should say, and what it counts as.
    Nonsense(Kind, String),
}

/// What a node said of a job.
enum Told {
    Ended(Result<Value, ErrorCode>),
    /// It runs, or the node does not answer.
    Later,
    Unknown,
}

/// A client with a session.
#[derive(Debug)]
pub(crate) struct Caller {
    http: Arc<dyn Http>,
    session: String,
    board: Arc<Board>,
    history: Arc<History>,
    random: StdRng,
}

impl Caller {
    pub(crate) fn new(
        http: Arc<dyn Http>,
        session: &str,
        board: Arc<Board>,
        history: Arc<History>,
        random: StdRng,
    ) -> Self {
        Self { http, session: session.to_owned(), board, history, random }
    }

    /// Makes a call and answers what its job ended with.
    ///
    /// # Errors
    /// When it was not answered in time, or not as a call may be.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Result<Value, ErrorCode>, Finding> {
        let (job, since) = (uuid(&mut self.random), Instant::now());
        self.history.note(format!("job {job}: {method} {path} {body}"));
        let outcome = self.follow(job, since, method, path, body).await;
        match &outcome {
            Ok(Ok(_)) => self.history.note(format!("job {job} is done")),
            Ok(Err(error)) => self.history.note(format!("job {job} failed: {error}")),
            Err(finding) => self.history.note(format!("job {job}: {finding}")),
        }
        outcome
    }

    async fn follow(
        &mut self,
        job: Uuid,
        since: Instant,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Result<Value, ErrorCode>, Finding> {
        let mut taken = false;
        let mut known = false;
        while since.elapsed() < PATIENCE {
            if !known {
                let twice = self.random.random_ratio(1, 10);
                match self.submit(job, method, path, body, twice).await {
                    Said::Taken => (taken, known) = (true, true),
                    Said::Known => known = true,
                    Said::Nothing => sleep(PAUSE).await,
                    Said::Nonsense(kind, what) => {
                        return Err(Finding { kind, what: format!("{method} {path} is answered by {what}") });
                    }
                }
                continue;
            }
            match self.poll(job).await {
                Told::Ended(outcome) => return Ok(outcome),
                Told::Later => sleep(PAUSE).await,
                Told::Unknown if taken => {
                    return Err(Finding::lost(format!("job {job} of {method} {path} was accepted and is not known")));
                }
                // The node that knew it had refused it, and took it back.
                Told::Unknown => known = false,
            }
        }
        let state = if taken { "accepted and not answered" } else { "not accepted" };
        Err(Finding::lost(format!("job {job} of {method} {path} is {state} within {PATIENCE:?}")))
    }

    /// Sends a call to some node, or to two at once.
    async fn submit(&mut self, job: Uuid, method: &str, path: &str, body: &Value, twice: bool) -> Said {
        let (one, other) = (self.board.any(&mut self.random), self.board.any(&mut self.random));
        let other = other.filter(|_| twice);
        let (one, other) =
            tokio::join!(self.send(one, job, method, path, body), self.send(other, job, method, path, body));
        match (one, other) {
            (Said::Taken, Said::Taken) => {
                Said::Nonsense(Kind::Doubled, format!("two nodes, which took the same job {job}"))
            }
            (nonsense @ Said::Nonsense(..), _) | (_, nonsense @ Said::Nonsense(..)) => nonsense,
            (Said::Taken, _) | (_, Said::Taken) => Said::Taken,
            (Said::Known, _) | (_, Said::Known) => Said::Known,
            (Said::Nothing, Said::Nothing) => Said::Nothing,
        }
    }

    async fn send(&self, to: Option<(usize, String)>, job: Uuid, method: &str, path: &str, body: &Value) -> Said {
        let Some((node, base)) = to else { return Said::Nothing };
        let mut request = self.request(method, format!("{base}{path}"));
        request.headers.push(("X-Job-UUID", job.to_string()));
        request.body = Some(body.clone());
        let (status, text) = match self.http.send(request).await {
            Ok(answer) => answer,
            Err(error) => {
                self.history.note(format!("job {job}: node {node} does not answer: {error:#}"));
                return Said::Nothing;
            }
        };
        self.history.note(format!("job {job}: node {node} says {status} {}", if status == 202 { "" } else { &text }));
        match status {
            202 => Said::Taken,
            400 if text.contains("already") => Said::Known,
            503 => Said::Nothing,
            other => Said::Nonsense(Kind::Lost, format!("{other} {text}")),
        }
    }

    async fn poll(&mut self, job: Uuid) -> Told {
        let Some((node, base)) = self.board.any(&mut self.random) else { return Told::Later };
        let mut request = self.request("GET", format!("{base}/api-jobs/{job}"));
        request.headers.push(("Prefer", format!("wait={}", ANSWER.as_secs() / 2)));
        let Ok((status, text)) = self.http.send(request).await else { return Told::Later };
        if status != 202 {
            self.history.note(format!("job {job}: node {node} tells {status}"));
        }
        match (status, serde_json::from_str::<Value>(&text)) {
            (200, Ok(body)) => Told::Ended(Ok(body)),
            (404, _) => Told::Unknown,
            (503, Ok(mut body)) => match serde_json::from_value(body["error"].take()) {
                Ok(error) => Told::Ended(Err(error)),
                Err(_) => Told::Later,
            },
            _ => Told::Later,
        }
    }

    /// The inventories at `path`.
    ///
    /// # Errors
    /// When no node tells.
    pub(crate) async fn query(&mut self, path: &str) -> Result<Vec<Value>, Finding> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some((_, base)) = self.board.any(&mut self.random)
                && let Ok((200, text)) = self.http.send(self.request("GET", format!("{base}{path}"))).await
                && let Ok(mut body) = serde_json::from_str::<Value>(&text)
                && let Some(rows) = body["inventories"].as_array_mut()
            {
                return Ok(std::mem::take(rows));
            }
            sleep(PAUSE).await;
        }
        Err(Finding::lost(format!("{path} is not answered within {PATIENCE:?}")))
    }

    fn request(&self, method: &str, url: String) -> Request {
        let headers = vec![("Authorization", format!("OAuth {}", self.session))];
        Request { method: method.to_owned(), url, headers, body: None, within: ANSWER }
    }
}

/// A version 4 uuid, as clients choose, of the run's own randomness.
pub(crate) fn uuid(random: &mut StdRng) -> Uuid {
    let hex = format!("{:032x}", random.random::<u128>() & !(0xf << 76) & !(0xf << 60) | 0x4 << 76 | 0x8 << 60);
    hex.parse().unwrap_or_else(|_| unreachable!("{hex} is of version 4"))
}

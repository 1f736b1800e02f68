//! Posting to web hooks: what a call came to, what happened. Never in anybody's way.
//!
//! Whoever has something to tell leaves it here and goes on. Each receiver has a line of its own, served by at most a few
//! posts at once and by a single one as long as it does not answer, so a receiver that is slow or dead delays nobody else. A
//! line is bounded, and so are all lines together; what does not fit, or found no receiver for long enough, is dropped and
//! logged. Nothing of it survives a restart: who was not told can still ask.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use reqwest::Url;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Tries of one post and the pause between two (wire.md §6).
const TRIES: u32 = 15;
const PAUSE: Duration = Duration::from_secs(2);
/// How old a post may get while its receiver does not answer.
const KEEP: Duration = Duration::from_mins(1);
/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Posts to one receiver at once, as long as it answers.
const WIDTH: usize = 4;
/// Posts that wait for one receiver, and for all.
const LINE: usize = 1000;
const ALL: usize = 10_000;

/// The lines; clones share them.
#[derive(Clone)]
pub struct Hooks {
    lines: Arc<Mutex<Lines>>,
    stop: CancellationToken,
    pause: Duration,
}

#[derive(Default)]
struct Lines {
    by_receiver: HashMap<String, Line>,
    waiting: usize,
    dropped: u64,
}

#[derive(Default)]
struct Line {
    posts: VecDeque<Post>,
    news: Arc<Notify>,
}

/// Something to be told.
#[derive(Debug, Clone)]
pub struct Post {
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: String,
    since: Instant,
    tries: u32,
}

impl Post {
    /// The JSON text `body` for `url`, with `headers`.
    ///
    /// # Errors
    /// Says why nothing can be posted there.
    pub fn new(url: &str, headers: Vec<(&'static str, String)>, body: String) -> Result<Self, String> {
        Ok(Self { url: check_url(url)?, headers, body, since: Instant::now(), tries: 0 })
    }
}

/// `url`, if something can be posted there.
///
/// # Errors
/// Says why not.
pub fn check_url(url: &str) -> Result<Url, String> {
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let shown: String = url.chars().take(80).collect();
    parsed.ok_or_else(|| format!("'{shown}' is no http or https address"))
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (lines, posts) = self.depth();
        f.debug_struct("Hooks").field("lines", &lines).field("posts", &posts).finish()
    }
}

impl Hooks {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { lines: Arc::default(), stop, pause: PAUSE }
    }

    /// Sees to `post`, some time. Returns at once.
    pub fn post(&self, post: Post) {
        let receiver = post.url.origin().ascii_serialization();
        let mut lines = self.lock();
        let length = lines.by_receiver.get(&receiver).map_or(0, |line| line.posts.len());
        if length >= LINE || lines.waiting >= ALL {
            lines.dropped += 1;
            // The first of a flood says it all.
            if lines.dropped.is_power_of_two() {
                tracing::warn!(
                    receiver,
                    dropped = lines.dropped,
                    "too much is waiting for web hooks; posts are dropped"
                );
            }
            return;
        }
        lines.waiting += 1;
        let is_new = !lines.by_receiver.contains_key(&receiver);
        let line = lines.by_receiver.entry(receiver.clone()).or_default();
        line.posts.push_back(post);
        line.news.notify_one();
        if is_new {
            let (hooks, news) = (self.clone(), line.news.clone());
            tokio::spawn(async move {
                let stop = hooks.stop.clone();
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = hooks.serve(&receiver, &news) => {}
                }
            });
        }
    }

    /// How many receivers have a line, and how many posts wait in them.
    #[must_use]
    pub fn depth(&self) -> (usize, usize) {
        let lines = self.lock();
        (lines.by_receiver.len(), lines.waiting)
    }

    /// Serves a line until it is empty, which ends it.
    async fn serve(&self, receiver: &str, news: &Notify) {
        let mut under_way = FuturesUnordered::new();
        let mut answers = true;
        loop {
            let width = if answers { WIDTH } else { 1 };
            while under_way.len() < width
                && let Some(post) = self.next(receiver, under_way.is_empty())
            {
                under_way.push(attempt(post));
            }
            if under_way.is_empty() {
                return;
            }
            let done = tokio::select! {
                done = under_way.next() => done,
                () = news.notified() => None,
            };
            match done {
                Some((_, Ok(()))) => answers = true,
                Some((post, Err(error))) => {
                    answers = false;
                    tracing::debug!(receiver, tries = post.tries, %error, "a web hook did not take what it was told");
                    self.put_back(receiver, post);
                    tokio::time::sleep(self.pause).await;
                }
                None => {}
            }
        }
    }

    /// The next post of a line. An empty line ends, if it is the `last` thing its server asked about.
    fn next(&self, receiver: &str, last: bool) -> Option<Post> {
        let mut lines = self.lock();
        let next = lines.by_receiver.get_mut(receiver).and_then(|line| line.posts.pop_front());
        match &next {
            Some(_) => lines.waiting -= 1,
            None if last => drop(lines.by_receiver.remove(receiver)),
            None => {}
        }
        next
    }

    /// Lets a post that was not taken be tried again; it, and others that have waited long enough, are given up.
    fn put_back(&self, receiver: &str, post: Post) {
        let mut lines = self.lock();
        let Some(line) = lines.by_receiver.get_mut(receiver) else { return };
        let before = line.posts.len();
        if post.tries < TRIES {
            line.posts.push_front(post);
        }
        line.posts.retain(|post| post.since.elapsed() < KEEP);
        let after = line.posts.len();
        lines.waiting = lines.waiting + after - before;
        let given_up = (before + 1).saturating_sub(after);
        if given_up > 0 {
            tracing::warn!(
                receiver,
                posts = given_up,
                "a web hook never took what it was told; clients can still poll"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn attempt(mut post: Post) -> (Post, Result<(), String>) {
    post.tries += 1;
    let Some(client) = client() else { return (post, Err("there is no HTTP client".to_owned())) };
    let mut request = client.post(post.url.clone()).header("Content-Type", "application/json; charset=utf-8");
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    let sent = request.body(post.body.clone()).send().await.and_then(reqwest::Response::error_for_status);
    // An address can hold a secret of its owner's.
    (post, sent.map(drop).map_err(|error| error.without_url().to_string()))
}

/// One client for all hooks. As in the original, certificates of hooks are not verified: operators run them with
/// self-signed ones, and what is sent is what anybody with the job's id may poll.
fn client() -> Option<&'static reqwest::Client> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    CLIENT
        .get_or_init(|| {
            // Another part of the program may have chosen one before; then that one serves.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let built = reqwest::Client::builder().timeout(TIMEOUT).danger_accept_invalid_certs(true).build();
            built.inspect_err(|error| tracing::error!(%error, "web hooks cannot be served")).ok()
        })
        .as_ref()
}

#[cfg(test)]
mod tests;

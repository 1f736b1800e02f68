//! Nodes that do sums, and keep count of what they did.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Event, Uuid, message};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use crate::{
    bus::{
        Amqp, Bus, CallContext, Caller, Handle, Handlers, OnEvent, Subscribers,
        amqp::{BrokerAt, Timing},
    },
    ring::{Members, Ring, View},
};

/// Adds one to what is known under a key: a second effect would show.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) key: Uuid,
    pub(super) id: Uuid,
}
message!(Count => usize, service = "math", key = key);

/// As [`Count`], when the gate lets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CountLater {
    pub(super) key: Uuid,
    pub(super) id: Uuid,
}
message!(CountLater => usize, service = "math", key = key);

/// Answers as many bytes as are asked for, and takes as many as it is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Repeat {
    pub(super) key: Uuid,
    pub(super) text: String,
    pub(super) times: usize,
}
message!(Repeat => String, service = "math", key = key);

/// Fails with an error that has a cause and facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fail {
    pub(super) key: Uuid,
}
message!(Fail => (), service = "math", key = key);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Panic {
    pub(super) key: Uuid,
}
message!(Panic => (), service = "math", key = key);

/// Says in what context it is handled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WhoAsks {
    pub(super) key: Uuid,
}
message!(WhoAsks => (Uuid, Caller, u64), service = "math", key = key);

/// Nobody answers it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unheard {
    pub(super) key: Uuid,
}
message!(Unheard => (), service = "void", key = key);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Happened(pub(super) usize);
impl Event for Happened {
    const NAME: &'static str = "Happened";
    const PATH: Option<&'static str> = Some("/test/happened");
}

/// An event as large as one likes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told(pub(super) String);
impl Event for Told {
    const NAME: &'static str = "Told";
}

pub(super) struct Math {
    pub(super) gate: Semaphore,
    pub(super) begun: AtomicUsize,
    effects: Mutex<HashMap<Uuid, usize>>,
    heard: Mutex<Vec<usize>>,
}

impl Default for Math {
    fn default() -> Self {
        Self {
            gate: Semaphore::new(0),
            begun: AtomicUsize::default(),
            effects: Mutex::default(),
            heard: Mutex::default(),
        }
    }
}

impl Math {
    fn count(&self, id: Uuid) -> usize {
        let mut effects = self.effects.lock().expect("not poisoned");
        let count = effects.entry(id).or_default();
        *count += 1;
        *count
    }

    /// How often the effect `id` took place.
    pub(super) fn effects(&self, id: Uuid) -> usize {
        self.effects.lock().expect("not poisoned").get(&id).copied().unwrap_or_default()
    }

    /// How many effects took place at all.
    pub(super) fn all_effects(&self) -> usize {
        self.effects.lock().expect("not poisoned").values().sum()
    }

    pub(super) fn heard(&self) -> Vec<usize> {
        self.heard.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Handle<Count> for Math {
    async fn handle(&self, message: Count) -> Result<usize, ErrorCode> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Ok(self.count(message.id))
    }
}

#[async_trait]
impl Handle<CountLater> for Math {
    async fn handle(&self, message: CountLater) -> Result<usize, ErrorCode> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.acquire().await.map_err(|closed| ErrorCode::internal(closed.to_string()))?;
        Ok(self.count(message.id))
    }
}

#[async_trait]
impl Handle<Repeat> for Math {
    async fn handle(&self, message: Repeat) -> Result<String, ErrorCode> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Ok(message.text.repeat(message.times))
    }
}

#[async_trait]
impl Handle<Fail> for Math {
    async fn handle(&self, _: Fail) -> Result<(), ErrorCode> {
        Err(ErrorCode::operation("it did not work").because(ErrorCode::invalid("for a reason")).with("fact", 7))
    }
}

#[async_trait]
impl Handle<Panic> for Math {
    async fn handle(&self, _: Panic) -> Result<(), ErrorCode> {
        panic!("on purpose")
    }
}

#[async_trait]
impl Handle<WhoAsks> for Math {
    async fn handle(&self, _: WhoAsks) -> Result<(Uuid, Caller, u64), ErrorCode> {
        let context = CallContext::current();
        Ok((context.trace, context.caller, u64::try_from(context.remaining().as_millis()).expect("fits")))
    }
}

#[async_trait]
impl OnEvent<Happened> for Math {
    async fn on_event(&self, event: Happened) -> Result<(), ErrorCode> {
        self.heard.lock().expect("not poisoned").push(event.0);
        Ok(())
    }
}

/// Impatient, so that tests are quick.
pub(super) const TIMING: Timing = Timing {
    resend: Duration::from_millis(300),
    resend_most: Duration::from_millis(600),
    handover: Duration::from_secs(20),
    moving: Duration::from_secs(5),
    reconnect: Duration::from_millis(20),
    reconnect_most: Duration::from_millis(200),
};

pub(super) struct Node {
    pub(super) id: Uuid,
    pub(super) bus: Bus,
    pub(super) math: Arc<Math>,
    /// What this node is told of who is there.
    pub(super) view: watch::Sender<Arc<View>>,
}

impl Node {
    /// A node of the ring of `nodes`, connected through `url`.
    pub(super) async fn start(url: &str, id: Uuid, nodes: &[Uuid]) -> Self {
        Self::start_with(url, id, View { ring: Ring::new(1, nodes), joined: 1 }, TIMING).await
    }

    pub(super) async fn start_with(url: &str, id: Uuid, view: View, timing: Timing) -> Self {
        let math = Arc::new(Math::default());
        let mut handlers = Handlers::default();
        handlers.add::<Count>(math.clone());
        handlers.add::<CountLater>(math.clone());
        handlers.add::<Repeat>(math.clone());
        handlers.add::<Fail>(math.clone());
        handlers.add::<Panic>(math.clone());
        handlers.add::<WhoAsks>(math.clone());
        let mut subscribers = Subscribers::default();
        subscribers.add::<Happened>(math.clone());
        let bus = Bus::default();
        bus.open(handlers, subscribers);
        let view = watch::Sender::new(Arc::new(view));
        let members = Members::new(id, view.subscribe());
        Amqp::start(&bus, BrokerAt::Url(url.parse().expect("a URL")), members, timing).await.expect("connects");
        Self { id, bus, math, view }
    }

    pub(super) fn amqp(&self) -> &Amqp {
        self.bus.amqp().expect("joined")
    }

    /// Tells this node of another ring.
    pub(super) fn sees(&self, epoch: u64, nodes: &[Uuid]) {
        let joined = self.view.borrow().joined;
        self.view.send_replace(Arc::new(View { ring: Ring::new(epoch, nodes), joined }));
    }
}

/// Two nodes and what each reaches the broker through.
pub(super) struct Pair {
    pub(super) a: Node,
    pub(super) b: Node,
}

impl Pair {
    pub(super) async fn start(url_a: &str, url_b: &str) -> Self {
        let ids = [Uuid::random(), Uuid::random()];
        Self { a: Node::start(url_a, ids[0], &ids).await, b: Node::start(url_b, ids[1], &ids).await }
    }

    /// A resource that `b` owns.
    pub(super) fn of_b(&self) -> Uuid {
        owned_by(&self.a.view.borrow().ring, self.b.id)
    }

    pub(super) async fn close(self) {
        for node in [&self.a, &self.b] {
            node.amqp().close().await;
        }
    }
}

/// A resource that `node` owns.
pub(super) fn owned_by(ring: &Ring, node: Uuid) -> Uuid {
    std::iter::repeat_with(Uuid::random).find(|key| ring.owner(key) == Some(node)).expect("for ever")
}

/// Does `work` as a call that ends after `timeout`.
pub(super) async fn within<T>(timeout: Duration, work: impl Future<Output = T>) -> T {
    CallContext::starting(Uuid::random(), Caller::SYSTEM, timeout).scope(work).await
}

//! The message broker: queues in memory, and a way to it for each node.
//!
//! As RabbitMQ's, a message is routed when it arrives, keeps its place behind those that were sent before it over the same
//! session, and is delivered again when the session it was given to ends without having acknowledged it. Acknowledgements are
//! not seen here: those of the last moments before an end count as lost. What has no queue goes to whoever drains the queue of
//! what has no way. Nothing is kept over the broker's own death but the queues themselves.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cumulo_chaos::Passage;
use cumulo_kernel::bus::amqp::carrier::{
    self, BROADCAST, Carrier, Confirming, Deliveries, Line, NO_ROUTE_QUEUE, P2P, To, event_queue, service_queue,
};
use cumulo_schema::Uuid;
use futures::{FutureExt, StreamExt};
use lapin::{BasicProperties, Confirmation, message::Delivery};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::outside::{Outside, Way};

/// What a node writes where its answers shall go.
const REPLIES: &str = "amq.rabbitmq.reply-to";
/// What was delivered so shortly before the end of its session may be delivered again.
const UNACKNOWLEDGED: Duration = Duration::from_millis(50);
/// A session of which nothing is heard for so long is over: two heartbeats.
const SILENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
struct Message {
    exchange: String,
    key: String,
    properties: BasicProperties,
    body: Vec<u8>,
    redelivered: bool,
}

impl Message {
    fn delivery(self, tag: u64) -> Delivery {
        let (exchange, key) = (self.exchange.as_str().into(), self.key.as_str().into());
        let mut delivery = Delivery::mock(tag, exchange, key, self.redelivered, self.body);
        delivery.properties = self.properties;
        delivery
    }
}

/// What a session is given: of a queue, or an answer.
type Given = (Option<String>, Message);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Message>,
    /// Sessions that receive from it; the first is next.
    consumers: VecDeque<u64>,
}

#[derive(Debug)]
struct Session {
    /// The node's name.
    of: String,
    /// To be delivered, in order.
    inbound: mpsc::UnboundedSender<Given>,
    consumers: BTreeMap<String, mpsc::UnboundedSender<Delivery>>,
    /// When what was given to it, and may not be acknowledged.
    recent: VecDeque<(Instant, String, Message)>,
    replies: mpsc::UnboundedSender<Delivery>,
    tags: u64,
    down: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    queues: BTreeMap<String, Queue>,
    sessions: BTreeMap<u64, Session>,
    last: u64,
}

/// The broker.
#[derive(Debug)]
pub struct Broker {
    state: Mutex<State>,
    outside: Arc<Outside>,
}

impl Broker {
    /// One without queues.
    #[must_use]
    pub fn new(outside: Arc<Outside>) -> Self {
        Self { state: Mutex::default(), outside }
    }

    /// It dies: sessions and messages are gone.
    pub fn die(&self) {
        let mut state = self.state();
        for (_, session) in std::mem::take(&mut state.sessions) {
            session.down.cancel();
        }
        for queue in state.queues.values_mut() {
            queue.waiting.clear();
            queue.consumers.clear();
        }
    }

    /// The process of the node called `name` is dead, and with it its connections.
    pub fn hang_up(&self, name: &str) {
        for session in self.state().sessions.values().filter(|session| session.of == name) {
            session.down.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message arrives over the session `from`.
    fn route(&self, from: u64, mut message: Message) {
        let mut state = self.state();
        if message.properties.reply_to().as_ref().is_some_and(|to| to.as_str() == REPLIES) {
            message.properties = message.properties.clone().with_reply_to(format!("{REPLIES}.{from}").into());
        }
        let name = message.properties.kind().as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default();
        self.outside.trace.note(format_args!("broker: {name} to {} {}", message.exchange, message.key));
        match message.exchange.as_str() {
            BROADCAST => {
                let events: Vec<String> =
                    state.queues.keys().filter(|name| name.starts_with("zstack.event.")).cloned().collect();
                for queue in events {
                    state.push(&queue, message.clone());
                }
            }
            P2P => {
                let queue = match state.queues.contains_key(&message.key) {
                    true => message.key.clone(),
                    false => NO_ROUTE_QUEUE.to_owned(),
                };
                state.push(&queue, message);
            }
            _ => {
                let session = message.key.strip_prefix(REPLIES).and_then(|rest| rest.strip_prefix('.')?.parse().ok());
                // Where an answer finds nobody, its caller asks again.
                if let Some(session) = session.and_then(|id: u64| state.sessions.get(&id)) {
                    let _ = session.inbound.send((None, message));
                }
            }
        }
    }

    /// Something reaches the node of the session `id`.
    fn deliver(&self, id: u64, (queue, message): Given) {
        let mut state = self.state();
        let Some(session) = state.sessions.get_mut(&id) else { return };
        session.tags += 1;
        let tag = session.tags;
        let Some(queue) = queue else {
            let _ = session.replies.send(message.delivery(tag));
            return;
        };
        let now = Instant::now();
        while session.recent.front().is_some_and(|(at, _, _)| now - *at > UNACKNOWLEDGED) {
            session.recent.pop_front();
        }
        session.recent.push_back((now, queue.clone(), message.clone()));
        if let Some(consumer) = session.consumers.get(&queue) {
            let _ = consumer.send(message.delivery(tag));
        }
    }

    /// The session `id` is over; what it may not have got is for the next, or for others. `unseen` did not reach it.
    fn end(&self, id: u64, unseen: Vec<Given>) {
        let mut state = self.state();
        let Some(session) = state.sessions.remove(&id) else { return };
        session.down.cancel();
        for queue in state.queues.values_mut() {
            queue.consumers.retain(|consumer| *consumer != id);
        }
        let now = Instant::now();
        let recent = session.recent.into_iter().filter(|(at, ..)| now - *at <= UNACKNOWLEDGED);
        let doubtful: Vec<_> = recent.filter(|_| self.outside.happens(2)).map(|(_, queue, m)| (queue, m)).collect();
        let unseen = unseen.into_iter().filter_map(|(queue, message)| Some((queue?, message)));
        for (queue, message) in doubtful.into_iter().chain(unseen) {
            state.push(&queue, Message { redelivered: true, ..message });
        }
    }
}

impl State {
    fn push(&mut self, name: &str, message: Message) {
        let queue = self.queues.entry(name.to_owned()).or_default();
        queue.waiting.push_back(message);
        self.hand_out(name);
    }

    /// Gives what waits to who receives, in turn.
    fn hand_out(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        while !queue.waiting.is_empty()
            && let Some(id) = queue.consumers.pop_front()
            && let Some(message) = queue.waiting.pop_front()
        {
            queue.consumers.push_back(id);
            if let Some(session) = self.sessions.get(&id) {
                let _ = session.inbound.send((Some(name.to_owned()), message));
            }
        }
    }
}

/// As a node reaches it.
#[derive(Clone)]
pub struct Client {
    name: String,
    broker: Arc<Broker>,
    way: Way,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the simulated broker, from {}", self.name)
    }
}

impl Client {
    /// That of the node called `name`.
    #[must_use]
    pub fn new(name: String, broker: Arc<Broker>, way: Way) -> Self {
        Self { name, broker, way }
    }
}

fn broken() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
}

#[async_trait]
impl carrier::Broker for Client {
    async fn connect(&self, node: Uuid, services: &[&str]) -> lapin::Result<Line> {
        let queues = services.iter().map(|service| service_queue(service, &node)).chain([event_queue(&node)]);
        let queues: Vec<String> = queues.collect();
        let (answer, opened) = oneshot::channel();
        let (client, outside) = (self.clone(), self.broker.outside.clone());
        let (there, back) = (outside.delay(), outside.delay());
        outside.spawn(async move {
            if client.way.travel(there).await.is_err() {
                return;
            }
            let line = client.open(queues);
            if client.way.travel(back).await.is_ok() {
                let _ = answer.send(line);
            }
        });
        opened.await.map_err(|_| broken())
    }
}

impl Client {
    /// A new session, with the queues of the node.
    fn open(&self, queues: Vec<String>) -> Line {
        let (outbound, sent) = mpsc::unbounded_channel();
        let (inbound, given) = mpsc::unbounded_channel();
        let (replies, answers) = mpsc::unbounded_channel();
        let down = CancellationToken::new();
        let mut state = self.broker.state();
        for queue in queues {
            state.queues.entry(queue).or_default();
        }
        state.last += 1;
        let id = state.last;
        let (consumers, recent) = (BTreeMap::new(), VecDeque::new());
        let session =
            Session { of: self.name.clone(), inbound, consumers, recent, replies, tags: 0, down: down.clone() };
        state.sessions.insert(id, session);
        drop(state);
        let outside = &self.broker.outside;
        outside.spawn(self.clone().carry_out(id, sent, down.clone()));
        outside.spawn(self.clone().carry_in(id, given, down.clone()));
        outside.spawn(self.clone().watch(down.clone()));
        let (stops, blocked) = watch::channel(None);
        let carrier = Box::new(Open { id, client: self.clone(), outbound, down: down.clone(), _stops: stops });
        let replies = UnboundedReceiverStream::new(answers).map(Ok).boxed();
        Line { carrier, replies, blocked, down }
    }

    /// From the node to the broker, each message behind the one before.
    async fn carry_out(self, id: u64, mut sent: mpsc::UnboundedReceiver<Sent>, down: CancellationToken) {
        let mut last = Instant::now();
        loop {
            let next = tokio::select! {
                biased;
                () = down.cancelled() => return,
                next = sent.recv() => next,
            };
            let Some(Sent { message, at, confirm }) = next else { return };
            last = last.max(at + self.broker.outside.delay());
            sleep_until(last).await;
            if self.way.travel(Duration::ZERO).await.is_err() {
                return;
            }
            self.broker.route(id, message);
            let (way, back) = (self.way.clone(), self.broker.outside.delay());
            self.broker.outside.spawn(async move {
                if way.travel(back).await.is_ok() {
                    let _ = confirm.send(Confirmation::Ack(None));
                }
            });
        }
    }

    /// From the broker to the node, each message behind the one before.
    async fn carry_in(self, id: u64, mut given: mpsc::UnboundedReceiver<Given>, down: CancellationToken) {
        let mut last = Instant::now();
        let mut held = None;
        loop {
            let next = tokio::select! {
                biased;
                () = down.cancelled() => break,
                next = given.recv() => next,
            };
            let Some(next) = next else { return };
            last = last.max(Instant::now() + self.broker.outside.delay());
            held = Some(next);
            let arrive = async {
                sleep_until(last).await;
                self.way.travel(Duration::ZERO).await
            };
            let arrived = tokio::select! {
                biased;
                () = down.cancelled() => break,
                arrived = arrive => arrived,
            };
            match (arrived, held.take()) {
                (Ok(()), Some(next)) => self.broker.deliver(id, next),
                (Err(_), next) => {
                    held = next;
                    break;
                }
                (Ok(()), None) => {}
            }
        }
        given.close();
        let mut unseen: Vec<Given> = held.into_iter().collect();
        while let Some(next) = given.recv().await {
            unseen.push(next);
        }
        self.broker.end(id, unseen);
    }

    /// Ends the session when its way breaks, or is silent for too long.
    async fn watch(self, down: CancellationToken) {
        let over = async {
            loop {
                self.way.until(|passage| passage != Passage::Open).await;
                let opened = self.way.until(|passage| passage != Passage::Silent);
                if tokio::time::timeout(SILENCE, opened).await.is_err() || self.way.passage() == Passage::Broken {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = down.cancelled() => {}
            () = over => down.cancel(),
        }
    }
}

/// A message on its way to the broker.
struct Sent {
    message: Message,
    /// When it was sent.
    at: Instant,
    confirm: oneshot::Sender<Confirmation>,
}

/// An open session, as the node has it.
struct Open {
    id: u64,
    client: Client,
    outbound: mpsc::UnboundedSender<Sent>,
    down: CancellationToken,
    /// It never stops taking messages, and its end would be that of the session.
    _stops: watch::Sender<Option<String>>,
}

impl Open {
    fn send(&self, to: To<'_>, properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirming> {
        let (exchange, key) = (to.exchange.to_owned(), to.key.to_owned());
        let message = Message { exchange, key, properties, body: body.to_vec(), redelivered: false };
        let (confirm, confirmed) = oneshot::channel();
        if self.down.is_cancelled() || self.outbound.send(Sent { message, at: Instant::now(), confirm }).is_err() {
            return Err(broken());
        }
        Ok(confirmed.map(|confirmed| confirmed.map_err(|_| broken())).boxed())
    }
}

#[async_trait]
impl Carrier for Open {
    async fn publish(&self, to: To<'_>, properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirming> {
        self.send(to, properties, body)
    }

    async fn answer(&self, reply_to: &str, properties: BasicProperties, body: &[u8]) -> lapin::Result<()> {
        self.send(To { exchange: "", key: reply_to, mandatory: false }, properties, body).map(drop)
    }

    async fn consume(&self, queue: &str, _prefetch: u16) -> lapin::Result<Deliveries> {
        let (deliver, delivered) = mpsc::unbounded_channel();
        let mut state = self.client.broker.state();
        let Some(session) = state.sessions.get_mut(&self.id) else { return Err(broken()) };
        session.consumers.insert(queue.to_owned(), deliver);
        state.queues.entry(queue.to_owned()).or_default().consumers.push_back(self.id);
        state.hand_out(queue);
        Ok(UnboundedReceiverStream::new(delivered).map(Ok).boxed())
    }

    async fn close(&self) {
        self.down.cancel();
    }
}

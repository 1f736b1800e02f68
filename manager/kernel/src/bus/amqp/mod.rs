//! The bus between nodes, and for programs outside: RabbitMQ. The format is in `docs/message-bus.md`.
//!
//! **Lost, late and doubled messages.** The broker, the network and every node may fail at any moment, so a call is sent
//! until it is answered or its deadline has passed: again when the connection was lost, and again after a pause when
//! nothing was heard. It keeps its id; the receiver remembers ids ([`seen`]) and answers a second time without doing it a
//! second time. The receiver's memory ends with its process. A message that may have reached an earlier life is told by
//! its epoch, which is that of the ring on which the receiver was first found: a node that starts anew joins in a later
//! one, and refuses what is older (SYS.1012). So an effect is never doubled, and a caller never waits for a node that is
//! gone: it hears of it from the ring, or from the new life.
//!
//! **Acknowledged when noted, not when done.** A delivery is acknowledged once its id is remembered. Acknowledging at the
//! end would gain nothing (the next life refuses it) and would make the prefetch a limit on how much a node works on at
//! once; calls that call back would then wait for each other. API calls of programs outside are acknowledged when their job is
//! recorded or they were answered, as these may not send again ([`portal`]).
//!
//! **What the broker does not keep.** Nothing relies on the broker's disk but the portal's queue: calls are with their
//! callers until answered, and events are news, not records.

mod call;
pub mod carrier;
mod counters;
mod events;
mod headers;
mod pending;
mod portal;
mod receive;
mod seen;
mod session;
mod supervise;
mod topology;
mod undelivered;
mod url;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cumulo_schema::{ErrorCode, Message, Uuid, codes};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Bus;
use crate::ring::Members;
pub(super) use call::CallError;
use carrier::BrokerAt;
pub use counters::BusCounters;
use counters::Counters;
use events::OutEvent;
use pending::Pending;
pub(crate) use portal::{Portal, PortalRequest};
use seen::Seen;
use session::Session;
pub use url::{BadBrokerUrl, BrokerUrl};

/// Events that wait for the broker; what comes on top is dropped and counted.
const OUTBOX: usize = 10_000;

/// How patient the bus is. Tests are less so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// After how long without an answer a call is sent again; each further pause is twice as long.
    pub(crate) resend: Duration,
    /// The longest such pause.
    pub(crate) resend_most: Duration,
    /// How long a call waits for a broker that takes it.
    pub(crate) handover: Duration,
    /// How long a call waits for the ring that a receiver knows already.
    pub(crate) moving: Duration,
    /// The first pause between attempts to connect; each further one is twice as long.
    pub(crate) reconnect: Duration,
    /// The longest such pause.
    pub(crate) reconnect_most: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            resend: Duration::from_secs(5),
            resend_most: Duration::from_secs(30),
            handover: Duration::from_secs(30),
            moving: Duration::from_secs(10),
            reconnect: Duration::from_millis(100),
            reconnect_most: Duration::from_secs(10),
        }
    }
}

/// Another node, and the epoch of the ring that it was found on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) node: Uuid,
    pub(super) epoch: u64,
}

/// The way to the other nodes; clones share it.
#[derive(Clone)]
pub struct Amqp(Arc<Inner>);

struct Inner {
    bus: Bus,
    members: Members,
    broker: BrokerAt,
    timing: Timing,
    portal: watch::Sender<Option<Arc<dyn Portal>>>,
    session: watch::Sender<Option<Arc<Session>>>,
    /// Why the last attempt to connect failed.
    trouble: Mutex<Option<String>>,
    pending: Pending,
    seen: Mutex<Seen>,
    counters: Counters,
    outbox: mpsc::Sender<OutEvent>,
    /// No more is received.
    draining: CancellationToken,
    /// It is over.
    closed: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Amqp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Amqp").field("broker", &self.0.broker).field("connected", &self.is_connected()).finish()
    }
}

impl Amqp {
    /// Connects `bus`, which must be open, to the broker, and returns when it is connected. API messages of programs
    /// outside are served once there is a portal.
    ///
    /// # Errors
    /// SYS.1011 when the broker refuses, or is not there for half a minute.
    pub(crate) async fn start(
        bus: &Bus,
        broker: BrokerAt,
        members: Members,
        timing: Timing,
    ) -> Result<Self, ErrorCode> {
        let (outbox, events) = mpsc::channel(OUTBOX);
        let amqp = Self(Arc::new(Inner {
            bus: bus.clone(),
            members,
            broker,
            timing,
            portal: watch::Sender::new(None),
            session: watch::Sender::new(None),
            trouble: Mutex::default(),
            pending: Pending::default(),
            seen: Mutex::default(),
            counters: Counters::default(),
            outbox,
            draining: CancellationToken::new(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        // First, so that no handler of a message from elsewhere finds itself alone.
        bus.join(amqp.clone());
        let inner = &amqp.0;
        inner.tasks.spawn(inner.clone().supervise());
        inner.tasks.spawn(inner.clone().send_events(events));
        match inner.session_within(timing.handover).await {
            Ok(_) => Ok(amqp),
            Err(error) => {
                amqp.close().await;
                Err(error)
            }
        }
    }

    /// Whether the broker can be reached at the moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.session.borrow().is_some()
    }

    /// Why the broker takes no messages at the moment, if it does not.
    #[must_use]
    pub fn blocked(&self) -> Option<String> {
        self.0.session.borrow().as_ref().and_then(|session| session.blocked().borrow().clone())
    }

    /// What happened on the wire since the node started.
    #[must_use]
    pub fn counters(&self) -> BusCounters {
        self.0.counters.read()
    }

    /// The node that owns `key`, if it is another one.
    pub(super) fn owner(&self, key: Uuid) -> Option<Owner> {
        let view = self.0.members.view();
        let node = view.ring.owner(&key)?;
        (node != self.0.members.node()).then(|| Owner { node, epoch: view.ring.epoch() })
    }

    /// Sends `message` to `node`.
    pub(super) async fn call_on<M: Message>(&self, node: Uuid, message: &M) -> Result<M::Reply, ErrorCode> {
        self.call(Owner { node, epoch: self.0.epoch() }, message).await.map_err(|error| match error {
            CallError::Failed(error) => *error,
            CallError::Moved => ErrorCode::new(codes::NODE_UNAVAILABLE, format!("the node {node} takes no messages")),
        })
    }

    /// Serves API messages of programs outside from now on.
    pub(crate) fn open_portal(&self, portal: Arc<dyn Portal>) {
        self.0.portal.send_replace(Some(portal));
    }

    /// Receives no more; what was received goes on, and can still call.
    pub(crate) fn drain(&self) {
        self.0.draining.cancel();
    }

    /// Leaves.
    pub(crate) async fn close(&self) {
        self.drain();
        self.0.closed.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Inner {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self) -> Uuid {
        self.members.node()
    }

    fn epoch(&self) -> u64 {
        self.members.view().ring.epoch()
    }
}

#[cfg(test)]
mod tests;

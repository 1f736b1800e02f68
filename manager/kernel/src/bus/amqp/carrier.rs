//! What a session goes over: connections to a broker, or a broker that is brought along.
//!
//! The latter is for simulations. Everything above it, which is what has to cope with lost, late and doubled messages, is the
//! same over both; what is below (the handshake, frames, exchanges and queues) a simulation does not see.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cumulo_schema::Uuid;
use futures::{future::BoxFuture, stream::BoxStream};
use lapin::{BasicProperties, Confirmation, message::Delivery};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use super::topology::{BROADCAST, NO_ROUTE_QUEUE, P2P, event_queue, service_queue};

use super::BrokerUrl;

/// Comes when the broker has taken a message, or refused it.
pub type Confirming = BoxFuture<'static, lapin::Result<Confirmation>>;
/// What comes in of one queue. Its end is that of the session.
pub type Deliveries = BoxStream<'static, lapin::Result<Delivery>>;

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
pub struct To<'t> {
    /// The exchange; empty for the one that leads to queues by their names.
    pub exchange: &'t str,
    /// The routing key.
    pub key: &'t str,
    /// Whether it comes back where there is no way.
    pub mandatory: bool,
}

/// An open way to a broker and back.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Hands a message to the broker.
    ///
    /// # Errors
    /// When the way is broken.
    async fn publish(&self, to: To<'_>, properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirming>;

    /// Hands over an answer for the queue `reply_to`, which nothing confirms.
    ///
    /// # Errors
    /// As there.
    async fn answer(&self, reply_to: &str, properties: BasicProperties, body: &[u8]) -> lapin::Result<()>;

    /// Receives from `queue`, at most `prefetch` messages that are not acknowledged.
    ///
    /// # Errors
    /// As there.
    async fn consume(&self, queue: &str, prefetch: u16) -> lapin::Result<Deliveries>;

    /// Says good-bye.
    async fn close(&self);
}

/// A way that was just opened.
pub struct Line {
    /// The way.
    pub carrier: Box<dyn Carrier>,
    /// The answers to what goes over it.
    pub replies: Deliveries,
    /// Why the broker takes no messages now, if it does not.
    pub blocked: watch::Receiver<Option<String>>,
    /// Cancelled by either side when it fails.
    pub down: CancellationToken,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("down", &self.down.is_cancelled()).finish_non_exhaustive()
    }
}

/// A broker that is brought along. It has the exchanges and queues of [`super::topology`]'s names, and does for them what is
/// written there.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync + 'static {
    /// Opens a way for `node`, which serves `services`.
    ///
    /// # Errors
    /// When it cannot be reached now.
    async fn connect(&self, node: Uuid, services: &[&str]) -> lapin::Result<Line>;
}

/// Where the broker is.
#[derive(Clone)]
pub enum BrokerAt {
    /// There.
    Url(BrokerUrl),
    /// Here.
    Brought(Arc<dyn Broker>),
}

impl From<BrokerUrl> for BrokerAt {
    fn from(url: BrokerUrl) -> Self {
        Self::Url(url)
    }
}

impl From<Arc<dyn Broker>> for BrokerAt {
    fn from(broker: Arc<dyn Broker>) -> Self {
        Self::Brought(broker)
    }
}

impl fmt::Display for BrokerAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => fmt::Display::fmt(url, f),
            Self::Brought(broker) => fmt::Debug::fmt(broker, f),
        }
    }
}

impl fmt::Debug for BrokerAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

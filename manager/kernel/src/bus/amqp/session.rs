//! One life of the connection to the broker, from the handshake to the first thing that fails.
//!
//! There are two connections: a broker short of memory or disk stops reading from whoever publishes, and acknowledgements
//! must not wait behind such a stop. When anything of a session fails all of it is given up and a new one made; lapin's own
//! recovery is not used, as what is unconfirmed or unanswered has to be looked at by us in any case, and one way to
//! recover is easier to get right than two.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, Event,
    message::Delivery,
    options::{BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{FieldTable, ShortString},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    BrokerUrl,
    carrier::{BrokerAt, Carrier, Confirming, Deliveries, Line, To},
    topology::{self, P2P},
};
use crate::ring::Members;

/// Longest wait for a step on the way to a session.
const OPENING: Duration = Duration::from_secs(20);
/// Messages that may be on the way to a consumer here.
const PREFETCH: u16 = 500;
/// API calls of programs outside that this node handles at once.
const PREFETCH_PORTAL: u16 = 200;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(
        "another management node is connected to this virtual host, or was until a moment ago; nodes with embedded databases \
         need virtual hosts of their own in the setting `bus`, those that work together one `database`"
    )]
    NotAlone,
    #[error("the broker or what is between refused")]
    Refused(#[from] lapin::Error),
    #[error("the broker did not answer within {} s", OPENING.as_secs())]
    Silent,
}

pub(super) struct Session {
    carrier: Box<dyn Carrier>,
    replies: std::sync::Mutex<Option<Deliveries>>,
    blocked: watch::Receiver<Option<String>>,
    /// Cancelled when any part of it has failed.
    pub(super) down: CancellationToken,
}

impl Session {
    /// Connects and makes sure that exchanges and queues are there.
    pub(super) async fn open(broker: &BrokerAt, members: &Members, services: &[&str]) -> Result<Self, OpenError> {
        let opened = match broker {
            BrokerAt::Url(url) => patiently(Connections::open(url, members, services)).await,
            BrokerAt::Brought(broker) => patiently(broker.connect(members.node(), services)).await,
        };
        let Line { carrier, replies, blocked, down } = opened.map_err(|error| match &error {
            OpenError::Refused(cause) if is_locked(cause) => OpenError::NotAlone,
            _ => error,
        })?;
        Ok(Self { carrier, replies: std::sync::Mutex::new(Some(replies)), blocked, down })
    }

    /// The answers to what is sent with [`Session::request`]; given out once.
    pub(super) fn take_replies(&self) -> Option<Deliveries> {
        self.replies.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// Why the broker takes no messages now, if it does not.
    pub(super) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.clone()
    }

    /// Waits until the broker has taken messages for `patience` without a stop.
    pub(super) async fn silent_for(&self, patience: Duration) {
        let mut blocked = self.blocked();
        // Its senders end with the session.
        while blocked.wait_for(Option::is_none).await.is_ok() {
            tokio::select! {
                () = tokio::time::sleep(patience) => return,
                _ = blocked.wait_for(Option::is_some) => {}
            }
        }
    }

    /// Receives from `queue`.
    pub(super) async fn consume(&self, queue: &str) -> lapin::Result<Deliveries> {
        let prefetch = if queue == topology::PORTAL_QUEUE { PREFETCH_PORTAL } else { PREFETCH };
        self.carrier.consume(queue, prefetch).await
    }

    /// Hands a message to the broker; the confirmation says whether it took it.
    pub(super) async fn request(
        &self,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> lapin::Result<Confirming> {
        self.carrier.publish(To { exchange: P2P, key: queue, mandatory: true }, properties, body).await
    }

    /// Hands an event to the broker.
    pub(super) async fn event(&self, key: &str, properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirming> {
        self.carrier.publish(To { exchange: topology::BROADCAST, key, mandatory: false }, properties, body).await
    }

    /// Sends an answer. It is not confirmed: a caller that misses it asks again.
    pub(super) async fn answer(&self, reply_to: &str, properties: BasicProperties, body: &Bytes) -> lapin::Result<()> {
        match ShortString::try_new(reply_to) {
            Ok(key) => self.carrier.answer(key.as_str(), properties, body).await,
            Err(_) => Ok(()),
        }
    }

    /// Sends an answer to a program outside, and waits until the broker has it.
    pub(super) async fn answer_surely(
        &self,
        reply_to: &str,
        properties: BasicProperties,
        body: &Bytes,
    ) -> lapin::Result<Confirmation> {
        let Ok(key) = ShortString::try_new(reply_to) else { return Ok(Confirmation::NotRequested) };
        let to = To { exchange: "", key: key.as_str(), mandatory: true };
        self.carrier.publish(to, properties, body).await?.await
    }

    /// Hands each delivery to `take`, until the session fails or `stop` says so.
    pub(super) async fn drain<F: Future<Output = ()> + Send>(
        self: Arc<Self>,
        mut deliveries: Deliveries,
        stop: CancellationToken,
        mut take: impl FnMut(Delivery) -> F + Send,
    ) {
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return,
                () = self.down.cancelled() => return,
                next = deliveries.next() => next,
            };
            match next {
                Some(Ok(delivery)) => tokio::select! {
                    () = take(delivery) => {}
                    () = self.down.cancelled() => return,
                },
                Some(Err(error)) => {
                    tracing::debug!(%error, "a consumer failed");
                    return self.down.cancel();
                }
                None => return self.down.cancel(),
            }
        }
    }

    /// Says good-bye to the broker.
    pub(super) async fn close(&self) {
        self.down.cancel();
        self.carrier.close().await;
    }
}

/// The two connections to a broker, with their channels.
struct Connections {
    // Held: dropping a connection closes it.
    publishing: Connection,
    consuming: Connection,
    requests: Channel,
    answers: Channel,
    intake: Channel,
}

impl Connections {
    async fn open(url: &BrokerUrl, members: &Members, services: &[&str]) -> lapin::Result<Line> {
        let node = members.node();
        let down = CancellationToken::new();
        let connect = |purpose: &str| {
            let name = format!("cumulo-manager {node} {purpose}");
            let properties = ConnectionProperties::default().with_connection_name(name.into());
            Connection::connect_uri(url.uri(), properties)
        };
        let (publishing, consuming) = futures::try_join!(connect("sends"), connect("receives"))?;
        let (report, blocked) = watch::channel(None);
        for connection in [&publishing, &consuming] {
            let events = connection.events_listener();
            tokio::spawn(watch_connection(events.boxed(), report.clone(), down.clone()));
        }
        let intake = consuming.create_channel().await?;
        if members.is_alone() {
            topology::hold_alone(&intake).await?;
        }
        topology::declare(&intake, &node, services).await?;
        let requests = publishing.create_channel().await?;
        requests.confirm_select(ConfirmSelectOptions::default()).await?;
        let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let table = FieldTable::default();
        let replies = requests.basic_consume(topology::REPLY_QUEUE.into(), "".into(), no_ack, table).await?.boxed();
        let answers = publishing.create_channel().await?;
        let carrier = Box::new(Self { publishing, consuming, requests, answers, intake });
        Ok(Line { carrier, replies, blocked, down })
    }
}

#[async_trait]
impl Carrier for Connections {
    async fn publish(&self, to: To<'_>, properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirming> {
        let options = BasicPublishOptions { mandatory: to.mandatory, ..BasicPublishOptions::default() };
        let confirm = self.requests.basic_publish(to.exchange.into(), to.key.into(), options, body, properties).await?;
        Ok(confirm.boxed())
    }

    async fn answer(&self, reply_to: &str, properties: BasicProperties, body: &[u8]) -> lapin::Result<()> {
        let options = BasicPublishOptions::default();
        self.answers.basic_publish("".into(), reply_to.into(), options, body, properties).await.map(|_| ())
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> lapin::Result<Deliveries> {
        // Counts for the consumers that come after it.
        self.intake.basic_qos(prefetch, BasicQosOptions::default()).await?;
        let (options, table) = (BasicConsumeOptions::default(), FieldTable::default());
        Ok(self.intake.basic_consume(queue.into(), "".into(), options, table).await?.boxed())
    }

    async fn close(&self) {
        for connection in [&self.consuming, &self.publishing] {
            // A broker that is gone needs no good-bye.
            let closing = connection.close(200, "the node stops".into());
            let _ = tokio::time::timeout(Duration::from_secs(2), closing).await;
        }
    }
}

fn is_locked(error: &lapin::Error) -> bool {
    let locked = AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED);
    matches!(error.kind(), ErrorKind::ProtocolError(error) if *error.kind() == locked)
}

/// Waits for the broker, but not for ever.
pub(super) async fn patiently<T>(work: impl Future<Output = lapin::Result<T>>) -> Result<T, OpenError> {
    Ok(tokio::time::timeout(OPENING, work).await.map_err(|_| OpenError::Silent)??)
}

async fn watch_connection(
    mut events: futures::stream::BoxStream<'static, Event>,
    blocked: watch::Sender<Option<String>>,
    down: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            () = down.cancelled() => return,
            event = events.next() => event,
        };
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!(reason, "the message broker takes no messages for now");
                blocked.send_replace(Some(reason));
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("the message broker takes messages again");
                blocked.send_replace(None);
            }
            Some(Event::Error(error)) => {
                tracing::debug!(%error, "a connection to the message broker failed");
                return down.cancel();
            }
            Some(_) => {}
            None => return down.cancel(),
        }
    }
}

//! Exchanges and queues: their names, their properties, and why each is what it is.
//!
//! - `P2P` (topic) carries what is for one receiver; the routing key is the queue's name. It is a topic exchange because
//!   RabbitMQ can restrict the routing keys that a user may use on those only: programs outside may reach the portal and
//!   nothing else.
//! - `BROADCAST` (topic) carries events.
//! - `NO_ROUTE` (fanout) is the alternate exchange of `P2P`: what has no way ends in a queue that all nodes drain, and is
//!   answered with an error at once.
//! - `DEAD` (fanout) takes what died in a queue: expired, refused, or delivered too often. It is answered too.
//!
//! A service's queue is classic: it outlives a lost connection but not a broker, as its messages are calls whose callers
//! still hold them and send them again. The portal's queue is a quorum queue: what is in there may exist nowhere else.

use std::time::Duration;

use cumulo_schema::Uuid;
use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

/// Messages for one receiver.
pub const P2P: &str = "P2P";
/// Events.
pub const BROADCAST: &str = "BROADCAST";
const NO_ROUTE: &str = "NO_ROUTE";
const DEAD: &str = "DEAD";
/// What had no way.
pub const NO_ROUTE_QUEUE: &str = "zstack.message.no_route";
/// What died in a queue.
pub(super) const DEAD_QUEUE: &str = "zstack.message.dead";
/// Where programs outside send API messages; every node serves it.
pub(super) const PORTAL_QUEUE: &str = "zstack.message.api.portal";
/// Held by a node that takes everything for its own: two such would each do what the other does.
const ALONE_QUEUE: &str = "zstack.alone";
/// Answers to calls come here; the broker makes it one's own.
pub(super) const REPLY_QUEUE: &str = "amq.rabbitmq.reply-to";

/// How long a node's queues outlive it.
const QUEUE_LIFE: Duration = Duration::from_mins(10);
/// How long what had no way or died is kept where no node answers it.
const LOST_LIFE: Duration = Duration::from_mins(1);
/// Most such messages.
const LOST_LIMIT: i64 = 10_000;
/// Most events that wait for a node; the oldest go first.
const EVENT_LIMIT: i64 = 100_000;
/// Most calls that wait in a queue; the oldest go first, and are answered as dead.
const CALL_LIMIT: i64 = 20_000;
/// Most bytes of them.
const BYTE_LIMIT: i64 = 512 << 20;
/// How often the portal's queue delivers one message before it counts as poisonous.
const DELIVERY_LIMIT: i64 = 20;

/// `zstack.message.host.<node>`.
pub fn service_queue(service: &str, node: &Uuid) -> String {
    format!("zstack.message.{service}.{node}")
}

/// Where a node hears events.
pub fn event_queue(node: &Uuid) -> String {
    format!("zstack.event.{node}")
}

/// Makes sure that all of it is there.
pub(super) async fn declare(channel: &Channel, node: &Uuid, services: &[&str]) -> lapin::Result<()> {
    exchange(channel, NO_ROUTE, ExchangeKind::Fanout, &[]).await?;
    exchange(channel, DEAD, ExchangeKind::Fanout, &[]).await?;
    exchange(channel, BROADCAST, ExchangeKind::Topic, &[]).await?;
    exchange(channel, P2P, ExchangeKind::Topic, &[("alternate-exchange", text(NO_ROUTE))]).await?;
    let lost = [("x-message-ttl", millis(LOST_LIFE)), ("x-max-length", AMQPValue::LongLongInt(LOST_LIMIT))];
    for (name, from) in [(NO_ROUTE_QUEUE, NO_ROUTE), (DEAD_QUEUE, DEAD)] {
        queue(channel, name, QueueDeclareOptions::durable(), &lost).await?;
        bind(channel, name, from, "").await?;
    }
    let portal = [
        ("x-queue-type", text("quorum")),
        ("x-dead-letter-exchange", text(DEAD)),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT)),
        ("x-max-length", AMQPValue::LongLongInt(CALL_LIMIT)),
        ("x-max-length-bytes", AMQPValue::LongLongInt(BYTE_LIMIT)),
    ];
    queue(channel, PORTAL_QUEUE, QueueDeclareOptions::durable(), &portal).await?;
    bind(channel, PORTAL_QUEUE, P2P, PORTAL_QUEUE).await?;
    for service in services {
        let name = service_queue(service, node);
        let own = [
            ("x-expires", millis(QUEUE_LIFE)),
            ("x-dead-letter-exchange", text(DEAD)),
            ("x-max-length", AMQPValue::LongLongInt(CALL_LIMIT)),
            ("x-max-length-bytes", AMQPValue::LongLongInt(BYTE_LIMIT)),
        ];
        queue(channel, &name, QueueDeclareOptions::durable(), &own).await?;
        bind(channel, &name, P2P, &name).await?;
    }
    let name = event_queue(node);
    // Not exclusive: after a cut the old connection may hold it for as long as its heartbeat takes.
    let own = [("x-expires", millis(QUEUE_LIFE)), ("x-max-length", AMQPValue::LongLongInt(EVENT_LIMIT))];
    queue(channel, &name, QueueDeclareOptions::durable(), &own).await?;
    bind(channel, &name, BROADCAST, "#").await
}

/// Holds the virtual host for this connection; `RESOURCE_LOCKED` where another has it. A node that was cut off gets it back
/// when the broker has noticed, after two heartbeats.
pub(super) async fn hold_alone(channel: &Channel) -> lapin::Result<()> {
    queue(channel, ALONE_QUEUE, QueueDeclareOptions::exclusive(), &[]).await
}

async fn exchange(
    channel: &Channel,
    name: &str,
    kind: ExchangeKind,
    arguments: &[(&str, AMQPValue)],
) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, options, table(arguments)).await
}

async fn queue(
    channel: &Channel,
    name: &str,
    options: QueueDeclareOptions,
    arguments: &[(&str, AMQPValue)],
) -> lapin::Result<()> {
    channel.queue_declare(name.into(), options, table(arguments)).await.map(|_| ())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await
}

fn table(arguments: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn millis(time: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

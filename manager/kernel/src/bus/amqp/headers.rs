//! What travels beside a body (`docs/message-bus.md`): AMQP's own properties where there is one for it, headers otherwise.
//!
//! A deadline travels twice, as a time and as a duration. The time alone would trust that clocks agree; the duration alone
//! would not count what a message spends in a stalled connection. The receiver takes the earlier end of the two.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cumulo_schema::Uuid;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};

use super::super::{CallContext, Caller, DEFAULT_DEADLINE};

/// The version of the message format. A receiver refuses what is newer.
pub(super) const VERSION: i64 = 1;
/// The longest deadline that is believed: what a client may ask for over HTTP, too.
const LONGEST: Duration = Duration::from_hours(30 * 24);
/// Queues whose names begin so are ours: an answer sent there would be taken for a message between nodes.
const OURS: &str = "zstack.";
const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// Why a message was not started, for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another node owns the resource, or will in a moment.
    Moved,
    /// It was sent to an earlier life of the receiver, which may have started it.
    Restarted,
    /// Its deadline had passed.
    Expired,
    /// It is of a newer version, has no handler, or cannot be read.
    Unknown,
    /// There is no queue of that name.
    Unroutable,
    /// It died in a queue.
    Dead,
}

const REFUSALS: [(Refused, &str); 6] = [
    (Refused::Moved, "moved"),
    (Refused::Restarted, "restarted"),
    (Refused::Expired, "expired"),
    (Refused::Unknown, "unknown"),
    (Refused::Unroutable, "unroutable"),
    (Refused::Dead, "dead"),
];

impl Refused {
    fn as_str(self) -> &'static str {
        REFUSALS.iter().find(|(refused, _)| *refused == self).map_or("unknown", |(_, text)| text)
    }

    fn read(text: &str) -> Self {
        REFUSALS.iter().find(|(_, known)| *known == text).map_or(Refused::Unknown, |(refused, _)| *refused)
    }
}

/// Properties of a call.
pub(super) struct Request<'r> {
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) context: &'r CallContext,
    pub(super) node: Uuid,
    /// The ring that the receiver was found on.
    pub(super) epoch: u64,
    pub(super) key: Option<Uuid>,
    pub(super) reply_to: &'static str,
}

impl Request<'_> {
    pub(super) fn properties(&self) -> BasicProperties {
        let remaining = self.context.remaining().max(Duration::from_millis(1));
        let mut headers = of_node(self.node, self.epoch);
        put(&mut headers, "deadline", AMQPValue::LongLongInt(epoch_millis().saturating_add(millis(remaining))));
        put(&mut headers, "timeout", AMQPValue::LongLongInt(millis(remaining)));
        put(&mut headers, "trace", text(self.context.trace));
        put(&mut headers, "account", text(self.context.caller.account));
        if let Some(session) = self.context.caller.session {
            put(&mut headers, "session", text(session));
        }
        if let Some(key) = self.key {
            put(&mut headers, "key", text(key));
        }
        if !self.context.stoppable {
            put(&mut headers, "unstoppable", AMQPValue::Boolean(true));
        }
        basic(self.name, headers)
            .with_delivery_mode(TRANSIENT)
            .with_message_id(self.id.to_string().into())
            .with_correlation_id(self.id.to_string().into())
            .with_reply_to(self.reply_to.into())
            .with_expiration(millis(remaining).to_string().into())
    }
}

/// Properties of an answer to the message `correlation`.
pub(super) fn of_answer(
    name: &str,
    correlation: &str,
    node: Uuid,
    epoch: u64,
    refused: Option<Refused>,
) -> BasicProperties {
    let mut headers = of_node(node, epoch);
    if let Some(refused) = refused {
        put(&mut headers, "refused", AMQPValue::LongString(refused.as_str().into()));
    }
    basic(name, headers).with_delivery_mode(PERSISTENT).with_correlation_id(short(correlation))
}

/// Properties of an event. Who hears those that have a path may hear no more than it says: a trace is the id of a job, and
/// who has that can fetch the job's answer.
pub(super) fn of_event(
    name: &str,
    path: Option<&str>,
    context: &CallContext,
    node: Uuid,
    epoch: u64,
) -> BasicProperties {
    let mut headers = of_node(node, epoch);
    put(&mut headers, "time", AMQPValue::LongLongInt(epoch_millis()));
    match path {
        Some(path) => put(&mut headers, "path", AMQPValue::LongString(path.into())),
        None => put(&mut headers, "trace", text(context.trace)),
    }
    basic(name, headers).with_delivery_mode(TRANSIENT).with_message_id(Uuid::random().to_string().into())
}

fn of_node(node: Uuid, epoch: u64) -> FieldTable {
    let mut headers = FieldTable::default();
    put(&mut headers, "version", AMQPValue::LongLongInt(VERSION));
    put(&mut headers, "node", text(node));
    put(&mut headers, "epoch", AMQPValue::LongLongInt(i64::try_from(epoch).unwrap_or(i64::MAX)));
    headers
}

fn basic(name: &str, headers: FieldTable) -> BasicProperties {
    BasicProperties::default().with_content_type("application/json".into()).with_type(short(name)).with_headers(headers)
}

fn put(headers: &mut FieldTable, name: &'static str, value: AMQPValue) {
    headers.insert(name.into(), value);
}

fn text(uuid: Uuid) -> AMQPValue {
    AMQPValue::LongString(uuid.to_string().into())
}

/// A text that AMQP counts in one byte; ours are shorter, and what is not ours comes out of such a text.
fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_else(|_| "".into())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn epoch_millis() -> i64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Reads what came with a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'d>(pub(super) &'d BasicProperties);

impl<'d> Received<'d> {
    /// The name of the message.
    pub(super) fn name(self) -> Option<&'d str> {
        self.0.kind().as_ref().map(ShortString::as_str)
    }

    pub(super) fn correlation(self) -> Option<&'d str> {
        self.0.correlation_id().as_ref().map(ShortString::as_str)
    }

    /// Where the answer goes, if anywhere.
    pub(super) fn reply_to(self) -> Option<&'d str> {
        self.0.reply_to().as_ref().map(ShortString::as_str).filter(|name| !name.is_empty() && !name.starts_with(OURS))
    }

    /// The message's own id, where it has one that is a uuid.
    pub(super) fn id(self) -> Option<Uuid> {
        self.0.message_id().as_ref().and_then(|id| id.as_str().parse().ok())
    }

    pub(super) fn version(self) -> i64 {
        self.number("version").unwrap_or(VERSION)
    }

    pub(super) fn epoch(self) -> Option<u64> {
        self.number("epoch").and_then(|epoch| u64::try_from(epoch).ok())
    }

    pub(super) fn refused(self) -> Option<Refused> {
        self.text("refused").map(Refused::read)
    }

    pub(super) fn uuid(self, name: &str) -> Option<Uuid> {
        self.text(name)?.parse().ok()
    }

    /// How long the call may take, if it says.
    pub(super) fn timeout(self) -> Option<Duration> {
        let timeout = self.number("timeout").and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis);
        let deadline = self
            .number("deadline")
            .map(|deadline| Duration::from_millis(u64::try_from(deadline.saturating_sub(epoch_millis())).unwrap_or(0)));
        let shorter = match (timeout, deadline) {
            (Some(timeout), Some(deadline)) => Some(timeout.min(deadline)),
            (one, other) => one.or(other),
        };
        shorter.map(|timeout| timeout.min(LONGEST))
    }

    /// What the handler works under.
    pub(super) fn context(self, now: Instant) -> CallContext {
        let account = self.uuid("account").unwrap_or(Caller::SYSTEM.account);
        CallContext {
            deadline: now + self.timeout().unwrap_or(DEFAULT_DEADLINE),
            trace: self.uuid("trace").unwrap_or_else(Uuid::random),
            caller: Caller { account, session: self.uuid("session") },
            stoppable: !self.flag("unstoppable"),
        }
    }

    pub(super) fn text(self, name: &str) -> Option<&'d str> {
        match self.header(name)? {
            AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
            AMQPValue::ShortString(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// A whole number; client libraries choose among AMQP's integers by size.
    fn number(self, name: &str) -> Option<i64> {
        match self.header(name)? {
            AMQPValue::LongLongInt(number) => Some(*number),
            AMQPValue::LongInt(number) => Some(i64::from(*number)),
            AMQPValue::LongUInt(number) => Some(i64::from(*number)),
            AMQPValue::ShortInt(number) => Some(i64::from(*number)),
            AMQPValue::ShortUInt(number) => Some(i64::from(*number)),
            AMQPValue::ShortShortInt(number) => Some(i64::from(*number)),
            AMQPValue::ShortShortUInt(number) => Some(i64::from(*number)),
            AMQPValue::Timestamp(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn flag(self, name: &str) -> bool {
        matches!(self.header(name), Some(AMQPValue::Boolean(true)))
    }

    pub(super) fn header(self, name: &str) -> Option<&'d AMQPValue> {
        self.0.headers().as_ref()?.inner().get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_arrives_as_it_was_sent() {
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, Duration::from_secs(9));
        let (id, node, key) = (Uuid::random(), Uuid::random(), Uuid::random());
        let request = Request { id, name: "Add", context: &context, node, epoch: 7, key: Some(key), reply_to: "r" };
        let properties = request.properties();
        let read = Received(&properties);
        assert_eq!(
            (read.name(), read.id(), read.epoch(), read.reply_to()),
            (Some("Add"), Some(id), Some(7), Some("r"))
        );
        assert_eq!((read.uuid("node"), read.uuid("key"), read.version()), (Some(node), Some(key), VERSION));
        let arrived = read.context(Instant::now());
        assert_eq!((arrived.trace, arrived.caller, arrived.stoppable), (context.trace, context.caller, true));
        let context = context.for_undo(Duration::ZERO);
        let properties = Request { context: &context, ..request }.properties();
        assert!(!Received(&properties).context(Instant::now()).stoppable, "an undo is not stopped");
        assert!((Duration::from_secs(8)..=Duration::from_secs(9)).contains(&arrived.remaining()));
        assert_eq!(properties.expiration().as_ref().map(|text| text.as_str().len()), Some(4), "8999 ms or so");
    }

    #[test]
    fn a_canonical_event_does_not_say_which_call_it_belongs_to() {
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, DEFAULT_DEADLINE);
        let trace = |path| {
            let properties = of_event("Happened", path, &context, Uuid::random(), 1);
            Received(&properties).uuid("trace")
        };
        assert_eq!((trace(None), trace(Some("/test/happened"))), (Some(context.trace), None));
    }

    #[test]
    fn no_answer_goes_to_a_queue_of_ours() {
        let to = |name: &str| {
            let properties = BasicProperties::default().with_reply_to(name.into());
            Received(&properties).reply_to().map(str::to_owned)
        };
        assert_eq!((to("client.1"), to("")), (Some("client.1".to_owned()), None));
        assert_eq!(to("zstack.message.host.1"), None);
    }

    #[test]
    fn the_earlier_end_counts_whatever_the_clocks_say() {
        let timeout = |timeout: Option<i64>, deadline: Option<i64>| {
            let mut headers = FieldTable::default();
            for (name, value) in [("timeout", timeout), ("deadline", deadline.map(|past| epoch_millis() + past))] {
                if let Some(value) = value {
                    put(&mut headers, name, AMQPValue::LongLongInt(value));
                }
            }
            Received(&BasicProperties::default().with_headers(headers)).timeout()
        };
        assert_eq!(timeout(Some(500), Some(60_000)), Some(Duration::from_millis(500)), "the sender's clock is ahead");
        assert_eq!(timeout(Some(60_000), Some(-5)), Some(Duration::ZERO), "it was long on the way");
        assert_eq!(timeout(Some(-1), None), None);
        assert_eq!(timeout(Some(i64::MAX), None), Some(LONGEST));
        assert_eq!(timeout(None, None), None);
    }

    #[test]
    fn every_refusal_has_a_word_of_its_own() {
        for (refused, text) in REFUSALS {
            assert_eq!((refused.as_str(), Refused::read(text)), (text, refused));
        }
    }
}

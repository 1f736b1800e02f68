//! What the broker could not deliver: counted, logged, and answered with an error, so that nobody waits in vain.
//!
//! All nodes drain both queues, so that a program outside is answered as long as one node is there.

use bytes::Bytes;
use cumulo_schema::{ErrorCode, codes};
use lapin::{
    message::Delivery,
    options::BasicAckOptions,
    types::{AMQPValue, ShortString},
};

use super::{
    Inner, Session,
    headers::{Received, Refused, of_answer},
    receive::settled,
};
use crate::bus::body;

impl Inner {
    pub(super) async fn answer_undelivered(&self, session: &Session, delivery: Delivery, unroutable: bool) {
        let received = Received(&delivery.properties);
        let name = received.name().unwrap_or("a message");
        let (refused, error) = match unroutable {
            true => {
                self.counters.answered_unroutable.add();
                let to = delivery.routing_key.as_str();
                tracing::warn!(message = name, to, "there is no way for a message");
                let text = format!("nobody takes messages at '{to}'; {name} was not delivered");
                (Refused::Unroutable, ErrorCode::new(codes::NO_ROUTE, text))
            }
            false => {
                self.counters.dead_letters.add();
                let (reason, queue) = death(received);
                tracing::warn!(message = name, queue, reason, "a message died in a queue");
                let code = if reason == "expired" { codes::TIMEOUT } else { codes::UNDELIVERABLE };
                (Refused::Dead, ErrorCode::new(code, format!("{name} was not handled: {reason} in the queue {queue}")))
            }
        };
        if let (Some(reply_to), Some(correlation)) = (received.reply_to(), received.correlation()) {
            let name = body::reply_name(received.name().unwrap_or_default());
            let properties = of_answer(&name, correlation, self.node(), self.epoch(), Some(refused));
            let answer = Bytes::from(body::encode_error(&error));
            if let Err(error) = session.answer(reply_to, properties, &answer).await {
                tracing::debug!(%error, "nobody was told of an undelivered message");
            }
        }
        settled(delivery.ack(BasicAckOptions::default()).await);
    }
}

/// Why and where a message died: the newest entry of what the broker wrote on it.
fn death<'d>(received: Received<'d>) -> (&'d str, &'d str) {
    let newest = match received.header("x-death") {
        Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice().first(),
        _ => None,
    };
    let text = |name: &str| match newest {
        Some(AMQPValue::FieldTable(death)) => match death.inner().get(name) {
            Some(AMQPValue::LongString(text)) => std::str::from_utf8(text.as_bytes()).ok(),
            Some(AMQPValue::ShortString(text)) => Some(ShortString::as_str(text)),
            _ => None,
        },
        _ => None,
    };
    (text("reason").unwrap_or("refused"), text("queue").unwrap_or("unknown"))
}

//! The receiver's side: what is late, misdirected or known already is answered without being started; the rest is done.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use cumulo_schema::{ErrorCode, Uuid, codes};
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicRejectOptions},
};

use super::{
    Inner,
    headers::{Received, Refused, VERSION, of_answer},
    seen::Known,
};
use crate::{
    bus::{CallContext, body, no_service, run_handler},
    cluster::{Claimed, Hold},
};

/// A message for a service here.
struct Incoming {
    id: Uuid,
    name: String,
    reply_to: Option<String>,
    key: Option<Uuid>,
    epoch: Option<u64>,
    version: i64,
    context: CallContext,
}

impl Inner {
    /// Takes a delivery of `service`'s queue.
    pub(super) async fn receive(self: Arc<Self>, service: &'static str, mut delivery: Delivery) {
        let now = Instant::now();
        self.counters.received.add();
        let Some(incoming) = read(&delivery, now) else {
            self.counters.malformed.add();
            tracing::warn!(service, "a message without a name or an id was refused");
            return settled(delivery.reject(BasicRejectOptions { requeue: false }).await);
        };
        let data = std::mem::take(&mut delivery.data);
        let mut unsettled = Some(&delivery);
        if self.is_behind(&incoming) {
            // It may be long, and must not count as a delivery that hangs; who sent it sends it again.
            acknowledge(unsettled.take()).await;
            self.counters.ahead.add();
            self.catch_up(&incoming).await;
        }
        let now = Instant::now();
        if let Err((refused, error)) = self.admit(service, &incoming, now) {
            acknowledge(unsettled).await;
            tracing::debug!(service, message = incoming.name, %error, "a message was refused");
            let answer = Bytes::from(body::encode_error(&error));
            return self.answer(incoming.reply_to.as_deref(), &incoming, &answer, Some(refused)).await;
        }
        let hold = match self.hold(&incoming, &mut unsettled).await {
            Ok(hold) => hold,
            Err((refused, error)) => {
                acknowledge(unsettled).await;
                self.counters.refused.add();
                let answer = Bytes::from(body::encode_error(&error));
                return self.answer(incoming.reply_to.as_deref(), &incoming, &answer, Some(refused)).await;
            }
        };
        let known = self.seen().begin(incoming.id, incoming.context.deadline, incoming.reply_to.as_deref(), now);
        if known != Known::New {
            self.counters.duplicates.add();
        }
        // The acknowledgement need not be waited for: what is delivered again is known.
        let settling = acknowledge(unsettled);
        let (answer, ()) = match known {
            Known::New => tokio::join!(self.handle(service, &incoming, data, hold), settling),
            Known::Running => return settling.await,
            Known::Answered(answer) => (Some((answer, incoming.reply_to.clone())), settling.await),
            Known::Forgotten => (Some((forgotten(&incoming), incoming.reply_to.clone())), settling.await),
        };
        if let Some((answer, reply_to)) = answer {
            self.answer(reply_to.as_deref(), &incoming, &answer, None).await;
        }
    }

    /// Whether its sender knows a ring that this node has not been told of yet.
    fn is_behind(&self, incoming: &Incoming) -> bool {
        incoming.epoch.is_some_and(|epoch| epoch > self.epoch())
    }

    /// Waits for that ring, as long as somebody waits for the answer: on an older one this node would refuse what is its own.
    async fn catch_up(&self, incoming: &Incoming) {
        let wanted = incoming.epoch.unwrap_or_default();
        tokio::select! {
            _ = self.members.until(|view| view.ring.epoch() >= wanted) => {}
            () = tokio::time::sleep_until(incoming.context.deadline.into()) => {}
            () = self.draining.cancelled() => {}
        }
    }

    /// Why a message is not to be started, if it is not.
    fn admit(&self, service: &str, incoming: &Incoming, now: Instant) -> Result<(), (Refused, ErrorCode)> {
        let view = self.members.view();
        let (name, node) = (&incoming.name, self.node());
        let refuse = |refused, code, text: String| Err((refused, ErrorCode::new(code, text)));
        if incoming.context.deadline <= now {
            self.counters.expired.add();
            let text = format!("{name} reached the service {service} too late, or the nodes' clocks differ");
            return refuse(Refused::Expired, codes::TIMEOUT, text);
        }
        if incoming.version > VERSION {
            let text = format!("the node {node} is older than what sent {name}; upgrade it");
            return refuse(Refused::Unknown, codes::UNKNOWN_MESSAGE, text);
        }
        if incoming.epoch.is_some_and(|epoch| epoch < view.joined) {
            self.counters.refused.add();
            let text = format!("the node {node} started anew while it was asked for {name}; it may have done it");
            return refuse(Refused::Restarted, codes::NODE_UNAVAILABLE, text);
        }
        let owner = incoming.key.and_then(|key| view.ring.owner(&key));
        if self.draining.is_cancelled() || owner.is_some_and(|owner| owner != node) {
            self.counters.refused.add();
            let text = format!("the node {node} does not own what {name} is about (any more)");
            return refuse(Refused::Moved, codes::NODE_UNAVAILABLE, text);
        }
        Ok(())
    }

    /// The right to work on what it is about. Waiting for it may take long, and must not count as a delivery that hangs.
    async fn hold(&self, incoming: &Incoming, unsettled: &mut Option<&Delivery>) -> Result<Hold, (Refused, ErrorCode)> {
        let claim = incoming.context.scope(self.bus.hold(incoming.key));
        tokio::pin!(claim);
        let claimed = match futures::poll!(&mut claim) {
            std::task::Poll::Ready(claimed) => claimed,
            std::task::Poll::Pending => {
                acknowledge(unsettled.take()).await;
                claim.await
            }
        };
        let moved = |error| (Refused::Moved, error);
        match claimed.map_err(moved)? {
            Claimed::Here(hold) => Ok(hold),
            Claimed::There => {
                let text = format!("the node {} does not own what {} is about (any more)", self.node(), incoming.name);
                Err(moved(ErrorCode::new(codes::NODE_UNAVAILABLE, text)))
            }
        }
    }

    /// Has it handled; the answer and where it goes, as far as somebody waits.
    async fn handle(
        &self,
        service: &'static str,
        incoming: &Incoming,
        data: Vec<u8>,
        hold: Hold,
    ) -> Option<(Bytes, Option<String>)> {
        let answer = self.bus.installed().and_then(|(handlers, _)| handlers.named(service, &incoming.name));
        let outcome = match answer {
            Some(answer) => {
                let (bus, visit) = (self.bus.clone(), self.bus.visit(&incoming.context));
                let work = hold.scope(async move {
                    let _visit = visit;
                    answer(bus, data).await
                });
                run_handler(service, &incoming.name, incoming.context, work).await
            }
            None => Err(no_service(service, &incoming.name)),
        };
        let answer = Bytes::from(outcome.unwrap_or_else(|error| body::encode_error(&error)));
        let reply_to = self.seen().finish(incoming.id, answer.clone(), Instant::now());
        Some((answer, reply_to))
    }

    async fn answer(&self, reply_to: Option<&str>, incoming: &Incoming, answer: &Bytes, refused: Option<Refused>) {
        let (Some(reply_to), Some(session)) = (reply_to, self.session.borrow().clone()) else {
            // Whoever still waits asks again, and is answered from memory.
            return;
        };
        let name = body::reply_name(&incoming.name);
        let properties = of_answer(&name, &incoming.id.to_string(), self.node(), self.epoch(), refused);
        if let Err(error) = session.answer(reply_to, properties, answer).await {
            tracing::debug!(message = incoming.name, %error, "an answer was not sent");
        }
    }
}

fn read(delivery: &Delivery, now: Instant) -> Option<Incoming> {
    let received = Received(&delivery.properties);
    Some(Incoming {
        id: received.id()?,
        name: received.name()?.to_owned(),
        reply_to: received.reply_to().map(str::to_owned),
        key: received.uuid("key"),
        epoch: received.epoch(),
        version: received.version(),
        context: received.context(now),
    })
}

fn forgotten(incoming: &Incoming) -> Bytes {
    let text = format!("{} was done, but its answer was not fetched in time", incoming.name);
    Bytes::from(body::encode_error(&ErrorCode::new(codes::UNDELIVERABLE, text)))
}

pub(super) async fn acknowledge(delivery: Option<&Delivery>) {
    if let Some(delivery) = delivery {
        settled(delivery.ack(BasicAckOptions::default()).await);
    }
}

/// A broker that did not hear an acknowledgement delivers again.
pub(super) fn settled(outcome: lapin::Result<bool>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a delivery was not acknowledged");
    }
}

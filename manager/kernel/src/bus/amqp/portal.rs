//! API messages of programs outside, from the queue that all nodes share.
//!
//! A message is acknowledged when its call is a recorded job, or was answered: should this node die before, it is delivered
//! again. It is not held longer, as a broker takes the channel from who does (after half an hour, unless told otherwise).
//! An asynchronous call that comes again is found by its job, whose id is the message's; a synchronous one is only repeated
//! where it changes nothing.
//!
//! An answer is remembered for the whole message, not for its id alone: who knows an id need not know the session.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_schema::{ErrorCode, Uuid, codes};
use lapin::{Confirmation, message::Delivery, options::BasicNackOptions};
use tokio::sync::Notify;

use super::{
    Inner,
    headers::{Received, of_answer},
    receive::{acknowledge, settled},
    seen::Known,
};
use crate::bus::{CallContext, Caller, body};

/// How long an answer waits for a broker before whoever asked has to ask again.
const ANSWERING: Duration = Duration::from_mins(2);
/// How long an API message is remembered; longer only while it is being handled.
const REMEMBERED: Duration = Duration::from_mins(10);

/// Answers API messages.
#[async_trait]
pub(crate) trait Portal: Send + Sync + 'static {
    /// Checks and does what the message asks, and answers with a body.
    async fn serve(&self, request: PortalRequest) -> Vec<u8>;
}

/// An API message.
pub(crate) struct PortalRequest {
    /// The message's id, and of the job it may become.
    pub(crate) id: Uuid,
    /// The member's name says which API, its value are the parameters.
    pub(crate) body: Vec<u8>,
    /// How long it may take, where the program says.
    pub(crate) timeout: Option<Duration>,
    /// A node that is gone may have begun with it.
    pub(crate) redelivered: bool,
    /// Told when the call cannot be lost any more, if that is before it is answered.
    pub(crate) recorded: Arc<Notify>,
}

impl Inner {
    pub(super) async fn serve_portal(self: Arc<Self>, portal: Arc<dyn Portal>, mut delivery: Delivery) {
        if self.bus.is_fenced() {
            // For another node to take; not at once, since it may come back to this one.
            tokio::time::sleep(self.timing.reconnect).await;
            return settled(delivery.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await);
        }
        if self.draining.is_cancelled() {
            return settled(delivery.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await);
        }
        self.counters.api_calls.add();
        let received = Received(&delivery.properties);
        let mut reply_to = received.reply_to().map(str::to_owned);
        let correlation = received.correlation().unwrap_or_default().to_owned();
        let id = received.id().or_else(|| correlation.parse().ok()).unwrap_or_else(Uuid::random);
        let timeout = received.timeout();
        let now = Instant::now();
        let until = now + REMEMBERED;
        let data = std::mem::take(&mut delivery.data);
        let whole = id.derive(&String::from_utf8_lossy(&data));
        let known = match timeout {
            Some(Duration::ZERO) => {
                self.counters.expired.add();
                let error = ErrorCode::new(codes::TIMEOUT, "the message's deadline had passed, or the clocks differ");
                Known::Answered(Bytes::from(body::encode_error(&error)))
            }
            _ => self.seen().begin(whole, until, reply_to.as_deref(), now),
        };
        let mut unsettled = Some(&delivery);
        let answer = match known {
            Known::New => {
                let (redelivered, recorded) = (delivery.redelivered, Arc::default());
                let request = PortalRequest { id, body: data, timeout, redelivered, recorded };
                let body = Bytes::from(self.serve_new(portal, request, &mut unsettled).await);
                // A program that connected anew and sent it again waits elsewhere.
                reply_to = self.seen().finish(whole, body.clone(), Instant::now());
                body
            }
            // It is answered when it is done, by whoever does it.
            Known::Running => return acknowledge(unsettled).await,
            Known::Answered(answer) => answer,
            Known::Forgotten => Bytes::from(body::encode_error(&ErrorCode::new(
                codes::UNDELIVERABLE,
                "the call was answered, but its answer was not fetched in time",
            ))),
        };
        if let Some(reply_to) = reply_to {
            self.answer_outside(&reply_to, &correlation, &answer).await;
        }
        acknowledge(unsettled).await;
    }

    /// Has it done, and acknowledges `unsettled` as soon as it cannot be lost any more.
    async fn serve_new(
        &self,
        portal: Arc<dyn Portal>,
        request: PortalRequest,
        unsettled: &mut Option<&Delivery>,
    ) -> Vec<u8> {
        let recorded = request.recorded.clone();
        let context = CallContext::starting(request.id, Caller::SYSTEM, request.timeout.unwrap_or(REMEMBERED));
        let mut served = tokio::spawn(context.scope(async move { portal.serve(request).await }));
        let served = tokio::select! {
            served = &mut served => served,
            () = recorded.notified() => {
                acknowledge(unsettled.take()).await;
                self.counters.api_recorded.add();
                served.await
            }
        };
        served.unwrap_or_else(|ended| {
            body::encode_error(&ErrorCode::internal("the call failed; the log says more").because_of(&ended))
        })
    }

    /// Sends an answer to a program's queue, again while the broker is away.
    async fn answer_outside(&self, reply_to: &str, correlation: &str, answer: &Bytes) {
        let name = body::member(answer).unwrap_or_default();
        let send = async {
            loop {
                let session = self.ready_session().await;
                let properties = of_answer(&name, correlation, self.node(), self.epoch(), None);
                let sent = tokio::select! {
                    sent = session.answer_surely(reply_to, properties, answer) => sent,
                    () = session.down.cancelled() => continue,
                };
                match sent {
                    Ok(Confirmation::Ack(Some(_))) => {
                        self.counters.no_route.add();
                        return tracing::debug!(reply_to, "the queue that an answer was to go to is not there");
                    }
                    Ok(Confirmation::Nack(_)) => tokio::time::sleep(self.timing.reconnect).await,
                    Ok(_) => return,
                    Err(_) => session.down.cancelled().await,
                }
            }
        };
        let in_time = tokio::select! {
            in_time = tokio::time::timeout(ANSWERING, send) => in_time.is_ok(),
            () = self.closed.cancelled() => false,
        };
        if !in_time {
            tracing::warn!(correlation, "an answer found no broker in time");
        }
    }
}

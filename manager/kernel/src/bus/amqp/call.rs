//! The caller's side: sends until it is answered or it is too late.

use std::time::Duration;

use bytes::Bytes;
use cumulo_schema::{ErrorCode, Message, Uuid, codes};
use futures::FutureExt;
use lapin::Confirmation;
use tokio::time::Instant;

use super::{
    Amqp, Inner, Owner, Session,
    carrier::Confirming,
    headers::{Received, Refused, Request},
    pending::{Answer, Waiting},
    topology,
};
use crate::bus::{CallContext, body, timed_out};

/// Why a call has no answer of its handler.
#[derive(Debug)]
pub(in crate::bus) enum CallError {
    /// Another node owns the resource by now; nothing was started.
    Moved,
    /// It ends here.
    Failed(Box<ErrorCode>),
}

impl From<ErrorCode> for CallError {
    fn from(error: ErrorCode) -> Self {
        CallError::Failed(Box::new(error))
    }
}

impl Amqp {
    pub(in crate::bus) async fn call<M: Message>(&self, owner: Owner, message: &M) -> Result<M::Reply, CallError> {
        let body = body::encode(M::NAME, message)?;
        let call = Call {
            id: Uuid::random(),
            service: M::SERVICE,
            name: M::NAME,
            owner,
            key: message.key(),
            body,
            context: CallContext::current(),
        };
        self.0.counters.calls.add();
        let answer = self.0.exchange(&call).await?;
        if answer.refused == Some(Refused::Moved) {
            self.0.follow(&call, &answer).await?;
            return Err(CallError::Moved);
        }
        let unreadable = |cause: serde_json::Error| {
            ErrorCode::internal(format!("the answer of the node {} to {} cannot be read", owner.node, M::NAME))
                .because_of(&cause)
        };
        body::decode_answer(&body::reply_name(M::NAME), &answer.body).map_err(unreadable)?.map_err(CallError::from)
    }
}

struct Call {
    id: Uuid,
    service: &'static str,
    name: &'static str,
    owner: Owner,
    key: Option<Uuid>,
    body: Vec<u8>,
    context: CallContext,
}

/// What ended a wait.
enum Waited {
    Answer(Answer),
    /// Nothing was heard; send again.
    Again,
}

impl Inner {
    async fn exchange(&self, call: &Call) -> Result<Answer, ErrorCode> {
        let mut waiting = self.pending.wait(call.id);
        let deadline = Instant::from_std(call.context.deadline);
        // Until the broker has confirmed it once, nobody can have lost it but us.
        let mut handover = Some(Instant::now() + self.timing.handover);
        let mut pause = self.timing.resend;
        let mut sent = false;
        loop {
            let limit = handover.map_or(deadline, |handover| handover.min(deadline));
            let Ok(session) = tokio::time::timeout_at(limit, self.ready_session()).await else {
                return Err(self.given_up(call, sent, deadline));
            };
            if sent {
                self.counters.resent.add();
            }
            sent = true;
            let queue = topology::service_queue(call.service, &call.owner.node);
            let request = session.request(&queue, self.properties(call), &call.body);
            let confirm = tokio::select! {
                confirm = request => match confirm {
                    Ok(confirm) => confirm,
                    // The session is lost, or about to be.
                    Err(_) => { self.lost(&session).await; continue }
                },
                () = session.down.cancelled() => continue,
                () = tokio::time::sleep_until(limit) => return Err(self.given_up(call, sent, deadline)),
            };
            let mut confirm = Confirm(Some(confirm));
            let resend = Instant::now() + pause;
            let waited = self.wait(call, &mut waiting, &mut confirm, &mut handover, (&session, resend, deadline));
            match waited.await? {
                Waited::Answer(answer) => return Ok(answer),
                Waited::Again => pause = (pause * 2).min(self.timing.resend_most),
            }
        }
    }

    async fn wait(
        &self,
        call: &Call,
        waiting: &mut Waiting,
        confirm: &mut Confirm,
        handover: &mut Option<Instant>,
        (session, resend, deadline): (&Session, Instant, Instant),
    ) -> Result<Waited, ErrorCode> {
        let gone = self.members.until(|view| !view.ring.contains(&call.owner.node));
        tokio::pin!(gone);
        loop {
            let limit = handover.map_or(deadline, |handover| handover.min(deadline));
            tokio::select! {
                biased;
                answer = &mut waiting.answer => return match answer {
                    Ok(answer) => Ok(Waited::Answer(answer)),
                    Err(_) => Err(ErrorCode::internal("a call was forgotten")),
                },
                confirmed = confirm.wait() => match confirmed {
                    Ok(Confirmation::Ack(Some(_))) => {
                        self.counters.no_route.add();
                        return Err(no_route(call));
                    }
                    Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => *handover = None,
                    // The broker could not keep it, or the session is lost: once more, but not at once.
                    Ok(Confirmation::Nack(_)) => {
                        tokio::time::sleep_until((Instant::now() + self.timing.reconnect).min(limit)).await;
                        return Ok(Waited::Again);
                    }
                    Err(_) => { self.lost(session).await; return Ok(Waited::Again) }
                },
                () = session.down.cancelled() => return Ok(Waited::Again),
                _ = &mut gone => return Err(node_left(call)),
                () = tokio::time::sleep_until(limit) => return Err(self.given_up(call, true, deadline)),
                () = tokio::time::sleep_until(resend) => return Ok(Waited::Again),
            }
        }
    }

    fn properties(&self, call: &Call) -> lapin::BasicProperties {
        let request = Request {
            id: call.id,
            name: call.name,
            context: &call.context,
            node: self.node(),
            epoch: call.owner.epoch,
            key: call.key,
            reply_to: topology::REPLY_QUEUE,
        };
        request.properties()
    }

    /// Gives a session that fails to send the time to notice.
    async fn lost(&self, session: &Session) {
        let patience = self.timing.reconnect;
        if tokio::time::timeout(patience, session.down.cancelled()).await.is_err() {
            session.down.cancel();
        }
    }

    fn given_up(&self, call: &Call, sent: bool, deadline: Instant) -> ErrorCode {
        if Instant::now() >= deadline {
            return timed_out(call.service, call.name);
        }
        let why = self.unreachable();
        let may = if sent { "; it may still be done" } else { "" };
        let to = call.owner.node;
        let text = format!("{} was not sent to the management node {to}{may}", call.name);
        ErrorCode::new(codes::UNDELIVERABLE, text).because(why)
    }

    /// Waits until this node knows the ring that the receiver knew.
    async fn follow(&self, call: &Call, answer: &Answer) -> Result<(), ErrorCode> {
        let wanted = answer.epoch.unwrap_or_default().max(call.owner.epoch + 1);
        let patience = self.timing.moving.min(call.context.remaining());
        let known = self.members.until(|view| view.ring.epoch() >= wanted);
        match tokio::time::timeout(patience, known).await {
            Ok(_) => Ok(()),
            Err(_) => Err(body::decode_error(&answer.body).unwrap_or_else(|| {
                let text = format!("the management node {} does not take {} any more", call.owner.node, call.name);
                ErrorCode::new(codes::NODE_UNAVAILABLE, text)
            })),
        }
    }

    /// An answer came in.
    pub(super) fn answered(&self, delivery: &lapin::message::Delivery) {
        let received = Received(&delivery.properties);
        let answer = Answer {
            body: Bytes::copy_from_slice(&delivery.data),
            refused: received.refused(),
            epoch: received.epoch(),
        };
        if answer.refused == Some(Refused::Unroutable) {
            self.counters.no_route.add();
        }
        let id = received.correlation().and_then(|id| id.parse().ok());
        if !id.is_some_and(|id| self.pending.answer(id, answer)) {
            self.counters.unknown_answers.add();
            tracing::debug!(correlation = received.correlation(), name = received.name(), "nobody waits for an answer");
        }
    }
}

/// A confirmation that is waited for to its end, even when its call is over: lapin keeps those that are dropped.
struct Confirm(Option<Confirming>);

impl Confirm {
    /// Waits for it; for ever once it has come.
    async fn wait(&mut self) -> lapin::Result<Confirmation> {
        let Some(confirm) = &mut self.0 else { return std::future::pending().await };
        let confirmed = confirm.await;
        self.0 = None;
        confirmed
    }
}

impl Drop for Confirm {
    fn drop(&mut self) {
        let Some(mut confirm) = self.0.take() else { return };
        if (&mut confirm).now_or_never().is_none() {
            tokio::spawn(async move {
                // Whatever it is: the call is over.
                let _ = tokio::time::timeout(Duration::from_mins(1), confirm).await;
            });
        }
    }
}

fn no_route(call: &Call) -> ErrorCode {
    let text = format!(
        "the management node {} takes no messages for the service {}: it is gone, or has no such service",
        call.owner.node, call.service
    );
    ErrorCode::new(codes::NO_ROUTE, text)
}

fn node_left(call: &Call) -> ErrorCode {
    let text = format!(
        "the management node {} left while it was asked for {}; look what became of it, it may have done it",
        call.owner.node, call.name
    );
    ErrorCode::new(codes::NODE_UNAVAILABLE, text)
}

//! Keeps a session up: connects, serves what comes in, and connects again when it is lost.

use std::{sync::Arc, time::Duration};

use cumulo_schema::{ErrorCode, codes};
use lapin::message::Delivery;

use super::{
    Inner, Session,
    carrier::Deliveries,
    session::{OpenError, patiently},
    topology,
};

impl Inner {
    /// Runs until the node closes the bus.
    pub(super) async fn supervise(self: Arc<Self>) {
        let mut pause = self.timing.reconnect;
        while !self.closed.is_cancelled() {
            match self.open().await {
                Ok(session) => {
                    pause = self.timing.reconnect;
                    self.counters.connected.add();
                    tracing::info!(broker = %self.broker, "connected to the message broker");
                    self.session.send_replace(Some(session.clone()));
                    tokio::select! {
                        () = session.down.cancelled() => {}
                        () = self.count_stops(&session) => {}
                        () = self.closed.cancelled() => {}
                    }
                    self.session.send_replace(None);
                    session.close().await;
                    if !self.closed.is_cancelled() {
                        tracing::warn!(broker = %self.broker, "the connection to the message broker was lost");
                    }
                }
                Err(error) => {
                    let text = sentence(&error);
                    tracing::warn!(broker = %self.broker, error = text, pause_ms = pause.as_millis(), "no message broker");
                    *self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(text);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(jittered(pause)) => {}
                () = self.closed.cancelled() => {}
            }
            pause = (pause * 2).min(self.timing.reconnect_most);
        }
    }

    /// Counts how often the broker stops taking messages, as long as the session lives.
    async fn count_stops(&self, session: &Session) {
        let mut blocked = session.blocked();
        while blocked.wait_for(Option::is_some).await.is_ok() {
            self.counters.blocked.add();
            if blocked.wait_for(Option::is_none).await.is_err() {
                return;
            }
        }
    }

    /// A session on which everything is received that is for this node.
    async fn open(self: &Arc<Self>) -> Result<Arc<Session>, OpenError> {
        let services = self.bus.installed().map(|(handlers, _)| handlers.services()).unwrap_or_default();
        let services: Vec<&'static str> = services.into_iter().collect();
        let session = Arc::new(Session::open(&self.broker, &self.members, &services).await?);
        match patiently(self.receive_all(&session, &services)).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.close().await;
                Err(error)
            }
        }
    }

    async fn receive_all(self: &Arc<Self>, session: &Arc<Session>, services: &[&'static str]) -> lapin::Result<()> {
        if let Some(replies) = session.take_replies() {
            // Answers are wanted to the very end.
            self.serve(session, replies, &self.closed, |inner, _, delivery| async move { inner.answered(&delivery) });
        }
        if self.draining.is_cancelled() {
            return Ok(());
        }
        for service in services.iter().copied() {
            let queue = topology::service_queue(service, &self.node());
            let consumer = session.consume(&queue).await?;
            self.serve(session, consumer, &self.draining, move |inner, _, delivery| {
                // Not among the tasks that a stop waits for: a handler may take its time.
                tokio::spawn(inner.receive(service, delivery));
                std::future::ready(())
            });
        }
        let events = session.consume(&topology::event_queue(&self.node())).await?;
        self.serve(session, events, &self.draining, |inner, _, delivery| async move { inner.hear(delivery).await });
        for queue in [topology::NO_ROUTE_QUEUE, topology::DEAD_QUEUE] {
            let consumer = session.consume(queue).await?;
            self.serve(session, consumer, &self.draining, move |inner, session, delivery| async move {
                inner.answer_undelivered(&session, delivery, queue == topology::NO_ROUTE_QUEUE).await;
            });
        }
        self.tasks.spawn(self.clone().receive_api_messages(session.clone()));
        Ok(())
    }

    /// Takes API messages as soon as there is who serves them; until then other nodes may.
    async fn receive_api_messages(self: Arc<Self>, session: Arc<Session>) {
        let mut portal = self.portal.subscribe();
        let portal = tokio::select! {
            portal = portal.wait_for(Option::is_some) => portal.ok().and_then(|portal| portal.clone()),
            () = session.down.cancelled() => return,
            () = self.draining.cancelled() => return,
        };
        let Some(portal) = portal else { return };
        match patiently(session.consume(topology::PORTAL_QUEUE)).await {
            Ok(consumer) => self.serve(&session, consumer, &self.draining, move |inner, _, delivery| {
                tokio::spawn(inner.serve_portal(portal.clone(), delivery));
                std::future::ready(())
            }),
            Err(error) => {
                tracing::warn!(error = sentence(&error), "API messages cannot be received");
                session.down.cancel();
            }
        }
    }

    fn serve<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        deliveries: Deliveries,
        stop: &tokio_util::sync::CancellationToken,
        take: impl Fn(Arc<Inner>, Arc<Session>, Delivery) -> F + Send + 'static,
    ) {
        let (inner, of) = (self.clone(), session.clone());
        let drain =
            session.clone().drain(deliveries, stop.clone(), move |delivery| take(inner.clone(), of.clone(), delivery));
        self.tasks.spawn(drain);
    }

    /// A session on which the broker takes messages, if there is one within `patience`.
    pub(super) async fn session_within(&self, patience: Duration) -> Result<Arc<Session>, ErrorCode> {
        tokio::time::timeout(patience, self.ready_session()).await.map_err(|_| self.unreachable())
    }

    /// Waits for a session on which the broker takes messages.
    pub(super) async fn ready_session(&self) -> Arc<Session> {
        let mut sessions = self.session.subscribe();
        loop {
            let session = sessions.borrow_and_update().clone();
            let Some(session) = session else {
                // The sender lives as long as `self`.
                let _ = sessions.changed().await;
                continue;
            };
            let mut blocked = session.blocked();
            tokio::select! {
                free = blocked.wait_for(Option::is_none) => if free.is_ok() { return session },
                _ = sessions.changed() => {}
            }
        }
    }

    /// Why there is no session to send on.
    pub(super) fn unreachable(&self) -> ErrorCode {
        let blocked = self.session.borrow().as_ref().and_then(|session| session.blocked().borrow().clone());
        let text = match blocked {
            Some(reason) => format!("the message broker at {} takes no messages ({reason}); give it room", self.broker),
            None => format!("the message broker at {} cannot be reached; see that it runs", self.broker),
        };
        let error = ErrorCode::new(codes::UNDELIVERABLE, text);
        match self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone() {
            Some(trouble) if self.session.borrow().is_none() => error.because(ErrorCode::operation(trouble)),
            _ => error,
        }
    }
}

/// An error with what led to it, in one line.
fn sentence(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Between half of it and all of it, so that nodes do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..=1.0))
}

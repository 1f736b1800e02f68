//! Events between nodes, and to programs outside.
//!
//! One task sends them, so that listeners hear a node's events in the order in which it told them. What was not confirmed
//! when the connection broke is sent again under its id: nodes hear it once, programs outside may hear it twice.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cumulo_schema::Event;
use lapin::{BasicProperties, Confirmation, message::Delivery, options::BasicAckOptions};
use tokio::sync::mpsc;

use super::{
    Amqp, Inner,
    headers::{Received, of_event},
    receive::settled,
    seen::Known,
};
use crate::bus::{CallContext, body};

/// Events that are on the way to the broker at once.
const BATCH: usize = 256;
/// How soon a broker that takes messages confirms events.
const CONFIRMED: Duration = Duration::from_secs(30);
/// How long an event's id is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);

pub(super) struct OutEvent {
    key: String,
    properties: BasicProperties,
    body: Vec<u8>,
}

impl Amqp {
    /// Tells the other nodes, and programs outside where `E` has a path. Never waits: events that find no room are dropped
    /// and counted, as are those that are too large.
    pub(in crate::bus) fn broadcast<E: Event>(&self, event: &E) {
        let inner = &self.0;
        let body = match body::encode(E::NAME, event) {
            Ok(body) => body,
            Err(error) => {
                inner.counters.events_dropped.add();
                return tracing::error!(event = E::NAME, %error, "an event cannot be sent");
            }
        };
        let properties = of_event(E::NAME, E::PATH, &CallContext::current(), inner.node(), inner.epoch());
        if inner.outbox.try_send(OutEvent { key: routing_key::<E>(), properties, body }).is_err() {
            inner.counters.events_dropped.add();
        }
    }
}

/// `canonical.vm.state.change` of the path `/vm/state/change`; `event.HostAdded` of what has none.
fn routing_key<E: Event>() -> String {
    match E::PATH {
        Some(path) => format!("canonical{}", path.replace('/', ".")),
        None => format!("event.{}", E::NAME),
    }
}

impl Inner {
    pub(super) async fn send_events(self: Arc<Self>, mut outbox: mpsc::Receiver<OutEvent>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if batch.is_empty() {
                tokio::select! {
                    received = outbox.recv_many(&mut batch, BATCH) => if received == 0 { return },
                    () = self.closed.cancelled() => return,
                }
            }
            let session = tokio::select! {
                session = self.ready_session() => session,
                () = self.closed.cancelled() => return,
            };
            let mut confirms = Vec::with_capacity(batch.len());
            let sent = async {
                for event in &batch {
                    confirms.push(session.event(&event.key, event.properties.clone(), &event.body).await?);
                }
                let mut kept = true;
                for confirm in confirms {
                    kept &= !matches!(confirm.await?, Confirmation::Nack(_));
                }
                lapin::Result::Ok(kept)
            };
            let sent = tokio::select! {
                sent = sent => sent.ok(),
                () = session.down.cancelled() => None,
                () = session.silent_for(CONFIRMED) => None,
            };
            match sent {
                Some(true) => batch.drain(..).for_each(|_| self.counters.events_sent.add()),
                // The broker could not keep one of them.
                Some(false) => tokio::time::sleep(self.timing.reconnect).await,
                // A failure that the session does not see itself.
                None => session.down.cancel(),
            }
        }
    }

    /// Tells an event of another node to the listeners here.
    pub(super) async fn hear(&self, delivery: Delivery) {
        let received = Received(&delivery.properties);
        let own = received.uuid("node") == Some(self.node());
        let now = Instant::now();
        let new = !own && received.id().is_none_or(|id| self.hear_once(id, now));
        if let (true, Some(name)) = (new, received.name()) {
            self.counters.events_heard.add();
            let tell = self.bus.installed().and_then(|(_, subscribers)| subscribers.named(name));
            if let Some(tell) = tell {
                let told = received.context(now).scope(async { tell(&self.bus, &delivery.data) }).await;
                if let Err(error) = told {
                    self.counters.malformed.add();
                    tracing::warn!(event = name, %error, "an event could not be read");
                }
            }
        }
        settled(delivery.ack(BasicAckOptions::default()).await);
    }

    fn hear_once(&self, id: cumulo_schema::Uuid, now: Instant) -> bool {
        let mut seen = self.seen();
        let new = seen.begin(id, now + REMEMBERED, None, now) == Known::New;
        if new {
            seen.finish(id, Bytes::new(), now);
        }
        new
    }
}

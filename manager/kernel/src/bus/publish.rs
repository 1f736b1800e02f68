//! Events: told to every listener on every node, each in a task of its own; a listener that fails disturbs nobody.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Event};

use super::{Bus, CallContext, body};
use crate::plan::Planning;

/// Hears one type of event.
#[async_trait]
pub trait OnEvent<E: Event>: Send + Sync + 'static {
    /// Called once per event, in no promised order between listeners, on every node that is to hear. An error is logged.
    async fn on_event(&self, event: E) -> Result<(), ErrorCode>;

    /// Whether every node is to hear, or only the one where it happened: who passes events on does it once.
    fn is_for_all_nodes(&self) -> bool {
        true
    }
}

/// Decodes an event and tells the listeners here.
type Tell = fn(&Bus, &[u8]) -> serde_json::Result<()>;

/// Listeners, by event type for this process and by name for what comes from elsewhere.
#[derive(Default)]
pub(crate) struct Subscribers {
    by_type: HashMap<TypeId, Vec<Box<dyn Any + Send + Sync>>>,
    by_name: HashMap<&'static str, Tell>,
}

impl Subscribers {
    pub(crate) fn add<E: Event>(&mut self, listener: Arc<dyn OnEvent<E>>) {
        self.by_type.entry(TypeId::of::<E>()).or_default().push(Box::new(listener));
        self.by_name.insert(E::NAME, |bus, body| body::decode(E::NAME, body).map(|event: E| bus.tell(&event, false)));
    }

    pub(super) fn named(&self, name: &str) -> Option<Tell> {
        self.by_name.get(name).copied()
    }
}

impl Bus {
    /// Tells every listener of `event`, here and on the other nodes, and programs outside where it has a canonical path;
    /// returns at once.
    pub fn publish<E: Event>(&self, event: &E) {
        if Planning::current().is_some() {
            return;
        }
        if let (Some(node), Some(change)) = (&self.node, event.change()) {
            node.timeline.changed(change);
        }
        self.tell(event, true);
        if let Some(amqp) = self.amqp() {
            amqp.broadcast(event);
        }
    }

    /// Tells the listeners of this process; those that want what happened here only, if it did.
    pub(super) fn tell<E: Event>(&self, event: &E, happened_here: bool) {
        let Some((_, subscribers)) = self.installed() else { return };
        let listeners = subscribers.by_type.get(&TypeId::of::<E>()).into_iter().flatten();
        for listener in listeners.filter_map(|any| any.downcast_ref::<Arc<dyn OnEvent<E>>>()) {
            if !happened_here && !listener.is_for_all_nodes() {
                continue;
            }
            let (listener, event) = (listener.clone(), event.clone());
            tokio::spawn(CallContext::current().scope(async move {
                if let Err(error) = listener.on_event(event).await {
                    tracing::warn!(event = E::NAME, %error, "a listener failed");
                }
            }));
        }
    }
}

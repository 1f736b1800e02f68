//! Events: told to every listener, each in a task of its own; a listener that fails disturbs nobody.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Event};

use super::{Bus, CallContext};
use crate::plan::Planning;

/// Hears one type of event.
#[async_trait]
pub trait OnEvent<E: Event>: Send + Sync + 'static {
    /// Called once per event, in no promised order between listeners. An error is logged.
    async fn on_event(&self, event: E) -> Result<(), ErrorCode>;
}

/// Listeners by event type.
#[derive(Default)]
pub(crate) struct Subscribers(HashMap<TypeId, Vec<Box<dyn Any + Send + Sync>>>);

impl Subscribers {
    pub(crate) fn add<E: Event>(&mut self, listener: Arc<dyn OnEvent<E>>) {
        self.0.entry(TypeId::of::<E>()).or_default().push(Box::new(listener));
    }
}

impl Bus {
    /// Tells every listener of `event`; returns at once.
    pub fn publish<E: Event>(&self, event: &E) {
        if Planning::current().is_some() {
            return;
        }
        let Some((_, subscribers)) = self.installed.get() else { return };
        let listeners = subscribers.0.get(&TypeId::of::<E>()).into_iter().flatten();
        for listener in listeners.filter_map(|any| any.downcast_ref::<Arc<dyn OnEvent<E>>>()) {
            let (listener, event) = (listener.clone(), event.clone());
            tokio::spawn(CallContext::current().scope(async move {
                if let Err(error) = listener.on_event(event).await {
                    tracing::warn!(event = E::NAME, %error, "a listener failed");
                }
            }));
        }
    }
}

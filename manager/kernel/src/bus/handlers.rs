//! Who answers which message, by type for callers in this process and by name for those elsewhere.

use std::{
    any::{Any, TypeId, type_name},
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Message, codes};
use futures::future::BoxFuture;

use super::{Bus, body};

/// Answers one type of message.
#[async_trait]
pub trait Handle<M: Message>: Send + Sync + 'static {
    /// Does what the message asks. Asking twice must do no more than asking once.
    async fn handle(&self, message: M) -> Result<M::Reply, ErrorCode>;
}

/// Decodes a body, has it handled and encodes the reply.
type Answer = fn(Bus, Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, ErrorCode>>;

/// Handlers, collected while services install themselves.
#[derive(Default)]
pub(crate) struct Handlers {
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    by_name: HashMap<(&'static str, &'static str), Answer>,
}

impl Handlers {
    /// # Panics
    /// When the message has a handler already: two services claim one address.
    pub(crate) fn add<M: Message>(&mut self, handler: Arc<dyn Handle<M>>) {
        let taken = self.by_type.insert(TypeId::of::<M>(), Box::new(handler)).is_some();
        assert!(!taken, "{} has two handlers", type_name::<M>());
        let named = self.by_name.insert((M::SERVICE, M::NAME), answer::<M>).is_some();
        assert!(!named, "two messages of {} are called {}", M::SERVICE, M::NAME);
    }

    pub(super) fn get<M: Message>(&self) -> Option<Arc<dyn Handle<M>>> {
        self.by_type.get(&TypeId::of::<M>())?.downcast_ref::<Arc<dyn Handle<M>>>().cloned()
    }

    /// What answers the message `name` of `service`.
    pub(super) fn named(&self, service: &str, name: &str) -> Option<Answer> {
        self.by_name.get(&(service, name)).copied()
    }

    /// The services that have handlers here, sorted.
    pub(super) fn services(&self) -> BTreeSet<&'static str> {
        self.by_name.keys().map(|(service, _)| *service).collect()
    }
}

fn answer<M: Message>(bus: Bus, body: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, ErrorCode>> {
    Box::pin(async move {
        let message: M = body::decode(M::NAME, &body).map_err(|cause| {
            ErrorCode::new(codes::UNKNOWN_MESSAGE, format!("the body of {} cannot be read: {cause}", M::NAME))
        })?;
        drop(body);
        let reply = bus.handler::<M>()?.handle(message).await?;
        body::encode(&body::reply_name(M::NAME), &reply)
    })
}

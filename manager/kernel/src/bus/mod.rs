//! The bus: the only way services speak to each other.
//!
//! A message's type is its address. To its own node the bus delivers in process without serialising. Every call has a
//! deadline, and the deadline travels: what a handler calls on the way inherits what is left of it. A handler runs as a
//! task of its own, so a caller that stops waiting (or dies) does not cut it off halfway; the caller gets SYS.1001.

mod context;
mod publish;

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Message, codes};
use futures::{StreamExt, stream};

pub use context::{CallContext, Caller};
pub use publish::OnEvent;
pub(crate) use publish::Subscribers;

use crate::{
    faults::{Faults, Point},
    plan::Planning,
};

/// How long a call may take when nothing on the way said otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_mins(5);

/// Answers one type of message.
#[async_trait]
pub trait Handle<M: Message>: Send + Sync + 'static {
    /// Does what the message asks. Asking twice must do no more than asking once.
    async fn handle(&self, message: M) -> Result<M::Reply, ErrorCode>;
}

/// Handlers by message type, collected while services install themselves.
#[derive(Default)]
pub(crate) struct Handlers(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Handlers {
    /// # Panics
    /// When the message has a handler already: two services claim one address.
    pub(crate) fn add<M: Message>(&mut self, handler: Arc<dyn Handle<M>>) {
        let taken = self.0.insert(TypeId::of::<M>(), Box::new(handler)).is_some();
        assert!(!taken, "{} has two handlers", type_name::<M>());
    }

    fn get<M: Message>(&self) -> Option<Arc<dyn Handle<M>>> {
        self.0.get(&TypeId::of::<M>())?.downcast_ref::<Arc<dyn Handle<M>>>().cloned()
    }
}

/// A handle on the bus; clones share it.
#[derive(Clone, Default)]
pub struct Bus {
    installed: Arc<OnceLock<(Handlers, Subscribers)>>,
    faults: Faults,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("installed", &self.installed.get().is_some()).finish()
    }
}

impl Bus {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { installed: Arc::default(), faults }
    }

    /// Opens the bus for traffic.
    pub(crate) fn open(&self, handlers: Handlers, subscribers: Subscribers) {
        let opened = self.installed.set((handlers, subscribers)).is_ok();
        debug_assert!(opened, "the bus opens once");
    }

    /// Sends `message` to its service and waits for the answer, at most until the current deadline.
    ///
    /// # Errors
    /// What the handler answered; SYS.1001 when the deadline passed; PORTAL.1000 when no service takes the message.
    pub async fn call<M: Message>(&self, message: M) -> Result<M::Reply, ErrorCode> {
        let handler = self.handler::<M>()?;
        self.faults.check(Point::CallRequest { name: M::NAME })?;
        let context = CallContext::current();
        let deadline = context.deadline;
        let task = tokio::spawn(context.scope(async move { handler.handle(message).await }));
        match tokio::time::timeout_at(deadline.into(), task).await {
            Ok(Ok(answer)) => {
                self.faults.check(Point::CallReply { name: M::NAME })?;
                answer
            }
            Ok(Err(ended)) => Err(ErrorCode::internal(format!(
                "the {} service failed while it handled {}; its log says more",
                M::SERVICE,
                M::NAME
            ))
            .because_of(&ended)),
            Err(_) => Err(ErrorCode::new(
                codes::TIMEOUT,
                format!("the {} service did not answer {} in time; it may still do it", M::SERVICE, M::NAME),
            )),
        }
    }

    /// Calls for each message, at most `parallelism` at once; answers come in the order of the messages.
    pub async fn call_all<M: Message>(
        &self,
        messages: impl IntoIterator<Item = M>,
        parallelism: usize,
    ) -> Vec<Result<M::Reply, ErrorCode>> {
        let calls: Vec<_> = messages.into_iter().map(|message| self.call(message)).collect();
        stream::iter(calls).buffered(parallelism.max(1)).collect().await
    }

    /// Sends `message` and does not wait; a failure is logged.
    pub fn send<M: Message>(&self, message: M) {
        if Planning::current().is_some() {
            return;
        }
        let bus = self.clone();
        tokio::spawn(CallContext::current().scope(async move {
            if let Err(error) = bus.call(message).await {
                tracing::warn!(message = M::NAME, %error, "a message sent without waiting failed");
            }
        }));
    }

    fn handler<M: Message>(&self) -> Result<Arc<dyn Handle<M>>, ErrorCode> {
        let (handlers, _) = self
            .installed
            .get()
            .ok_or_else(|| ErrorCode::new(codes::NOT_READY, "the management node is still starting; try again"))?;
        handlers.get::<M>().ok_or_else(|| {
            ErrorCode::new(codes::NO_SERVICE, format!("no installed service answers {} of {}", M::NAME, M::SERVICE))
        })
    }
}

#[cfg(test)]
mod tests;

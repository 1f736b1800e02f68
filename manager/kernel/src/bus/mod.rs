//! The bus: the only way services speak to each other.
//!
//! A message's type is its address, and its key the resource whose owner answers. To its own node the bus delivers in
//! process without serialising; to the others over RabbitMQ ([`amqp`]), where one is configured. Every call has a
//! deadline, and the deadline travels: what a handler calls on the way inherits what is left of it. A handler runs as a
//! task of its own, so a caller that stops waiting (or dies) does not cut it off halfway; the caller gets SYS.1001.

pub mod amqp;
pub(crate) mod body;
mod context;
mod handlers;
mod publish;

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use cumulo_schema::{ErrorCode, Message, Uuid, codes};
use futures::{StreamExt, stream};

use amqp::{Amqp, CallError};
pub use context::{CallContext, Caller};
pub use handlers::Handle;
pub(crate) use handlers::Handlers;
pub use publish::OnEvent;
pub(crate) use publish::Subscribers;

use crate::{
    cluster::{Claimed, Cluster, Hold, moved},
    db::Db,
    faults::{Faults, Point},
    plan::Planning,
    timeline::Timeline,
    work::{Visit, Work},
};

/// How long a call may take when nothing on the way said otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_mins(5);

/// A handle on the bus; clones share it.
#[derive(Clone, Default)]
pub struct Bus {
    inner: Arc<Inner>,
    faults: Faults,
    /// A bus by itself has none.
    node: Option<Node>,
}

/// What the bus needs of the node that it belongs to.
#[derive(Clone)]
struct Node {
    /// Has to know what was begun before another node does.
    db: Db,
    /// Says what may be worked on here.
    cluster: Cluster,
    /// Is told on whose behalf.
    work: Work,
    /// Is told of changes of state.
    timeline: Timeline,
}

/// How long a call whose receiver went away waits before it asks who is there instead.
const ELSEWHERE: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Inner {
    installed: OnceLock<(Handlers, Subscribers)>,
    amqp: OnceLock<Amqp>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("open", &self.installed().is_some()).field("amqp", &self.amqp()).finish()
    }
}

impl Bus {
    pub(crate) fn new(faults: Faults, db: Db, cluster: Cluster, (work, timeline): (Work, Timeline)) -> Self {
        Self { inner: Arc::default(), faults, node: Some(Node { db, cluster, work, timeline }) }
    }

    /// Opens the bus for traffic within this process.
    pub(crate) fn open(&self, handlers: Handlers, subscribers: Subscribers) {
        let opened = self.inner.installed.set((handlers, subscribers)).is_ok();
        debug_assert!(opened, "the bus opens once");
    }

    /// Joins the other nodes.
    fn join(&self, amqp: Amqp) {
        let joined = self.inner.amqp.set(amqp).is_ok();
        debug_assert!(joined, "the bus is joined once");
    }

    /// The way to the other nodes, where there is one.
    #[must_use]
    pub fn amqp(&self) -> Option<&Amqp> {
        self.inner.amqp.get()
    }

    fn installed(&self) -> Option<&(Handlers, Subscribers)> {
        self.inner.installed.get()
    }

    /// Sends `message` to the owner of its resource, or to this node's own service where it has none, and waits for the
    /// answer, at most until the current deadline.
    ///
    /// # Errors
    /// What the handler answered; SYS.1001 when the deadline passed; PORTAL.1000 when no service takes the message. From
    /// other nodes also SYS.1009 when there is no way to the owner, SYS.1011 when the message could not be handed over,
    /// SYS.1012 when the owner left or started anew while it handled the message.
    pub async fn call<M: Message>(&self, message: M) -> Result<M::Reply, ErrorCode> {
        if self.installed().is_none() {
            return Err(ErrorCode::new(codes::NOT_READY, "the management node is still starting; try again"));
        }
        let answer = loop {
            let owner = match self.elsewhere(message.key()) {
                Some((amqp, owner)) => Some((amqp, owner)),
                None => match self.hold(message.key()).await? {
                    Claimed::Here(hold) => break self.call_here(message, hold).await?,
                    // The ring that says so is a moment away.
                    Claimed::There => None,
                },
            };
            let Some((amqp, owner)) = owner else {
                tokio::time::sleep(ELSEWHERE).await;
                continue;
            };
            self.faults.check(Point::CallRequest { name: M::NAME })?;
            if let Some(node) = &self.node {
                node.db.settle().await?;
            }
            let hold = Hold::current();
            let called = tokio::select! {
                called = amqp.call(owner, &message) => called,
                () = hold.left() => return Err(moved()),
            };
            match called {
                Ok(reply) => break Ok(reply),
                Err(CallError::Moved) => {}
                Err(CallError::Failed(error)) if self.may_ask_again(&error) => {
                    tracing::debug!(message = M::NAME, %error, "asking again");
                    tokio::time::sleep(ELSEWHERE).await;
                }
                Err(CallError::Failed(error)) => break Err(*error),
            }
        };
        self.faults.check(Point::CallReply { name: M::NAME })?;
        answer
    }

    /// Sends `message` to the node `node`, whatever it is about, and waits for the answer as [`Bus::call`] does.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn call_on<M: Message>(&self, node: Uuid, message: M) -> Result<M::Reply, ErrorCode> {
        let here = self.node.as_ref().is_none_or(|here| here.cluster.node() == node);
        let Some(amqp) = self.amqp().filter(|_| !here) else { return self.call(message).await };
        amqp.call_on(node, &message).await
    }

    /// Whether a call that failed so is to be made again: the node that did it is gone or gave it up, and asking twice does
    /// no more than asking once. Not where this node is to give up as well.
    fn may_ask_again(&self, error: &ErrorCode) -> bool {
        let shared = self.node.as_ref().is_some_and(|node| node.cluster.is_shared() && !node.cluster.is_fenced());
        let gone = error.is(codes::NODE_UNAVAILABLE) || error.is(codes::NO_ROUTE);
        shared && gone && !Hold::current().is_lost() && CallContext::current().remaining() > ELSEWHERE
    }

    /// The right to work on `key` here.
    async fn hold(&self, key: Option<Uuid>) -> Result<Claimed, ErrorCode> {
        match (&self.node, key) {
            (Some(node), Some(key)) if Planning::current().is_none() => node.cluster.hold(key).await,
            _ => Ok(Claimed::Here(Hold::current())),
        }
    }

    /// Whether this node must not do anything at the moment.
    fn is_fenced(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.cluster.is_fenced())
    }

    /// Notes that something is done here in `context`, which began elsewhere: so it is found when its job is cancelled.
    fn visit(&self, context: &CallContext) -> Option<Visit> {
        self.node.as_ref().map(|node| node.work.visit(context))
    }

    /// The node that owns `key`, if it is another one. Plans are made here: they change nothing, and the memory of what
    /// was planned does not travel. What is part of work that is in hand here is done here to its end.
    fn elsewhere(&self, key: Option<Uuid>) -> Option<(&Amqp, amqp::Owner)> {
        if Planning::current().is_some() || key.is_some_and(|key| Hold::current().covers(&key)) {
            return None;
        }
        let amqp = self.amqp()?;
        Some((amqp, amqp.owner(key?)?))
    }

    /// The outer error is of the bus, the inner one the handler's.
    async fn call_here<M: Message>(&self, message: M, hold: Hold) -> Result<Result<M::Reply, ErrorCode>, ErrorCode> {
        let handler = self.handler::<M>()?;
        self.faults.check(Point::CallRequest { name: M::NAME })?;
        let context = CallContext::current();
        let deadline = context.deadline;
        let work = hold.scope(async move { handler.handle(message).await });
        let task = run_handler(M::SERVICE, M::NAME, context, work);
        tokio::time::timeout_at(deadline.into(), task).await.map_err(|_| timed_out(M::SERVICE, M::NAME))
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
        self.installed().and_then(|(handlers, _)| handlers.get::<M>()).ok_or_else(|| no_service(M::SERVICE, M::NAME))
    }
}

/// Runs `work` as a task of its own, in `context`: whoever waits for it may go away.
async fn run_handler<T: Send + 'static>(
    service: &str,
    name: &str,
    context: CallContext,
    work: impl Future<Output = Result<T, ErrorCode>> + Send + 'static,
) -> Result<T, ErrorCode> {
    tokio::spawn(context.scope(work)).await.unwrap_or_else(|ended| {
        let text = format!("the {service} service failed while it handled {name}; its log says more");
        Err(ErrorCode::internal(text).because_of(&ended))
    })
}

fn no_service(service: &str, name: &str) -> ErrorCode {
    ErrorCode::new(codes::NO_SERVICE, format!("no installed service answers {name} of {service}"))
}

fn timed_out(service: &str, name: &str) -> ErrorCode {
    ErrorCode::new(codes::TIMEOUT, format!("the {service} service did not answer {name} in time; it may still do it"))
}

#[cfg(test)]
mod tests;

//! The commands an agent knows, by the path of their RPC and by the name they have in the journal.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_proto::{AgentCommand, Header};
use prost::Message;

use crate::{AgentError, Command, TaskCx};

/// A [`Command`] without its types: requests and replies are encoded messages.
#[async_trait]
pub trait ErasedCommand<H>: Send + Sync {
    /// Name of the command.
    fn name(&self) -> &'static str;
    /// Header and key of an encoded request.
    ///
    /// # Errors
    /// When the bytes are no such request or have no header.
    fn parse(&self, request: &[u8]) -> Result<(Header, String), AgentError>;
    /// Runs it and encodes the reply.
    async fn run(&self, host: Arc<H>, request: Bytes, cx: &TaskCx) -> Result<Vec<u8>, AgentError>;
}

struct Typed<C>(PhantomData<fn() -> C>);

#[async_trait]
impl<H: Send + Sync + 'static, C: Command<H>> ErasedCommand<H> for Typed<C> {
    fn name(&self) -> &'static str {
        C::Request::NAME
    }

    fn parse(&self, request: &[u8]) -> Result<(Header, String), AgentError> {
        let request = decode::<C::Request>(request)?;
        let key = C::key(&request);
        let header = request.header().cloned().ok_or_else(|| {
            AgentError::new(AgentError::BAD_REQUEST, format!("{} came without a header", self.name()))
        })?;
        Ok((header, key))
    }

    async fn run(&self, host: Arc<H>, request: Bytes, cx: &TaskCx) -> Result<Vec<u8>, AgentError> {
        let request = decode::<C::Request>(&request)?;
        Ok(C::run(host, request, cx).await?.encode_to_vec())
    }
}

fn decode<R: AgentCommand>(bytes: &[u8]) -> Result<R, AgentError> {
    R::decode(bytes).map_err(|cause| {
        AgentError::new(AgentError::BAD_REQUEST, format!("the bytes received are not a {} request", R::NAME))
            .because(cause)
    })
}

/// The commands of one agent.
pub struct Commands<H> {
    service: &'static str,
    by_name: BTreeMap<&'static str, Arc<dyn ErasedCommand<H>>>,
}

impl<H: Send + Sync + 'static> Commands<H> {
    /// No commands yet, of the gRPC service that `C` belongs to.
    pub fn of_service_of<C: AgentCommand>() -> Self {
        Self { service: C::SERVICE, by_name: BTreeMap::new() }
    }

    /// Adds a command.
    ///
    /// # Panics
    /// When the command belongs to another service or was added before: a mistake in the agent's list of commands,
    /// which the first test that builds it finds.
    #[must_use]
    pub fn with<C: Command<H>>(mut self) -> Self {
        assert_eq!(C::Request::SERVICE, self.service, "{} is a command of another service", C::Request::NAME);
        let previous = self.by_name.insert(C::Request::NAME, Arc::new(Typed::<C>(PhantomData)));
        assert!(previous.is_none(), "{} was added twice", C::Request::NAME);
        self
    }

    /// Replaces every command by what `wrap` makes of it, as simulated agents do to let commands fail.
    #[must_use]
    pub fn wrapped(self, wrap: impl Fn(Arc<dyn ErasedCommand<H>>) -> Arc<dyn ErasedCommand<H>>) -> Self {
        let by_name = self.by_name.into_iter().map(|(name, command)| (name, wrap(command))).collect();
        Self { by_name, ..self }
    }

    /// Names of all commands, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }

    /// The gRPC service they belong to.
    pub fn service(&self) -> &'static str {
        self.service
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<dyn ErasedCommand<H>>> {
        self.by_name.get(name)
    }

    /// The command behind an RPC path, `/<service>/<name>`.
    pub(crate) fn by_path(&self, path: &str) -> Option<&Arc<dyn ErasedCommand<H>>> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        if service == self.service { self.by_name(name) } else { None }
    }
}

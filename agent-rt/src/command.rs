//! The trait a command implements.

use std::{future::Future, sync::Arc};

use cumulo_proto::AgentCommand;

use crate::{AgentError, TaskCx};

/// One command on a host of type `H`: says what to make true, can be run again, answers once.
///
/// Its name, RPC and reply type follow from the request type. Commands of one [`key`](Command::key) run one after the
/// other in the order in which they were accepted; those of different keys run side by side.
pub trait Command<H>: Send + Sync + 'static {
    /// The request message.
    type Request: AgentCommand;

    /// The object the command is about: a VM's or a volume's uuid, say.
    fn key(request: &Self::Request) -> String;

    /// Does it. Must be repeatable: after a crash in the middle it is run again from the start.
    fn run(
        host: Arc<H>,
        request: Self::Request,
        cx: &TaskCx,
    ) -> impl Future<Output = Result<<Self::Request as AgentCommand>::Reply, AgentError>> + Send;
}

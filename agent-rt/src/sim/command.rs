//! Commands that fail when told to.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_proto::Header;

use super::{Fault, Faults};
use crate::{AgentError, Commands, ErasedCommand, TaskCx};

/// `commands`, each obeying `faults`.
pub fn faulty<H: Send + Sync + 'static>(commands: Commands<H>, faults: &Faults) -> Commands<H> {
    commands.wrapped(|inner| Arc::new(Faulty { inner, faults: faults.clone() }))
}

struct Faulty<H> {
    inner: Arc<dyn ErasedCommand<H>>,
    faults: Faults,
}

#[async_trait]
impl<H: Send + Sync + 'static> ErasedCommand<H> for Faulty<H> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn parse(&self, request: &[u8]) -> Result<(Header, String), AgentError> {
        self.inner.parse(request)
    }

    async fn run(&self, host: Arc<H>, request: Bytes, cx: &TaskCx) -> Result<Vec<u8>, AgentError> {
        let delay = self.faults.delay(cx.task_id());
        if !delay.is_zero() {
            cx.until_deadline(self.name(), tokio::time::sleep(delay)).await?;
        }
        if self.faults.strikes(cx.task_id(), &Fault::FailBefore) {
            return Err(injected(self.name(), "before"));
        }
        let reply = self.inner.run(host, request, cx).await?;
        if self.faults.strikes(cx.task_id(), &Fault::FailAfter) {
            return Err(injected(self.name(), "after"));
        }
        Ok(reply)
    }
}

fn injected(command: &str, when: &str) -> AgentError {
    AgentError::new("sim.injected", format!("the simulator was told to fail {command} {when} it takes effect"))
}

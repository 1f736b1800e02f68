//! The wire to a simulated agent: a function call that can lose things.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_proto::{Accepted, Outcome, PingReply, Progress, Report, Samples};

use super::{Fault, Faults};
use crate::{AgentLink, Callbacks, LinkError, PostError, Runtime};

/// An [`AgentLink`] to a runtime in this process.
pub struct SimLink<H> {
    runtime: Runtime<H>,
    faults: Faults,
}

impl<H: Send + Sync + 'static> SimLink<H> {
    /// Calls `runtime`, obeying `faults`.
    pub fn new(runtime: Runtime<H>, faults: Faults) -> Self {
        Self { runtime, faults }
    }

    fn address(&self) -> String {
        format!("sim:{}", self.runtime.agent_id())
    }

    fn lost(&self) -> LinkError {
        LinkError::Unreachable { address: self.address(), cause: "the simulator lost the request".into() }
    }
}

#[async_trait]
impl<H: Send + Sync + 'static> AgentLink for SimLink<H> {
    async fn submit(&self, path: &'static str, request: Bytes) -> Result<Accepted, LinkError> {
        if let Some((command, task_id)) = self.runtime.peek(path, &request) {
            self.faults.called(command, &task_id);
            if self.faults.strikes(&task_id, &Fault::DropRequest) {
                return Err(self.lost());
            }
        }
        self.faults.answers().await;
        let accepted = self.runtime.accept(path, request).await;
        self.faults.answers().await;
        accepted.map_err(|refusal| LinkError::Refused {
            address: self.address(),
            code: refusal.code().to_owned(),
            message: crate::Chain(&refusal).to_string(),
        })
    }

    async fn ping(&self) -> Result<PingReply, LinkError> {
        // A ping has no task; as far as faults go it is one of its own.
        let task_id = format!("ping-{}", uuid::Uuid::new_v4().simple());
        self.faults.called("Ping", &task_id);
        if self.faults.strikes(&task_id, &Fault::DropRequest) || self.faults.strikes(&task_id, &Fault::LoseReply) {
            return Err(self.lost());
        }
        self.faults.answers().await;
        Ok(self.runtime.ping())
    }

    async fn cancel(&self, task_id: &str) -> Result<bool, LinkError> {
        self.faults.answers().await;
        Ok(self.runtime.cancel(task_id))
    }
}

/// [`Callbacks`] that lose the outcomes they are told to lose and are silent while the agent hangs, in front of the ones that
/// deliver.
pub struct LossyCallbacks {
    inner: Arc<dyn Callbacks>,
    faults: Faults,
}

impl LossyCallbacks {
    /// Delivers through `inner`, obeying `faults`.
    pub fn new(inner: Arc<dyn Callbacks>, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl Callbacks for LossyCallbacks {
    fn goes_with_answer(&self, outcome: &Outcome) -> bool {
        !self.faults.will_strike(&outcome.task_id, &Fault::LoseReply) && self.inner.goes_with_answer(outcome)
    }

    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        self.faults.answers().await;
        if self.faults.strikes(&outcome.task_id, &Fault::LoseReply) {
            // Lost for good: the agent believes it arrived, only asking again brings it back.
            return Ok(());
        }
        self.inner.outcome(base, outcome).await
    }

    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError> {
        self.faults.answers().await;
        self.inner.progress(base, progress).await
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        self.faults.answers().await;
        self.inner.report(base, report).await
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        self.faults.answers().await;
        self.inner.samples(base, samples).await
    }
}

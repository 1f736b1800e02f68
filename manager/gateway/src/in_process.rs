//! The ways to agents in this process, and back: they are believed to be who they say they are.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_agent_rt::{AgentLink, Callbacks, PostError};
use cumulo_proto::{Outcome, Progress, Report, Samples};

use crate::{Agent, Gateway};

/// Leads to agents that were deployed in this process, by whichever node of it.
pub trait Links: Send + Sync {
    /// The way to `agent`, which is where it was deployed last, or is not there any more.
    fn link(&self, agent: &Agent) -> Arc<dyn AgentLink>;
}

pub(crate) struct InProcess(pub(crate) Gateway);

#[async_trait]
impl Callbacks for InProcess {
    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        match self.0.deliver(outcome.clone()) {
            true => Ok(()),
            false => Err(PostError::Unwanted { url: base.to_owned() }),
        }
    }

    async fn progress(&self, _base: &str, progress: &Progress) -> Result<(), PostError> {
        self.0.progress(progress);
        Ok(())
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        self.0.report(report.clone()).await.map_err(|cause| refused(base, cause))
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        self.0.samples(samples.clone()).await.map_err(|cause| refused(base, cause))
    }
}

fn refused(base: &str, cause: cumulo_schema::ErrorCode) -> PostError {
    PostError::Unreachable { url: base.to_owned(), cause: cause.into() }
}

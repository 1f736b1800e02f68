//! Jobs that another node has, or whose work goes on on other nodes: cancelling them, and asking how far they are.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Event, Uuid, message};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApiJob, JobState};
use crate::{
    Kernel, Setup,
    bus::{CallContext, Caller, Handle, OnEvent},
    flow::FlowRow,
    work::{Progress, Work},
};

/// How long a node is given to say how far a job is; after that what is recorded will do.
const ANSWER: Duration = Duration::from_secs(5);

/// A job is to stop, wherever something is done for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobCancelled {
    job: Uuid,
}

impl Event for JobCancelled {
    const NAME: &'static str = "JobCancelled";
}

/// How far a job is that the node asked has in hand, if it does: entries in the wire's form.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TellProgress {
    job: Uuid,
    all: bool,
}
message!(TellProgress => Option<Vec<Value>>, service = "job");

#[async_trait]
impl OnEvent<JobCancelled> for Work {
    async fn on_event(&self, event: JobCancelled) -> Result<(), ErrorCode> {
        if self.cancel(event.job) {
            tracing::info!(job = %event.job, "what is done here for a cancelled job is to stop");
        }
        Ok(())
    }
}

#[async_trait]
impl Handle<TellProgress> for Work {
    async fn handle(&self, message: TellProgress) -> Result<Option<Vec<Value>>, ErrorCode> {
        Ok(self.progress(message.job, message.all).map(|progress| progress.entries))
    }
}

pub(crate) fn install(setup: &mut Setup) {
    let work = Arc::new(setup.kernel().work().clone());
    setup.on::<JobCancelled>(work.clone()).message::<TellProgress>(work);
}

impl Kernel {
    /// Wants `job` to stop, on every node where something is done for it. Whether it is under way on this one.
    #[must_use]
    pub fn cancel(&self, job: Uuid) -> bool {
        self.bus().publish(&JobCancelled { job });
        self.work().cancel(job)
    }

    /// How far the job `id` is, or was when it ended: all entries of one under way, or only the latest. `None` when there
    /// is no such job, or no longer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn progress(&self, id: Uuid, all: bool) -> Result<Option<Progress>, ErrorCode> {
        let here = self.jobs().progress(id, all).await?;
        let known = here.as_ref().is_some_and(|progress| !progress.entries.is_empty());
        if known || !self.cluster().is_shared() {
            return Ok(here);
        }
        let Some(job) = self.db().find(ApiJob::UUID, &id).await?.filter(|job| job.state == JobState::Running) else {
            return Ok(here);
        };
        let flow = self.db().find(FlowRow::UUID, &id).await?;
        let node = flow.map_or(job.node_uuid, |flow| flow.node_uuid);
        let context = CallContext::starting(id, Caller::SYSTEM, ANSWER);
        let told = context.scope(self.bus().call_on(node, TellProgress { job: id, all })).await;
        let entries = told.unwrap_or_else(|error| {
            tracing::debug!(job = %id, %node, %error, "a node did not say how far a job is");
            None
        });
        Ok(Some(Progress { account: job.account_uuid, entries: entries.unwrap_or_default() }))
    }
}

//! Flows run on the node that owns their resource, whoever starts them.
//!
//! Who starts one waits for its end, wherever that happens: the node that runs it may hand it over or die, and then it goes
//! on where it is adopted. The journal knows how it ended, so an answer that did not come is looked up there; a flow that is
//! not in the journal was not started, or must not be waited for any longer.

use std::time::Duration;

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid, codes, message};
use serde::{Deserialize, Serialize};

use super::{FlowState, Flows, Outcome, journal, recover::recorded};
use crate::{
    bus::{CallContext, Handle},
    cluster::{Claimed, Hold},
};

/// How often the journal is asked about a flow that runs elsewhere.
const LOOK: Duration = Duration::from_millis(100);
/// The longest pause between two looks.
const LOOK_MOST: Duration = Duration::from_secs(1);

/// Run a flow, or join the one of that id. Answers its final context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunFlow {
    /// The name of its context.
    pub(crate) flow: String,
    /// Its chain.
    pub(crate) chain: String,
    /// Its id.
    pub(crate) id: Uuid,
    /// The job that it is the outcome of.
    pub(crate) job: Option<Uuid>,
    /// What it works on.
    pub(crate) resource: Uuid,
    /// Its context.
    pub(crate) context: serde_json::Value,
}
message!(RunFlow => serde_json::Value, service = "flow", key = resource);

#[async_trait]
impl Handle<RunFlow> for Flows {
    async fn handle(&self, message: RunFlow) -> Outcome {
        self.run_here_by_name(Hold::current(), message).await
    }
}

impl Flows {
    async fn run_here_by_name(&self, hold: Hold, wanted: RunFlow) -> Outcome {
        let unknown = || ErrorCode::internal(format!("this node does not know the flow {}; upgrade it", wanted.flow));
        let definition = self.definitions()?.flows.get(wanted.flow.as_str()).cloned().ok_or_else(unknown)?;
        definition.start(self.clone(), hold, wanted).await
    }

    /// Runs the flow here where its resource is this node's, and otherwise on the node whose it is.
    pub(super) async fn run_where_it_belongs(&self, wanted: RunFlow) -> Outcome {
        loop {
            let outcome = match self.inner.cluster.hold(wanted.resource).await {
                Ok(Claimed::Here(hold)) => self.run_here_by_name(hold, wanted.clone()).await,
                Ok(Claimed::There) => self.inner.bus.call(wanted.clone()).await,
                Err(error) => Err(error),
            };
            let error = match outcome {
                Ok(context) => return Ok(context),
                Err(error) => error,
            };
            if let Some(outcome) = self.outcome_anywhere(wanted.id).await? {
                return outcome;
            }
            let context = CallContext::current();
            if !error.is(codes::NODE_UNAVAILABLE) || Hold::current().is_lost() || context.remaining() <= LOOK {
                return Err(error);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How the flow `id` ended, when it has, wherever that is; `None` when it is not in the journal.
    pub(super) async fn outcome_anywhere(&self, id: Uuid) -> Result<Option<Outcome>, ErrorCode> {
        let mut pause = LOOK;
        loop {
            let Some(row) = journal::find(&self.inner.db, id).await? else { return Ok(None) };
            if row.state != FlowState::Active {
                return Ok(Some(recorded(row)));
            }
            let hold = Hold::current();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Its end is for who has the job by then.
                () = hold.left() => return Err(crate::cluster::moved()),
            }
            pause = (pause * 2).min(LOOK_MOST);
        }
    }
}

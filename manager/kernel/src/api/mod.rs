//! APIs: declared once, dispatched here. From the declaration come route, decoding, rules, existence and ownership checks,
//! permission, job and answer; a service writes only what the call does.

mod access;
mod admission;
mod dispatch;
mod http;
mod job;
mod long_job;
mod openapi;
mod portal;
mod projection;
mod route;
pub(crate) mod settings;
mod signature;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use cumulo_schema::{Api, ErrorCode, Resource, Timestamp, Uuid};
use serde_json::{Map, Value};

pub use access::{Authenticator, Credential};
pub(crate) use dispatch::{ApiTable, created_by};
pub use http::router;
pub use job::{ApiJob, JobState};
pub(crate) use job::{Jobs, elsewhere};
pub use long_job::{LongJobPart, LongJobs, NewLongJob};
pub use portal::open_portal;

use crate::{
    Kernel,
    bus::{CallContext, Caller},
    db::Batch,
    flow::Flow,
    ownership::{self, NewTags},
};

/// Does what an API asks. It may be run again with the same job after a crash: it must then do no more than once. What
/// takes several steps is one flow, run last with [`ApiCx::run_flow`].
#[async_trait]
pub trait HandleApi<A: Api>: Send + Sync + 'static {
    /// Parameters have passed their declared rules, referenced resources exist and the caller may use them.
    async fn handle(&self, cx: &ApiCx, api: A) -> Result<A::Reply, ErrorCode>;
}

/// What a call carries beside its own parameters.
#[derive(Debug, Clone)]
pub struct ApiCx {
    pub(crate) kernel: Kernel,
    /// On whose behalf.
    pub caller: Caller,
    /// The call's id: of the job, or of the synchronous call.
    pub job: Uuid,
    /// The id that a created resource gets: the client's choice, or the job's own.
    pub resource_uuid: Uuid,
    /// Tags to create with the resource.
    pub tags: NewTags,
    /// `deleteMode=Enforcing`: go on over failures that a permissive delete stops at.
    pub enforcing: bool,
    /// Address of the client, for audits and session records.
    pub client_ip: String,
}

impl ApiCx {
    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Adds owner and tags of the resource this call creates, [`ApiCx::resource_uuid`], to the batch that creates it.
    pub fn created<R: Resource>(&self, batch: &mut Batch) {
        ownership::created::<R>(batch, self.resource_uuid, self.caller.account, &self.tags);
    }

    /// The answer `{"inventory": …}` for the `R` called `uuid`.
    ///
    /// # Errors
    /// SYS.1003 when it is gone by now.
    pub async fn inventory<R: Resource>(&self, uuid: &Uuid) -> Result<cumulo_schema::Inventory<R>, ErrorCode> {
        self.kernel.query().inventory::<R>(uuid).await.map(cumulo_schema::Inventory::new)
    }

    /// Runs the flow that is what this call was for, and answers as the flow says. Must be the last thing a handler does:
    /// after a crash the flow is resumed and the job answered from it, without the handler.
    ///
    /// # Errors
    /// What the failing step said, after everything was undone.
    pub async fn run_flow<F: Flow, R: cumulo_schema::Reply>(&self, chain: &str, context: F) -> Result<R, ErrorCode> {
        let reply = context.reply();
        self.kernel.flows().run_for_job(chain, self.job, context).await?;
        let body = projection::of_flow(&self.kernel, reply).await?;
        serde_json::from_value(Value::Object(body))
            .map_err(|cause| ErrorCode::internal(format!("the answer of {chain} has another form")).because_of(&cause))
    }

    /// When this call was accepted plus how long it may take.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        CallContext::current().remaining()
    }

    /// The present; one place to take it from.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A decoded call, ready to be checked and handled.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) meta: &'static cumulo_schema::ApiMeta,
    pub(crate) params: Map<String, Value>,
    pub(crate) job: Uuid,
    pub(crate) timeout: Duration,
    pub(crate) client_ip: String,
}

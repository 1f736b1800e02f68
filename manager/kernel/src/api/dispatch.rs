//! From a decoded call to its handler and back to a body.

use std::{collections::HashMap, marker::PhantomData, sync::Arc, time::Instant};

use async_trait::async_trait;
use cumulo_schema::{Api, ApiMeta, ErrorCode, ReplyShape, ResourceMeta, Uuid};
use serde_json::{Map, Value};

use super::{
    ApiCx, Call, HandleApi,
    access::{self, Checked},
    route::Routes,
};
use crate::{
    Kernel,
    bus::{CallContext, Caller},
    ownership::NewTags,
    plan::{self, Planning},
    query::Select,
};

/// A body on the wire.
pub(super) type Body = Map<String, Value>;

/// The APIs of this node.
#[derive(Default)]
pub(crate) struct ApiTable {
    pub(super) routes: Routes,
    entries: HashMap<&'static str, Entry>,
}

struct Entry {
    meta: &'static ApiMeta,
    /// `None` for Query APIs, which the kernel answers itself.
    handler: Option<Box<dyn Erased>>,
}

#[async_trait]
trait Erased: Send + Sync {
    async fn call(&self, cx: &ApiCx, params: Map<String, Value>) -> Result<Body, ErrorCode>;
}

struct Typed<A> {
    handler: Arc<dyn HandleApi<A>>,
    api: PhantomData<fn() -> A>,
}

#[async_trait]
impl<A: Api> Erased for Typed<A> {
    async fn call(&self, cx: &ApiCx, params: Map<String, Value>) -> Result<Body, ErrorCode> {
        let api: A = serde_json::from_value(Value::Object(params))
            .map_err(|cause| ErrorCode::invalid(format!("the parameters of {} do not fit: {cause}", A::META.name)))?;
        let reply = self.handler.handle(cx, api).await?;
        match serde_json::to_value(reply) {
            Ok(Value::Object(mut body)) => {
                if matches!(A::META.reply, ReplyShape::All(_)) {
                    body.insert("success".to_owned(), Value::Bool(true));
                }
                Ok(body)
            }
            // A unit or empty reply.
            Ok(_) => Ok(Body::new()),
            Err(cause) => {
                Err(ErrorCode::internal(format!("the answer of {} cannot be sent", A::META.name)).because_of(&cause))
            }
        }
    }
}

impl ApiTable {
    /// # Panics
    /// When the API has a handler already: a programming error.
    pub(crate) fn add<A: Api>(&mut self, handler: Arc<dyn HandleApi<A>>) {
        self.insert(A::META, Some(Box::new(Typed::<A> { handler, api: PhantomData })));
    }

    /// Adds a Query API; the kernel answers it from the declarations.
    pub(crate) fn add_query(&mut self, meta: &'static ApiMeta) {
        self.insert(meta, None);
    }

    fn insert(&mut self, meta: &'static ApiMeta, handler: Option<Box<dyn Erased>>) {
        let taken = self.entries.insert(meta.name, Entry { meta, handler }).is_some();
        assert!(!taken, "{} has two handlers", meta.name);
        self.routes.add(meta);
    }

    /// The declarations of the APIs this node answers, sorted by name.
    pub(crate) fn supported(&self) -> Vec<&'static ApiMeta> {
        let mut metas: Vec<_> = self.entries.values().map(|entry| entry.meta).collect();
        metas.sort_by_key(|meta| meta.name);
        metas
    }

    pub(crate) fn meta(&self, name: &str) -> Option<&'static ApiMeta> {
        self.entries.get(name).map(|entry| entry.meta)
    }
}

/// Checks and handles a call on behalf of `caller`; runs within the call's deadline and trace.
pub(super) async fn run(kernel: &Kernel, caller: Caller, call: Call) -> Result<Body, ErrorCode> {
    let (context, api) = (CallContext::starting(call.job, caller, call.timeout), call.meta.name);
    let since = Instant::now();
    let outcome = match plan::is_wanted(&call.params) {
        true => context.scope(planned(kernel, caller, call)).await,
        false => context.scope(handled(kernel, caller, call)).await,
    };
    kernel.metrics().called(api, outcome.is_ok(), since.elapsed());
    outcome
}

async fn handled(kernel: &Kernel, caller: Caller, call: Call) -> Result<Body, ErrorCode> {
    match access::check(kernel, &caller, &call).await? {
        Checked::NothingToDo => return Ok(Body::new()),
        Checked::Proceed if wants_validation_only(&call.params) => return Ok(Body::new()),
        Checked::Proceed => {}
    }
    let entry = kernel.apis().entries.get(call.meta.name);
    let handler = entry.and_then(|entry| entry.handler.as_ref()).ok_or_else(|| {
        ErrorCode::new(cumulo_schema::codes::NO_SERVICE, format!("no service answers {}", call.meta.name))
    })?;
    handler.call(&cx(kernel, caller, &call).await?, call.params).await
}

/// The call's plan, in place of its answer. What would refuse the call is part of it.
async fn planned(kernel: &Kernel, caller: Caller, call: Call) -> Result<Body, ErrorCode> {
    let (planning, api) = (Planning::default(), call.meta.name);
    let outcome = planning.scope(handled(kernel, caller, call)).await;
    if let Err(veto) = outcome
        && !planning.is_stopped()
    {
        planning.veto(veto);
    }
    let unsendable =
        |cause: serde_json::Error| ErrorCode::internal(format!("the plan of {api} cannot be sent")).because_of(&cause);
    let plan = serde_json::to_value(planning.finish(api)).map_err(unsendable)?;
    Ok(Body::from_iter([("plan".to_owned(), plan)]))
}

/// As [`run`], in a task of its own and at most as long as the call may take: a client that hangs up does not cut a change
/// off halfway.
pub(super) async fn run_through(kernel: &Kernel, caller: Caller, call: Call) -> Result<Body, ErrorCode> {
    let (kernel, name, timeout) = (kernel.clone(), call.meta.name, call.timeout);
    let task = tokio::spawn(async move { run(&kernel, caller, call).await });
    match tokio::time::timeout(timeout, task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(ErrorCode::internal(format!("{name} failed; the log says more")).because_of(&panic)),
        Err(_) => Err(ErrorCode::new(cumulo_schema::codes::TIMEOUT, format!("{name} did not end in time"))),
    }
}

/// Answers a Query API.
pub(super) async fn query(kernel: &Kernel, caller: &Caller, select: &Select) -> Result<Body, ErrorCode> {
    let found = kernel.query().run(caller, select).await?;
    let mut body = Body::new();
    if let Some(inventories) = found.inventories {
        let inventories = inventories.into_iter().map(Value::Object).collect();
        body.insert("inventories".to_owned(), Value::Array(inventories));
    }
    if let Some(total) = found.total {
        body.insert("total".to_owned(), Value::from(total));
    }
    Ok(body)
}

async fn cx(kernel: &Kernel, caller: Caller, call: &Call) -> Result<ApiCx, ErrorCode> {
    let list = |name: &str| -> Vec<String> {
        let items = call.params.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // Elsewhere a parameter of that name means another resource: the one a tag is put on.
    let creates = call.meta.kind == cumulo_schema::ApiKind::Create;
    let mut tags = NewTags { system: list("systemTags"), user: list("userTags"), patterns: vec![] };
    if creates {
        let patterns: Result<Vec<Uuid>, _> = list("tagUuids").iter().map(|text| text.parse()).collect();
        let patterns = patterns.map_err(|bad| ErrorCode::invalid(format!("field[tagUuids] {bad}")))?;
        tags.add_patterns(kernel.db(), &patterns).await?;
        if let Some(created) = created(kernel, call.meta) {
            tags.settle(kernel.tags(), created.vo)?;
        }
    }
    Ok(ApiCx {
        kernel: kernel.clone(),
        caller,
        job: call.job,
        resource_uuid: resource_uuid(call),
        tags,
        enforcing: call.params.get("deleteMode").and_then(Value::as_str) == Some("Enforcing"),
        client_ip: call.client_ip.clone(),
    })
}

/// What a call creates: the kind of its answer's inventory.
fn created(kernel: &Kernel, meta: &ApiMeta) -> Option<&'static ResourceMeta> {
    let schema = kernel.query().schema();
    let inventory = meta.reply.fields().iter().find(|field| field.name == "inventory")?;
    let created = schema.resources().find(|resource| resource.inventory == inventory.type_name)?;
    Some(schema.target(created).root())
}

/// The id of what `call` creates: chosen by the client, or derived from the job, so that a call handled again after a crash
/// means the same resource.
pub(super) fn resource_uuid(call: &Call) -> Uuid {
    created_by(call.meta, &call.params, call.job)
}

/// As [`resource_uuid`], of the call that is the job `job`.
pub(crate) fn created_by(meta: &ApiMeta, params: &Map<String, Value>, job: Uuid) -> Uuid {
    // Elsewhere a parameter of that name means another resource: the one a tag is put on.
    let creates = meta.kind == cumulo_schema::ApiKind::Create;
    let chosen = params.get("resourceUuid").filter(|_| creates).and_then(Value::as_str);
    chosen.and_then(|text| text.parse().ok()).unwrap_or_else(|| derived(job))
}

/// The id of what job `job` creates: a version 4 uuid in form, so that every client accepts it.
fn derived(job: Uuid) -> Uuid {
    let mut hex = job.derive("resource").to_string();
    hex.replace_range(12..13, "4");
    hex.parse().unwrap_or_else(|_| Uuid::random())
}

/// The ephemeral tag that asks for the checks without the call (wire.md §3).
fn wants_validation_only(params: &Map<String, Value>) -> bool {
    let tags = params.get("systemTags").and_then(Value::as_array);
    tags.is_some_and(|tags| tags.iter().any(|tag| tag == "validationOnly"))
}

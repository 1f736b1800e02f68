//! Who calls, whether what they name exists, and whether they may.

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, ParamMeta, Rbac, ResourceMeta, Uuid, codes};
use sea_query::{Alias, Expr, ExprTrait, Query};
use serde_json::{Map, Value};

use super::Call;
use crate::{
    Kernel,
    bus::Caller,
    ownership::{self, Right},
};

/// What the `Authorization` header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `OAuth <session uuid>`.
    Session(String),
    /// `ZStack <access key id>:<signature>`, sent at about the present time.
    Signed {
        /// The access key's id.
        key: String,
        /// The HMAC-SHA1 that the client sent.
        signature: Vec<u8>,
        /// What it must be of.
        message: String,
    },
    /// No header; fine for the calls that need none.
    None,
}

/// Turns credentials into callers; the identity service is it.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Who that is. Every use extends the session.
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, ErrorCode>;
}

/// What the checks found.
pub(super) enum Checked {
    /// The call may be handled.
    Proceed,
    /// What it wants gone is gone: success without doing anything.
    NothingToDo,
}

/// Rules, existence, permission, in that order (wire.md §3).
pub(super) async fn check(kernel: &Kernel, caller: &Caller, call: &Call) -> Result<Checked, ErrorCode> {
    call.meta.check(&call.params)?;
    if call.meta.kind == cumulo_schema::ApiKind::Create {
        check_resource_uuid(&call.params)?;
    }
    if call.meta.rbac == Rbac::AdminOnly && !caller.is_admin() && call.meta.needs_session {
        return Err(ErrorCode::new(
            codes::PERMISSION_DENIED,
            format!("{} may be called by the admin account only", call.meta.name),
        ));
    }
    for param in call.meta.params {
        let (Some(vo), Some(value)) = (param.resource, call.params.get(param.name)) else { continue };
        let Some(resource) = kernel.query().schema().by_vo(vo) else { continue };
        for text in texts(value) {
            let Some(uuid) = existing(kernel, param, resource, text).await? else {
                return Ok(Checked::NothingToDo);
            };
            check_owner(kernel, caller, param, resource, uuid).await?;
        }
    }
    Ok(Checked::Proceed)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

/// `None` when the resource is gone and that makes the call a success.
async fn existing(
    kernel: &Kernel,
    param: &ParamMeta,
    resource: &'static ResourceMeta,
    text: &str,
) -> Result<Option<Uuid>, ErrorCode> {
    let missing = || {
        let text: String = text.chars().take(80).collect();
        ErrorCode::not_found(resource.name, text).with("parameter", param.name)
    };
    let uuid: Uuid = text.parse().map_err(|_| missing())?;
    let mut query = Query::select();
    query
        .expr(Expr::val(1))
        .from(Alias::new(resource.table))
        .and_where(Expr::col(Alias::new(resource.key().column)).eq(text))
        .limit(1);
    match kernel.db().fetch(&query).await?.is_empty() {
        false => Ok(Some(uuid)),
        true if param.success_if_missing => Ok(None),
        true => Err(missing()),
    }
}

async fn check_owner(
    kernel: &Kernel,
    caller: &Caller,
    param: &ParamMeta,
    resource: &'static ResourceMeta,
    uuid: Uuid,
) -> Result<(), ErrorCode> {
    let guarded = param.check_account || param.operation_target;
    if caller.is_admin() || !guarded {
        return Ok(());
    }
    let right = if param.operation_target { Right::Change } else { Right::Use };
    let target = kernel.query().schema().target(resource);
    if ownership::may(kernel.db(), target, caller.account, uuid, right).await? {
        return Ok(());
    }
    let or_shared = if right == Right::Use { " and is not shared with it" } else { "" };
    let text = format!("{}[uuid:{uuid}] does not belong to the account {}{or_shared}", resource.name, caller.account);
    Err(ErrorCode::new(codes::PERMISSION_DENIED, text))
}

/// An id chosen by the client must be one we could have chosen.
fn check_resource_uuid(params: &Map<String, Value>) -> Result<(), ErrorCode> {
    match params.get("resourceUuid").and_then(Value::as_str).map(str::parse::<Uuid>) {
        Some(Err(bad)) => Err(ErrorCode::invalid(format!("field[resourceUuid] {bad}"))),
        Some(Ok(_)) | None => Ok(()),
    }
}

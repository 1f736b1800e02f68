//! `CheckApiPermission`: what a console shows to whoever logged in.

use async_trait::async_trait;
use cumulo_contracts::api::{
    identity::{CheckApiPermission, CheckApiPermissionReply, CreateAccount, DeleteAccount},
    quota::UpdateQuota,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Api, ApiMeta, ErrorCode, Rbac};

use crate::Identity;

/// Declared for every account, as in the reference, and refused by their handlers to all but the admin.
const BY_ADMIN: [&ApiMeta; 3] = [CreateAccount::META, DeleteAccount::META, UpdateQuota::META];

#[async_trait]
impl HandleApi<CheckApiPermission> for Identity {
    async fn handle(&self, cx: &ApiCx, api: CheckApiPermission) -> Result<CheckApiPermissionReply, ErrorCode> {
        if api.user_uuid.is_some_and(|user| !user.is_empty()) {
            return Err(ErrorCode::invalid("field[userUuid] is not supported: there are accounts only; leave it out"));
        }
        let known = self.kernel.supported_apis();
        let judge = |name: String| {
            let meta = known.iter().find(|meta| is_called(meta, &name));
            let unknown = || ErrorCode::invalid(format!("field[apiNames]: this node has no API {}", short(&name)));
            let meta = meta.ok_or_else(unknown)?;
            let by_admin = meta.rbac == Rbac::AdminOnly || BY_ADMIN.iter().any(|other| other.name == meta.name);
            let allowed = cx.caller.is_admin() || !by_admin;
            Ok((name, if allowed { "Allow" } else { "Deny" }.to_owned()))
        };
        Ok(CheckApiPermissionReply {
            inventory: api.api_names.into_iter().map(judge).collect::<Result<_, ErrorCode>>()?,
        })
    }
}

/// By its name, the class of its message, or that with its package.
fn is_called(meta: &ApiMeta, name: &str) -> bool {
    let class = name.rsplit('.').next().unwrap_or(name);
    class == meta.name || class == meta.message_class()
}

fn short(name: &str) -> String {
    name.chars().take(80).collect()
}

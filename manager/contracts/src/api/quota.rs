//! How much accounts may have.

use cumulo_derive::{api, reply};
use cumulo_schema::system::Quota;
use cumulo_schema::{Inventories, Inventory, Uuid};
use serde_json::Value;

/// Changes how much of something an account may have.
#[api(put "/accounts/quotas/actions", group = "identity", service = "identity", package = "org.zstack.header.identity", job, reply = Inventory<Quota>)]
pub struct UpdateQuota {
    /// The account.
    #[param(resource = "AccountVO")]
    pub identity_uuid: Uuid,
    /// Of what: `vm.totalNum`.
    pub name: String,
    /// How much, in pieces or bytes.
    #[param(range(0, 9223372036854775807))]
    pub value: i64,
}

/// Finds quotas.
#[api(query "/accounts/quotas", group = "identity", service = "query", package = "org.zstack.header.identity", reply = Inventories<Quota>)]
pub struct QueryQuota;

/// Tells how much of its quotas an account uses.
#[api(get "/accounts/quota/{uuid}/usages", group = "identity", service = "identity", package = "org.zstack.header.identity", reply = GetAccountQuotaUsageReply)]
pub struct GetAccountQuotaUsage {
    /// The account.
    #[param(resource = "AccountVO", check_account, operation_target)]
    pub uuid: Uuid,
}

/// What [`GetAccountQuotaUsage`] answers.
#[reply(members)]
pub struct GetAccountQuotaUsageReply {
    /// For each quota its `name`, `total` and `used`.
    #[member(of = "QuotaUsage")]
    pub usages: Vec<Value>,
}

//! Accounts, sessions, access keys, sharing and quotas: who calls, who owns, who else may use it, and how much.
//!
//! Every authenticated call asks here, so a session's answer comes from memory: the table is read once per session and
//! life of the node, and written when a session is made, at most once a minute while it is used, and when it ends.
//! A client's password arrives as the hex text of its SHA-512 (wire.md §7); what is stored is argon2id of that text.

mod authenticate;
mod bootstrap;
mod change_access_key;
mod check_permission;
mod create_access_key;
mod create_account;
mod delete_account;
mod log_in;
mod log_out;
mod password;
mod quota_usage;
mod renew_session;
mod resource_names;
mod revoke_sharing;
mod sessions;
mod share_resource;
mod store;
mod update_account;
mod update_quota;
mod validate_session;

use std::sync::Arc;

use cumulo_contracts::{
    api::{
        access_key::{ChangeAccessKeyState, CreateAccessKey, DeleteAccessKey, QueryAccessKey},
        identity::{
            CheckApiPermission, CreateAccount, DeleteAccount, GetResourceNames, LogIn, LogInByAccount, LogOut,
            QueryAccount, QueryAccountResourceRef, RenewSession, UpdateAccount, ValidateSession,
        },
        quota::{GetAccountQuotaUsage, QueryQuota, UpdateQuota},
        sharing::{QuerySharedResource, RevokeResourceSharing, ShareResource},
    },
    resource::Account,
};
use cumulo_kernel::{
    Kernel, Setup,
    config::{ConfigDef, ConfigRule},
    db::Migration,
};
use cumulo_schema::{Api, Resource};

pub use bootstrap::{bootstrap_admin, complete_quotas};
use password::Passwords;
use sessions::Sessions;
use store::Store;

/// Category of this service's settings.
const CATEGORY: &str = "identity";
const SESSION_TIMEOUT: &str = "session.timeout";
const SESSION_LIMIT: &str = "session.maxConcurrent";
const CLEANUP_INTERVAL: &str = "session.cleanup.interval";

const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: CATEGORY,
        name: SESSION_TIMEOUT,
        description: "how long a session lives after its last use, in seconds",
        default: "7200",
        rule: ConfigRule::Integer(1, 31_535_999),
    },
    ConfigDef {
        category: CATEGORY,
        name: SESSION_LIMIT,
        description: "how many sessions an account may have at once",
        default: "500",
        rule: ConfigRule::Integer(1, 1_000_000),
    },
    ConfigDef {
        category: CATEGORY,
        name: CLEANUP_INTERVAL,
        description: "how often sessions that have ended are removed, in seconds",
        default: "3600",
        rule: ConfigRule::Integer(2, 31_536_000),
    },
];

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0100_identity", sql: include_str!("../migrations/20261121_0100_identity.sql") },
    Migration { name: "20261121_0101_access_key", sql: include_str!("../migrations/20261121_0101_access_key.sql") },
];

/// Answers the identity APIs.
struct Identity {
    kernel: Kernel,
    store: Store,
    sessions: Sessions,
    passwords: Passwords,
}

/// Installs the service, which also is the one that knows sessions.
pub fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let store = Store::new(kernel.db().clone());
    let sessions = Sessions::new(kernel.clone(), store.clone());
    let identity = Arc::new(Identity { kernel, store, sessions, passwords: Passwords::default() });
    setup
        .migrations(MIGRATIONS)
        .configs(CONFIGS)
        .authenticator(identity.clone())
        .api::<LogIn>(identity.clone())
        .api::<LogInByAccount>(identity.clone())
        .api::<CheckApiPermission>(identity.clone())
        .api::<GetResourceNames>(identity.clone())
        .api::<LogOut>(identity.clone())
        .api::<ValidateSession>(identity.clone())
        .api::<RenewSession>(identity.clone())
        .api::<CreateAccount>(identity.clone())
        .api::<UpdateAccount>(identity.clone())
        .api::<DeleteAccount>(identity.clone())
        .api::<ShareResource>(identity.clone())
        .api::<RevokeResourceSharing>(identity.clone())
        .api::<UpdateQuota>(identity.clone())
        .api::<GetAccountQuotaUsage>(identity.clone())
        .api::<CreateAccessKey>(identity.clone())
        .api::<ChangeAccessKeyState>(identity.clone())
        .api::<DeleteAccessKey>(identity.clone())
        .query(QuerySharedResource::META)
        .query(QueryQuota::META)
        .query(QueryAccessKey::META)
        .query(QueryAccount::META)
        .query(QueryAccountResourceRef::META)
        .cascade(Account::META, &[], identity);
}

//! Accounts and sessions: who calls, and who owns.
//!
//! Every authenticated call asks here, so a session's answer comes from memory: the table is read once per session and
//! life of the node, and written when a session is made, at most once a minute while it is used, and when it ends.
//! A client's password arrives as the hex text of its SHA-512 (wire.md §7); what is stored is argon2id of that text.

mod bootstrap;
mod create_account;
mod delete_account;
mod log_in;
mod log_out;
mod password;
mod renew_session;
mod sessions;
mod store;
mod update_account;
mod validate_session;

use std::sync::Arc;

use cumulo_contracts::{
    api::identity::{
        CreateAccount, DeleteAccount, LogInByAccount, LogOut, QueryAccount, QueryAccountResourceRef, RenewSession,
        UpdateAccount, ValidateSession,
    },
    resource::Account,
};
use cumulo_kernel::{
    Kernel, Setup,
    config::{ConfigDef, ConfigRule},
    db::Migration,
};
use cumulo_schema::{Api, Resource};

pub use bootstrap::bootstrap_admin;
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

/// Answers the identity APIs.
struct Identity {
    kernel: Kernel,
    store: Store,
    sessions: Arc<Sessions>,
    passwords: Passwords,
}

/// Installs the service, which also is the one that knows sessions.
pub fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let store = Store::new(kernel.db().clone());
    let sessions = Arc::new(Sessions::new(kernel.clone(), store.clone()));
    let identity = Arc::new(Identity { kernel, store, sessions: sessions.clone(), passwords: Passwords::default() });
    setup
        .migrations(&[Migration {
            name: "20261121_0100_identity",
            sql: include_str!("../migrations/20261121_0100_identity.sql"),
        }])
        .configs(CONFIGS)
        .authenticator(sessions)
        .api::<LogInByAccount>(identity.clone())
        .api::<LogOut>(identity.clone())
        .api::<ValidateSession>(identity.clone())
        .api::<RenewSession>(identity.clone())
        .api::<CreateAccount>(identity.clone())
        .api::<UpdateAccount>(identity.clone())
        .api::<DeleteAccount>(identity.clone())
        .query(QueryAccount::META)
        .query(QueryAccountResourceRef::META)
        .cascade(Account::META, &[], identity);
}

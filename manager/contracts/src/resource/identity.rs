//! Accounts and sessions.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

/// An account: what owns resources.
#[resource(
    table = "account",
    java = "org.zstack.header.identity.AccountInventory",
    vo = "AccountVO",
    seen_by(account = uuid),
    expand(quota: Quota, uuid = identityUuid)
)]
pub struct Account {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(unique)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// Its kind.
    pub r#type: String,
    /// The password of that account, sealed.
    #[field(hidden)]
    pub password: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A login that has not ended.
#[resource(table = "session", java = "org.zstack.header.identity.SessionInventory", vo = "SessionVO", internal)]
pub struct Session {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The account.
    #[field(indexed, references = "Account", part_of = "Account")]
    pub account_uuid: Uuid,
    /// The user; the account itself for account logins.
    pub user_uuid: Uuid,
    /// What sort of user.
    pub user_type: Option<String>,
    /// When it ends unless used.
    pub expired_date: Timestamp,
    /// When it was made.
    pub create_date: Timestamp,
    /// Where it was made from.
    #[field(hidden)]
    pub client_ip: String,
}

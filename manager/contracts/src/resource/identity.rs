//! Accounts, sessions and access keys.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

use super::state::ResourceState;

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

/// A key that signs calls of an account.
#[resource(
    table = "access_key",
    java = "org.zstack.accessKey.AccessKeyInventory",
    vo = "AccessKeyVO",
    seen_by(account = accountUuid),
    expand(account: Account, accountUuid = uuid)
)]
pub struct AccessKey {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The account.
    #[field(indexed, references = "Account", part_of = "Account")]
    pub account_uuid: Uuid,
    /// The user; the account itself.
    pub user_uuid: Uuid,
    /// Its public part, which calls name.
    #[field(wire = "AccessKeyID", unique)]
    pub access_key_id: String,
    /// Its secret part, sealed.
    #[field(wire = "AccessKeySecret", hidden)]
    pub access_key_secret: String,
    /// Whether calls signed with it are taken.
    pub state: ResourceState,
    /// The call that made it: the only one that is told the secret, when it is handled again after a crash.
    #[field(hidden)]
    pub made_by: Uuid,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

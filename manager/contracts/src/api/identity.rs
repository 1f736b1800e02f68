//! Sessions and accounts.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::system::AccountResourceRef;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::{Account, Session};

/// Opens a session with an account's name and password.
#[api(put "/accounts/login", group = "session", service = "identity", package = "org.zstack.header.identity", no_session, reply = Inventory<Session>)]
pub struct LogInByAccount {
    /// The name of the account.
    pub account_name: String,
    /// The password, as the hexadecimal SHA-512 of what is typed.
    #[param(sensitive)]
    pub password: String,
    /// Unused; accepted from old clients.
    pub account_type: Option<String>,
    /// Unused; accepted from old clients.
    pub captcha_uuid: Option<String>,
    /// Unused; accepted from old clients.
    pub verify_code: Option<String>,
    /// Unused; accepted from old clients.
    pub client_info: Option<BTreeMap<String, String>>,
}

/// Opens a session with a name and a password of one kind.
#[api(put "/login", group = "session", service = "login", package = "org.zstack.header.identity.login", no_session, reply = Inventory<Session>)]
pub struct LogIn {
    /// The name.
    pub username: String,
    /// The password, as the hexadecimal SHA-512 of what is typed.
    #[param(sensitive)]
    pub password: String,
    /// Whose name and password these are: `account`.
    pub login_type: String,
    /// Unused; accepted from old clients.
    pub captcha_uuid: Option<String>,
    /// Unused; accepted from old clients.
    pub verify_code: Option<String>,
    /// Unused; accepted from old clients.
    pub client_info: Option<BTreeMap<String, String>>,
    /// Unused; accepted from old clients.
    pub properties: Option<BTreeMap<String, String>>,
}

/// Ends a session.
#[api(delete "/accounts/sessions/{sessionUuid}", group = "session", service = "identity", package = "org.zstack.header.identity", no_session, reply = Empty)]
pub struct LogOut {
    /// The session.
    pub session_uuid: Option<String>,
    /// Unused; accepted from old clients.
    pub client_info: Option<BTreeMap<String, String>>,
}

/// Tells whether a session is valid.
#[api(get "/accounts/sessions/{sessionUuid}/valid", group = "session", service = "identity", package = "org.zstack.header.identity", no_session, reply = ValidateSessionReply)]
pub struct ValidateSession {
    /// The session.
    pub session_uuid: String,
}

/// What [`ValidateSession`] answers.
#[reply(members)]
pub struct ValidateSessionReply {
    /// Whether it is.
    pub valid: bool,
}

/// Extends a session.
#[api(put "/accounts/sessions/{sessionUuid}/renew", group = "session", service = "identity", package = "org.zstack.header.identity", job, reply = Inventory<Session>)]
pub struct RenewSession {
    /// The session.
    #[param(resource = "SessionVO")]
    pub session_uuid: Uuid,
    /// For how long from now, in seconds.
    #[param(range(60, 31536000))]
    pub duration: Option<i64>,
}

/// Creates an account.
#[api(post "/accounts", group = "identity", service = "identity", package = "org.zstack.header.identity", job, create, reply = Inventory<Account>)]
pub struct CreateAccount {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// The password, as the hexadecimal SHA-512 of what is typed.
    #[param(max_length = 255, sensitive)]
    pub password: String,
    /// `Normal`, or `SystemAdmin` for one that may do everything.
    #[param(values("SystemAdmin", "Normal"))]
    pub r#type: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Changes an account's password, name or description.
#[api(put "/accounts/{uuid}", group = "identity", service = "identity", package = "org.zstack.header.identity", job, reply = Inventory<Account>)]
pub struct UpdateAccount {
    /// The account.
    #[param(resource = "AccountVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The password, as the hexadecimal SHA-512 of what is typed.
    #[param(max_length = 255, sensitive)]
    pub password: Option<String>,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The present password, as the hexadecimal SHA-512 of what is typed.
    #[param(max_length = 255, sensitive)]
    pub old_password: Option<String>,
}

/// Deletes an account.
#[api(delete "/accounts/{uuid}", group = "identity", service = "identity", package = "org.zstack.header.identity", job, delete, reply = Empty)]
pub struct DeleteAccount {
    /// The account.
    #[param(resource = "AccountVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds accounts.
#[api(query "/accounts", group = "identity", service = "query", package = "org.zstack.header.identity", reply = Inventories<Account>)]
pub struct QueryAccount;

/// Finds which account owns which resource.
#[api(query "/accounts/resources/refs", group = "identity", service = "query", package = "org.zstack.header.identity", reply = Inventories<AccountResourceRef>)]
pub struct QueryAccountResourceRef;

/// Tells which APIs the caller may call.
#[api(put "/accounts/permissions/actions", group = "identity", service = "identity", package = "org.zstack.header.identity", reply = CheckApiPermissionReply)]
pub struct CheckApiPermission {
    /// Unused: there are accounts only.
    #[param(resource = "UserVO")]
    pub user_uuid: Option<String>,
    /// Names of APIs, or of their messages.
    #[param(nonempty)]
    pub api_names: Vec<String>,
}

/// What [`CheckApiPermission`] answers.
#[reply(members)]
pub struct CheckApiPermissionReply {
    /// `Allow` or `Deny`, by the names as they were given.
    pub inventory: BTreeMap<String, String>,
}

/// Answers what resources are called, whatever they are.
#[api(get "/resources/names", group = "identity", service = "identity", package = "org.zstack.header.vo", reply = GetResourceNamesReply)]
pub struct GetResourceNames {
    /// The resources. Those that the caller does not see are left out.
    #[param(nonempty)]
    pub uuids: Vec<String>,
}

/// What [`GetResourceNames`] answers.
#[reply(members)]
pub struct GetResourceNamesReply {
    /// Id, name and kind of each.
    #[member(of = "ResourceInventory")]
    pub inventories: Vec<Value>,
}

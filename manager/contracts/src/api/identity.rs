//! APIs of group `identity`.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::system::AccountResourceRef;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::{Account, Session};

/// Opens a session with an account's name and password.
#[api(put "/accounts/login", group = "session", service = "identity", package = "org.zstack.header.identity", no_session, reply = Inventory<Session>)]
pub struct LogInByAccount {
    /// Account name.
    pub account_name: String,
    /// The password of that account.
    #[param(sensitive)]
    pub password: String,
    /// Account type.
    pub account_type: Option<String>,
    /// Captcha id.
    pub captcha_uuid: Option<String>,
    /// Verify code.
    pub verify_code: Option<String>,
    /// Client info.
    pub client_info: Option<BTreeMap<String, String>>,
}

/// Ends a session.
#[api(delete "/accounts/sessions/{sessionUuid}", group = "session", service = "identity", package = "org.zstack.header.identity", no_session, reply = Empty)]
pub struct LogOut {
    /// Session id.
    pub session_uuid: Option<String>,
    /// Client info.
    pub client_info: Option<BTreeMap<String, String>>,
}

/// Tells whether a session is valid.
#[api(get "/accounts/sessions/{sessionUuid}/valid", group = "session", service = "identity", package = "org.zstack.header.identity", no_session, reply = ValidateSessionReply)]
pub struct ValidateSession {
    /// Session id.
    pub session_uuid: String,
}

/// What [`ValidateSession`] answers.
#[reply(members)]
pub struct ValidateSessionReply {
    /// Valid.
    pub valid: bool,
}

/// Extends a session.
#[api(put "/accounts/sessions/{sessionUuid}/renew", group = "session", service = "identity", package = "org.zstack.header.identity", job, reply = Inventory<Session>)]
pub struct RenewSession {
    /// Session id.
    #[param(resource = "SessionVO")]
    pub session_uuid: Uuid,
    /// Duration.
    #[param(range(60, 31536000))]
    pub duration: Option<i64>,
}

/// Creates an account.
#[api(post "/accounts", group = "identity", service = "identity", package = "org.zstack.header.identity", job, create, reply = Inventory<Account>)]
pub struct CreateAccount {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: String,
    /// Its kind.
    #[param(values("SystemAdmin", "Normal"))]
    pub r#type: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Changes what is recorded of an account.
#[api(put "/accounts/{uuid}", group = "identity", service = "identity", package = "org.zstack.header.identity", job, reply = Inventory<Account>)]
pub struct UpdateAccount {
    /// The id of what is meant.
    #[param(resource = "AccountVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The password of that account.
    #[param(max_length = 255, sensitive)]
    pub password: Option<String>,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Old password.
    #[param(max_length = 255, sensitive)]
    pub old_password: Option<String>,
}

/// Deletes an account.
#[api(delete "/accounts/{uuid}", group = "identity", service = "identity", package = "org.zstack.header.identity", job, delete, reply = Empty)]
pub struct DeleteAccount {
    /// The id of what is meant.
    #[param(resource = "AccountVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds accounts.
#[api(query "/accounts", group = "identity", service = "query", package = "org.zstack.header.identity", reply = Inventories<Account>)]
pub struct QueryAccount;

/// Finds account resource refs.
#[api(query "/accounts/resources/refs", group = "identity", service = "query", package = "org.zstack.header.identity", reply = Inventories<AccountResourceRef>)]
pub struct QueryAccountResourceRef;

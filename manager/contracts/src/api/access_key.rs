//! Keys that sign calls in place of a login.

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::AccessKey;

/// Makes an access key. Its secret is in the answer, and nowhere else afterwards.
#[api(post "/accesskeys", group = "identity", service = "accessKey", package = "org.zstack.accessKey", job, create, secret_reply, reply = Inventory<AccessKey>)]
pub struct CreateAccessKey {
    /// The account that calls signed with the key are made by.
    #[param(max_length = 32, resource = "AccountVO", check_account, operation_target)]
    pub account_uuid: Uuid,
    /// The user of that account; the account itself, since accounts have no users.
    #[param(max_length = 32)]
    pub user_uuid: Uuid,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Its public part, 10 to 20 letters and digits; a random one unless given.
    #[param(wire = "AccessKeyID", max_length = 20, regex = "[A-Za-z0-9]{10,20}")]
    pub access_key_id: Option<String>,
    /// Its secret part, 10 to 40 letters and digits; a random one unless given.
    #[param(wire = "AccessKeySecret", max_length = 40, regex = "[A-Za-z0-9]{10,40}", sensitive)]
    pub access_key_secret: Option<String>,
}

/// Deletes an access key; calls signed with it are refused from then on.
#[api(delete "/accesskeys/{uuid}", group = "identity", service = "accessKey", package = "org.zstack.accessKey", job, delete, reply = Empty)]
pub struct DeleteAccessKey {
    /// The key.
    #[param(resource = "AccessKeyVO", success_if_missing, check_account, operation_target)]
    pub uuid: Uuid,
}

/// Enables or disables an access key.
#[api(put "/accesskeys/{uuid}/actions", group = "identity", service = "accessKey", package = "org.zstack.accessKey", job, reply = Inventory<AccessKey>)]
pub struct ChangeAccessKeyState {
    /// The key.
    #[param(resource = "AccessKeyVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// `enable` or `disable`.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Finds access keys. Their secrets are not shown.
#[api(query "/accesskeys", group = "identity", service = "query", package = "org.zstack.accessKey", reply = Inventories<AccessKey>)]
pub struct QueryAccessKey;

//! Letting other accounts use a resource.

use cumulo_derive::api;
use cumulo_schema::system::SharedResource;
use cumulo_schema::{Empty, Inventories, Uuid};

/// Lets other accounts use resources; they cannot change or delete them.
#[api(put "/accounts/resources/actions", group = "identity", service = "identity", package = "org.zstack.header.identity", job, reply = Empty)]
pub struct ShareResource {
    /// The resources.
    #[param(nonempty, resource = "ResourceVO", check_account, operation_target)]
    pub resource_uuids: Vec<Uuid>,
    /// The accounts that may use them.
    #[param(resource = "AccountVO")]
    pub account_uuids: Option<Vec<Uuid>>,
    /// Every account may use them.
    #[param(default = "false")]
    pub to_public: bool,
}

/// Takes back that other accounts may use resources. What was made with them stays.
#[api(put "/accounts/resources/actions", group = "identity", service = "identity", package = "org.zstack.header.identity", job, reply = Empty)]
pub struct RevokeResourceSharing {
    /// The resources.
    #[param(nonempty, resource = "ResourceVO")]
    pub resource_uuids: Vec<Uuid>,
    /// Not every account may use them any more.
    #[param(default = "false")]
    pub to_public: bool,
    /// These accounts may not use them any more.
    #[param(resource = "AccountVO")]
    pub account_uuids: Option<Vec<Uuid>>,
    /// Nobody else may use them any more.
    #[param(default = "false")]
    pub all: bool,
}

/// Finds what is shared.
#[api(query "/accounts/resources", group = "identity", service = "query", package = "org.zstack.header.identity", reply = Inventories<SharedResource>)]
pub struct QuerySharedResource;

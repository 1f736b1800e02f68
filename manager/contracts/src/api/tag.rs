//! APIs of group `tag`.

use cumulo_derive::{api, reply};
use cumulo_schema::system::{SystemTag, UserTag};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

/// Creates an user tag.
#[api(post "/user-tags", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = Inventory<UserTag>)]
pub struct CreateUserTag {
    /// The VO of the resource.
    pub resource_type: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
    /// The tag.
    #[param(sensitive)]
    pub tag: String,
}

/// Creates a system tag.
#[api(post "/system-tags", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = Inventory<SystemTag>)]
pub struct CreateSystemTag {
    /// The VO of the resource.
    pub resource_type: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
    /// The tag.
    #[param(sensitive)]
    pub tag: String,
}

/// Creates a system tags.
#[api(post "/system-tags/{resourceUuid}/tags", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = CreateSystemTagsReply)]
pub struct CreateSystemTags {
    /// The VO of the resource.
    pub resource_type: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
    /// Tags.
    #[param(nonempty, sensitive)]
    pub tags: Vec<String>,
}

/// What [`CreateSystemTags`] answers.
#[reply(members)]
pub struct CreateSystemTagsReply {
    /// Inventories.
    #[member(of = "SystemTagInventory")]
    pub inventories: Vec<Value>,
}

/// Changes what is recorded of a system tag.
#[api(put "/system-tags/{uuid}/actions", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = Inventory<SystemTag>)]
pub struct UpdateSystemTag {
    /// The id of what is meant.
    #[param(resource = "SystemTagVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The tag.
    pub tag: String,
}

/// Deletes a tag.
#[api(delete "/tags/{uuid}", group = "tag", service = "tag", package = "org.zstack.header.tag", job, delete, reply = Empty)]
pub struct DeleteTag {
    /// The id of what is meant.
    #[param(check_account, operation_target)]
    pub uuid: String,
}

/// Finds user tags.
#[api(query "/user-tags", group = "tag", service = "query", package = "org.zstack.header.tag", reply = Inventories<UserTag>)]
pub struct QueryUserTag;

/// Finds system tags.
#[api(query "/system-tags", group = "tag", service = "query", package = "org.zstack.header.tag", reply = Inventories<SystemTag>)]
pub struct QuerySystemTag;

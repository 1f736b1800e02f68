//! Tags.

use cumulo_derive::{api, reply};
use cumulo_schema::system::{SystemTag, UserTag};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

/// Puts a tag that means something to people on a resource.
#[api(post "/user-tags", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = Inventory<UserTag>)]
pub struct CreateUserTag {
    /// The kind of the resource, as `VmInstanceVO`.
    pub resource_type: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
    /// The tag.
    #[param(sensitive)]
    pub tag: String,
}

/// Puts a tag that the system understands on a resource.
#[api(post "/system-tags", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = Inventory<SystemTag>)]
pub struct CreateSystemTag {
    /// The kind of the resource, as `VmInstanceVO`.
    pub resource_type: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
    /// The tag.
    #[param(sensitive)]
    pub tag: String,
}

/// Puts several tags that the system understands on a resource.
#[api(post "/system-tags/{resourceUuid}/tags", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = CreateSystemTagsReply)]
pub struct CreateSystemTags {
    /// The kind of the resource, as `VmInstanceVO`.
    pub resource_type: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
    /// The tags.
    #[param(nonempty, sensitive)]
    pub tags: Vec<String>,
}

/// What [`CreateSystemTags`] answers.
#[reply(members)]
pub struct CreateSystemTagsReply {
    /// The tags.
    #[member(of = "SystemTagInventory")]
    pub inventories: Vec<Value>,
}

/// Replaces the text of a system tag.
#[api(put "/system-tags/{uuid}/actions", group = "tag", service = "tag", package = "org.zstack.header.tag", job, reply = Inventory<SystemTag>)]
pub struct UpdateSystemTag {
    /// The tag.
    #[param(resource = "SystemTagVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The new text.
    pub tag: String,
}

/// Takes a tag off its resource.
#[api(delete "/tags/{uuid}", group = "tag", service = "tag", package = "org.zstack.header.tag", job, delete, reply = Empty)]
pub struct DeleteTag {
    /// The tag.
    #[param(check_account, operation_target)]
    pub uuid: String,
}

/// Finds user tags.
#[api(query "/user-tags", group = "tag", service = "query", package = "org.zstack.header.tag", reply = Inventories<UserTag>)]
pub struct QueryUserTag;

/// Finds system tags.
#[api(query "/system-tags", group = "tag", service = "query", package = "org.zstack.header.tag", reply = Inventories<SystemTag>)]
pub struct QuerySystemTag;

//! Tags.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::system::{SystemTag, TagPattern, UserTag};
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

/// Takes a tag off its resource, or a tag pattern off all of them.
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

/// Makes a tag pattern: a tag that is agreed on once and attached to many resources.
#[api(post "/tags", group = "tag", service = "tag", package = "org.zstack.tag2", job, create, reply = Inventory<TagPattern>)]
pub struct CreateTag {
    /// Its name.
    #[param(max_length = 255, no_empty_string)]
    pub name: String,
    /// The text of tags made from it; tokens stand in braces.
    #[param(max_length = 255, no_empty_string)]
    pub value: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The colour it is shown in.
    #[param(regex = "#[0-9a-fA-F]{6}")]
    pub color: Option<String>,
    /// Whether it has tokens.
    #[param(values("simple", "withToken"), default = "simple")]
    pub r#type: String,
}

/// Changes what a tag pattern is called and how it is shown. The tags made from it keep their texts.
#[api(put "/tags/{uuid}/actions", group = "tag", service = "tag", package = "org.zstack.tag2", job, reply = Inventory<TagPattern>)]
pub struct UpdateTag {
    /// The pattern.
    #[param(resource = "TagPatternVO", check_account, operation_target)]
    pub uuid: Uuid,
    /// The new name.
    #[param(max_length = 255, no_empty_string)]
    pub name: Option<String>,
    /// The new description.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The new colour.
    #[param(regex = "#[0-9a-fA-F]{6}")]
    pub color: Option<String>,
}

/// Attaches a tag pattern to resources.
#[api(post "/tags/{tagUuid}/resources", group = "tag", service = "tag", package = "org.zstack.tag2", job, reply = AttachTagToResourcesReply)]
pub struct AttachTagToResources {
    /// The pattern.
    #[param(resource = "TagPatternVO", check_account)]
    pub tag_uuid: Uuid,
    /// The resources.
    #[param(nonempty)]
    pub resource_uuids: Vec<Uuid>,
    /// Values for the pattern's tokens.
    pub tokens: Option<BTreeMap<String, String>>,
}

/// What [`AttachTagToResources`] answers.
#[reply(members)]
pub struct AttachTagToResourcesReply {
    /// The tags.
    #[member(of = "UserTagInventory")]
    pub inventories: Vec<Value>,
}

/// Takes a tag pattern off resources.
#[api(delete "/tags/{tagUuid}/resources", group = "tag", service = "tag", package = "org.zstack.tag2", job, reply = Empty)]
pub struct DetachTagFromResources {
    /// The pattern.
    #[param(resource = "TagPatternVO", check_account)]
    pub tag_uuid: Uuid,
    /// The resources.
    #[param(nonempty)]
    pub resource_uuids: Vec<Uuid>,
}

/// Finds tag patterns.
#[api(query "/tags", group = "tag", service = "query", package = "org.zstack.tag2", reply = Inventories<TagPattern>)]
pub struct QueryTag;

//! Settings of single resources.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid, system::ResourceConfig};
use serde_json::Value;

/// Says what a setting is for one resource.
#[api(put "/resource-configurations/{category}/{name}/{resourceUuid}/actions", group = "resourceConfig", service = "resourceConfig", package = "org.zstack.resourceconfig", job, reply = Inventory<ResourceConfig>)]
pub struct UpdateResourceConfig {
    /// The part of the system that the setting belongs to.
    pub category: String,
    /// The name of the setting.
    pub name: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account, operation_target)]
    pub resource_uuid: Uuid,
    /// What it is for that resource.
    pub value: String,
}

/// Says what several settings are for one resource: all or none.
#[api(post "/resource-configurations/{resourceUuid}/resource-configs/actions", group = "resourceConfig", service = "resourceConfig", package = "org.zstack.resourceconfig", job, reply = UpdateResourceConfigsReply)]
pub struct UpdateResourceConfigs {
    /// The resource.
    #[param(resource = "ResourceVO", check_account, operation_target)]
    pub resource_uuid: Uuid,
    /// The settings, each with `category`, `name` and `value`.
    #[param(json = "List<ResourceConfigAO>", nonempty)]
    pub resource_configs: Value,
}

/// What [`UpdateResourceConfigs`] answers.
#[reply(members)]
pub struct UpdateResourceConfigsReply {
    /// The settings as they are now.
    #[member(of = "List<ResourceConfigStruct>")]
    pub inventories: Vec<Value>,
}

/// Takes back what was said for one resource: it inherits again.
#[api(delete "/resource-configurations/{category}/{name}/{resourceUuid}", group = "resourceConfig", service = "resourceConfig", package = "org.zstack.resourceconfig", job, delete, reply = Empty)]
pub struct DeleteResourceConfig {
    /// The part of the system that the setting belongs to.
    pub category: String,
    /// The name of the setting.
    pub name: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account, success_if_missing)]
    pub resource_uuid: Uuid,
}

/// Tells what a setting is for one resource, and where that comes from.
#[api(get "/resource-configurations/{resourceUuid}/{category}/{name}", group = "resourceConfig", service = "resourceConfig", package = "org.zstack.resourceconfig", reply = GetResourceConfigReply)]
pub struct GetResourceConfig {
    /// The part of the system that the setting belongs to.
    pub category: String,
    /// The name of the setting.
    pub name: String,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
}

/// What [`GetResourceConfig`] answers.
#[reply(all)]
pub struct GetResourceConfigReply {
    /// The value that counts.
    pub value: String,
    /// What was said for the resource and what it inherits from, nearest first.
    #[member(of = "List<ResourceConfigInventory>")]
    pub effective_configs: Vec<Value>,
}

/// Tells what several settings of one category are for one resource.
#[api(get "/resource-configurations/{resourceUuid}/{category}", group = "resourceConfig", service = "resourceConfig", package = "org.zstack.resourceconfig", reply = GetResourceConfigsReply)]
pub struct GetResourceConfigs {
    /// The part of the system that the settings belong to.
    pub category: String,
    /// The names of the settings.
    #[param(nonempty)]
    pub names: Vec<String>,
    /// The resource.
    #[param(resource = "ResourceVO", check_account)]
    pub resource_uuid: Uuid,
}

/// What [`GetResourceConfigs`] answers.
#[reply(members)]
pub struct GetResourceConfigsReply {
    /// The settings, each with `name`, `value` and `effectiveConfigs`.
    #[member(of = "List<ResourceConfigStruct>")]
    pub configs: Vec<Value>,
}

/// Finds settings of single resources.
#[api(query "/resource-configurations", group = "resourceConfig", service = "query", package = "org.zstack.resourceconfig", reply = Inventories<ResourceConfig>)]
pub struct QueryResourceConfig;

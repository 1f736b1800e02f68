//! Global settings.

use cumulo_derive::{api, reply};
use cumulo_schema::system::GlobalConfig;
use cumulo_schema::{Empty, Inventories, Inventory};
use serde_json::Value;

/// Changes one global setting.
#[api(put "/global-configurations/{category}/{name}/actions", group = "globalConfig", service = "globalConfig", package = "org.zstack.core.config", job, admin, reply = Inventory<GlobalConfig>)]
pub struct UpdateGlobalConfig {
    /// The part of the system that the setting belongs to.
    pub category: String,
    /// The name of the setting.
    pub name: String,
    /// The new value.
    pub value: Option<String>,
}

/// Sets every global setting back to its default.
#[api(put "/global-configurations/actions", group = "globalConfig", service = "globalConfig", package = "org.zstack.core.config", job, admin, reply = Empty)]
pub struct ResetGlobalConfig {}

/// Tells which values a global setting may have.
#[api(get "/global-configurations/{category}/{name}", group = "globalConfig", service = "globalConfig", package = "org.zstack.core.config", reply = GetGlobalConfigOptionsReply)]
pub struct GetGlobalConfigOptions {
    /// The part of the system that the setting belongs to.
    pub category: String,
    /// The name of the setting.
    pub name: String,
}

/// What [`GetGlobalConfigOptions`] answers.
#[reply(members)]
pub struct GetGlobalConfigOptionsReply {
    /// The rules for its value.
    #[member(of = "GlobalConfigOptions")]
    pub options: Option<Value>,
}

/// Finds global settings.
#[api(query "/global-configurations", group = "globalConfig", service = "query", package = "org.zstack.core.config", reply = Inventories<GlobalConfig>)]
pub struct QueryGlobalConfig;

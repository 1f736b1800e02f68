//! APIs of group `config`.

use cumulo_derive::{api, reply};
use cumulo_schema::system::GlobalConfig;
use cumulo_schema::{Empty, Inventories, Inventory};
use serde_json::Value;

/// Changes what is recorded of a global config.
#[api(put "/global-configurations/{category}/{name}/actions", group = "globalConfig", service = "globalConfig", package = "org.zstack.core.config", job, admin, reply = Inventory<GlobalConfig>)]
pub struct UpdateGlobalConfig {
    /// Category.
    pub category: String,
    /// Its name.
    pub name: String,
    /// Value.
    pub value: Option<String>,
}

/// Resets the global config.
#[api(put "/global-configurations/actions", group = "globalConfig", service = "globalConfig", package = "org.zstack.core.config", job, admin, reply = Empty)]
pub struct ResetGlobalConfig {}

/// Answers the global config options.
#[api(get "/global-configurations/{category}/{name}", group = "globalConfig", service = "globalConfig", package = "org.zstack.core.config", reply = GetGlobalConfigOptionsReply)]
pub struct GetGlobalConfigOptions {
    /// Category.
    pub category: String,
    /// Its name.
    pub name: String,
}

/// What [`GetGlobalConfigOptions`] answers.
#[reply(members)]
pub struct GetGlobalConfigOptionsReply {
    /// Options.
    #[member(of = "GlobalConfigOptions")]
    pub options: Option<Value>,
}

/// Finds global configs.
#[api(query "/global-configurations", group = "globalConfig", service = "query", package = "org.zstack.core.config", reply = Inventories<GlobalConfig>)]
pub struct QueryGlobalConfig;

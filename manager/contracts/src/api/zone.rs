//! APIs of group `zone`.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::Zone;

/// Creates a zone.
#[api(post "/zones", group = "zone", service = "zone", package = "org.zstack.header.zone", job, create, admin, reply = Inventory<Zone>)]
pub struct CreateZone {
    /// Its name.
    #[param(max_length = 255, regex = "^(?! )[\\u4e00-\\u9fa5a-zA-Z0-9\\-_.():+\" ]*(?<! )$")]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Whether it is meant when none is named.
    pub is_default: Option<bool>,
}

/// Changes what is recorded of a zone.
#[api(put "/zones/{uuid}/actions", group = "zone", service = "zone", package = "org.zstack.header.zone", job, admin, reply = Inventory<Zone>)]
pub struct UpdateZone {
    /// Its name.
    #[param(max_length = 255, regex = "^(?! )[\\u4e00-\\u9fa5a-zA-Z0-9\\-_.():+\" ]*(?<! )$")]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The id of what is meant.
    #[param(resource = "ZoneVO")]
    pub uuid: Uuid,
    /// Whether it is meant when none is named.
    pub is_default: Option<bool>,
}

/// Enables or disables a zone.
#[api(put "/zones/{uuid}/actions", group = "zone", service = "zone", package = "org.zstack.header.zone", job, admin, reply = Inventory<Zone>)]
pub struct ChangeZoneState {
    /// The id of what is meant.
    #[param(resource = "ZoneVO")]
    pub uuid: Uuid,
    /// What to do with its state.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes a zone.
#[api(delete "/zones/{uuid}", group = "zone", service = "zone", package = "org.zstack.header.zone", job, delete, admin, reply = Empty)]
pub struct DeleteZone {
    /// The id of what is meant.
    #[param(resource = "ZoneVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds zones.
#[api(query "/zones", group = "zone", service = "query", package = "org.zstack.header.zone", reply = Inventories<Zone>)]
pub struct QueryZone;

/// Answers the zone.
#[api(get "/zones/{uuid}/info", group = "zone", service = "zone", package = "org.zstack.header.zone", admin, reply = GetZoneReply)]
pub struct GetZone {
    /// The id of what is meant.
    pub uuid: Option<String>,
}

/// What [`GetZone`] answers.
#[reply(members)]
pub struct GetZoneReply {
    /// Inventories.
    #[member(of = "ZoneInventory")]
    pub inventories: Vec<Value>,
}

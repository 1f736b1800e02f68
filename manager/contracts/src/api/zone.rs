//! Zones.

use cumulo_derive::{api, reply};
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

use crate::resource::Zone;

/// Letters, digits, Chinese characters and some marks, without a space at either end.
const ZONE_NAME: &str = r#"([\u4e00-\u9fa5a-zA-Z0-9\-_.():+"]+( +[\u4e00-\u9fa5a-zA-Z0-9\-_.():+"]+)*)?"#;

/// Creates a zone.
#[api(post "/zones", group = "zone", service = "zone", package = "org.zstack.header.zone", job, create, admin, reply = Inventory<Zone>)]
pub struct CreateZone {
    /// Its name.
    #[param(max_length = 255, regex = ZONE_NAME)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// Whether it is the one meant when none is named.
    pub is_default: Option<bool>,
}

/// Changes name or description of a zone, or makes it the default one.
#[api(put "/zones/{uuid}/actions", group = "zone", service = "zone", package = "org.zstack.header.zone", job, admin, reply = Inventory<Zone>)]
pub struct UpdateZone {
    /// Its name.
    #[param(max_length = 255, regex = ZONE_NAME)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub uuid: Uuid,
    /// Whether it is the one meant when none is named.
    pub is_default: Option<bool>,
}

/// Enables or disables a zone.
#[api(put "/zones/{uuid}/actions", group = "zone", service = "zone", package = "org.zstack.header.zone", job, admin, reply = Inventory<Zone>)]
pub struct ChangeZoneState {
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub uuid: Uuid,
    /// What to do with it.
    #[param(values("enable", "disable"))]
    pub state_event: String,
}

/// Deletes a zone.
#[api(delete "/zones/{uuid}", group = "zone", service = "zone", package = "org.zstack.header.zone", job, delete, admin, reply = Empty)]
pub struct DeleteZone {
    /// The zone.
    #[param(resource = "ZoneVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds zones.
#[api(query "/zones", group = "zone", service = "query", package = "org.zstack.header.zone", reply = Inventories<Zone>)]
pub struct QueryZone;

/// Answers a zone.
#[api(get "/zones/{uuid}/info", group = "zone", service = "zone", package = "org.zstack.header.zone", admin, reply = GetZoneReply)]
pub struct GetZone {
    /// The zone.
    pub uuid: Option<String>,
}

/// What [`GetZone`] answers.
#[reply(members)]
pub struct GetZoneReply {
    /// The zone.
    #[member(of = "ZoneInventory")]
    pub inventories: Vec<Value>,
}

//! Volumes.

use cumulo_derive::api;
use cumulo_schema::Inventories;

use crate::resource::Volume;

/// Finds volumes.
#[api(query "/volumes", group = "volume", service = "query", package = "org.zstack.header.volume", reply = Inventories<Volume>)]
pub struct QueryVolume;

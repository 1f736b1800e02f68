//! Zones: data centres, or parts of one that share nothing with the others.
//!
//! A zone is a name that clusters, storages and networks hang on; deleting one takes them along through the cascade. At
//! most one zone is the default one, which is kept so by the write that makes another the default, not by a check before
//! it: two such writes at once leave one of them standing.

mod change_state;
mod create;
mod delete;
mod get;
mod placing;
mod store;
mod update;

use std::sync::Arc;

use cumulo_contracts::{
    api::zone::{ChangeZoneState, CreateZone, DeleteZone, GetZone, QueryZone, UpdateZone},
    ext::host::HostFilter,
    resource::Zone,
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, Resource};

use store::Store;

/// Answers the zone APIs.
struct Zones {
    kernel: Kernel,
    store: Store,
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let zones = Arc::new(Zones { store: Store::new(kernel.db().clone()), kernel });
    setup
        .migrations(&[
            Migration { name: "20261121_0110_zone", sql: include_str!("../migrations/20261121_0110_zone.sql") },
            Migration {
                name: "20261121_0111_zone_names",
                sql: include_str!("../migrations/20261121_0111_zone_names.sql"),
            },
        ])
        .api::<CreateZone>(zones.clone())
        .api::<UpdateZone>(zones.clone())
        .api::<ChangeZoneState>(zones.clone())
        .api::<DeleteZone>(zones.clone())
        .api::<GetZone>(zones.clone())
        .query(QueryZone::META)
        .add::<dyn HostFilter>(zones.clone())
        .cascade(Zone::META, &[], zones);
}

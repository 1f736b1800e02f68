//! Instance and disk offerings: the sizes that virtual machines and volumes come in.
//!
//! An offering is read when something is made of it and never afterwards, so deleting one touches nothing that exists.
//! Both kinds belong to accounts and go with them.

mod disk;
mod instance;

use cumulo_kernel::{Setup, db::Migration};

/// Installs the service.
pub fn install(setup: &mut Setup) {
    setup.migrations(&[
        Migration { name: "20261121_0140_offering", sql: include_str!("../migrations/20261121_0140_offering.sql") },
        Migration {
            name: "20261121_0141_offering_names",
            sql: include_str!("../migrations/20261121_0141_offering_names.sql"),
        },
    ]);
    instance::install(setup);
    disk::install(setup);
}

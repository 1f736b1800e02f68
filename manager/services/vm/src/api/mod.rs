//! What clients ask of VMs.

mod boot_mode;
mod boot_order;
mod candidates;
mod capabilities;
pub(crate) mod cdrom;
mod change;
mod console;
mod console_password;
mod create;
mod hostname;
mod iso;
mod iso_candidates;
mod loose_nic;
mod nic;
mod nic_driver;
mod nic_network;
mod nic_second_network;
mod nic_services;
mod nic_state;
mod offering;
mod reimage;
pub(crate) mod spec;
mod ssh_key;
mod start;
mod static_ip;
mod update;

use std::net::IpAddr;

use cumulo_kernel::db::Db;
use cumulo_schema::{ErrorCode, Uuid, system::SystemTag};

/// The system tags on a resource.
pub(crate) async fn system_tags(db: &Db, resource: Uuid) -> Result<Vec<String>, ErrorCode> {
    let tags = db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &resource).all().await?;
    Ok(tags.into_iter().map(|tag| tag.tag).collect())
}

/// An address in the one form in which two compare; what is no address is left for the network to refuse.
pub(crate) fn one_form(text: String) -> String {
    text.parse::<IpAddr>().map_or(text, |ip| ip.to_string())
}

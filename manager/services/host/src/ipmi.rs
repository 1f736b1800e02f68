//! `UpdateHostIpmi`: how the management controller of a host is reached.
//!
//! The controller is not asked: one that is being set up, or is behind a network that the manager does not reach yet, can be
//! recorded all the same. So its power is unknown until something asks it.
//!
//! Each controller is one host's: by another's the wrong machine would be switched off. So addresses are recorded in one form,
//! and who has which is claimed in the batch that records it.

use std::net::IpAddr;

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::{UpdateHostIpmi, UpdateHostIpmiReply},
    resource::Host,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, is_host};
use serde_json::json;

use crate::{Hosts, store::Controller};

/// Something is missing that is needed to ask the controller.
const UN_CONFIGURED: &str = "UN_CONFIGURED";
/// Nobody has asked it yet.
const POWER_UNKNOWN: &str = "POWER_UNKNOWN";
/// Bytes that IPMI 2.0 has for a user's name and password.
const USERNAME: usize = 16;
const PASSWORD: usize = 20;

#[async_trait]
impl HandleApi<UpdateHostIpmi> for Hosts {
    async fn handle(&self, _: &ApiCx, api: UpdateHostIpmi) -> Result<UpdateHostIpmiReply, ErrorCode> {
        check(&api)?;
        let host = self.host(api.uuid).await?;
        let address = api.ipmi_address.as_ref().or(host.ipmi_address.as_ref()).map(|address| normal(address));
        let username = api.ipmi_username.or_else(|| host.ipmi_username.clone());
        let has_password = api.ipmi_password.is_some() || self.store.has_ipmi_password(host.uuid).await?;
        let complete = address.is_some() && username.is_some() && has_password;
        let controller = Controller {
            address,
            username,
            port: api.ipmi_port,
            power_status: if complete { POWER_UNKNOWN } else { UN_CONFIGURED }.to_owned(),
            sealed_password: api.ipmi_password.as_deref().map(|password| self.kernel.vault().seal(password)),
        };
        match self.store.set_controller(&host, &controller).await {
            Err(DbError::Conflict { .. }) => return Err(self.taken(&host, &controller).await?),
            recorded => recorded?,
        }
        let mut inventory = json!({
            "uuid": host.uuid,
            "ipmiPort": controller.port,
            "ipmiPowerStatus": controller.power_status,
        });
        for (member, value) in [("ipmiAddress", controller.address), ("ipmiUsername", controller.username)] {
            if let Some(value) = value {
                inventory[member] = json!(value);
            }
        }
        Ok(UpdateHostIpmiReply { host_ipmi_inventory: inventory })
    }
}

impl Hosts {
    /// Why `host` cannot have the controller, which another has.
    async fn taken(&self, host: &Host, controller: &Controller) -> Result<ErrorCode, ErrorCode> {
        let (address, port) = (controller.address.as_deref().unwrap_or_default(), controller.port);
        Ok(match self.store.controlled_at(address, port).await? {
            Some(other) => ErrorCode::invalid(format!(
                "the controller at {address}, port {port}, is that of host '{}' ({}); each host has one of its own",
                other.name, other.uuid
            )),
            None => ErrorCode::operation(format!(
                "the controller at {address}, port {port}, was another host's until now; try again for host '{}'",
                host.name
            )),
        })
    }
}

/// The one form of an address: of a name its small letters, of an IP address its shortest text, and that of IPv4 where
/// IPv6 only wraps one.
fn normal(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().to_string(),
        Err(_) => address.to_ascii_lowercase(),
    }
}

/// What no controller can be reached by is refused; the password is not repeated.
fn check(api: &UpdateHostIpmi) -> Result<(), ErrorCode> {
    let refuse = |field: &str, why: &str| Err(ErrorCode::invalid(format!("field[{field}] {why}")));
    let fits = |text: &Option<String>, most: usize| {
        text.as_ref().is_none_or(|text| text.len() <= most && !text.chars().any(char::is_control))
    };
    if api.ipmi_address.as_ref().is_some_and(|address| !is_host(address)) {
        return refuse("ipmiAddress", "is neither an IP address nor the name of a machine");
    }
    if !(1..=i32::from(u16::MAX)).contains(&api.ipmi_port) {
        return refuse("ipmiPort", "must be between 1 and 65535; controllers usually listen on 623");
    }
    if !fits(&api.ipmi_username, USERNAME) {
        return refuse("ipmiUsername", "must have at most 16 bytes and no control characters, as IPMI takes no others");
    }
    if !fits(&api.ipmi_password, PASSWORD) {
        return refuse("ipmiPassword", "must have at most 20 bytes and no control characters, as IPMI takes no others");
    }
    Ok(())
}

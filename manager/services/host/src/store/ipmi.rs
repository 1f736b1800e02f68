//! How management controllers are reached: what clients see stands in the host's row, the password in one that no query
//! shows, and whose each controller is in one that can be there once.

use cumulo_contracts::resource::Host;
use cumulo_derive::resource;
use cumulo_kernel::db::DbError;
use cumulo_schema::Uuid;

use super::Store;

/// The password of a host's management controller.
#[resource(table = "host_ipmi_password", java = "org.cumulo.host.HostIpmiPasswordInventory", vo = "HostIpmiPasswordVO")]
pub(crate) struct HostIpmiPassword {
    /// The host.
    #[field(unique, part_of = "Host")]
    pub(crate) host_uuid: Uuid,
    /// The password, sealed by the vault.
    #[field(hidden, long)]
    pub(crate) sealed: String,
}

/// Whose a management controller is.
#[resource(
    table = "host_ipmi_controller",
    java = "org.cumulo.host.HostIpmiControllerInventory",
    vo = "HostIpmiControllerVO",
    internal,
    unique(address, port)
)]
pub(crate) struct HostIpmiController {
    /// The host.
    #[field(unique, part_of = "Host")]
    pub(crate) host_uuid: Uuid,
    /// The controller's address, in the one form that it is written in.
    pub(crate) address: String,
    /// Its port.
    pub(crate) port: i32,
}

/// What is to be recorded of a management controller.
pub(crate) struct Controller {
    pub(crate) address: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) port: i32,
    pub(crate) power_status: String,
    /// In place of the one before, where there is one.
    pub(crate) sealed_password: Option<String>,
}

impl Store {
    /// The host whose controller is at `address` and `port`.
    pub(crate) async fn controlled_at(&self, address: &str, port: i32) -> Result<Option<Host>, DbError> {
        let claims = self.db.select::<HostIpmiController>().eq(HostIpmiController::ADDRESS, &address.to_owned());
        match claims.eq(HostIpmiController::PORT, &port).first().await? {
            Some(claim) => self.find(claim.host_uuid).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn has_ipmi_password(&self, host: Uuid) -> Result<bool, DbError> {
        Ok(self.db.find(HostIpmiPassword::HOST_UUID, &host).await?.is_some())
    }

    /// Records the controller of `host`; [`DbError::Unmet`] when another call did at the same time, [`DbError::Conflict`]
    /// when the controller is another host's.
    pub(crate) async fn set_controller(&self, host: &Host, controller: &Controller) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Host>()
            .set(Host::IPMI_ADDRESS, &controller.address)
            .set(Host::IPMI_USERNAME, &controller.username)
            .set(Host::IPMI_PORT, &Some(controller.port))
            .set(Host::IPMI_POWER_STATUS, &Some(controller.power_status.clone()))
            .eq(Host::UUID, &host.uuid)
            .eq(Host::IPMI_ADDRESS, &host.ipmi_address)
            .eq(Host::IPMI_USERNAME, &host.ipmi_username)
            .eq(Host::IPMI_POWER_STATUS, &host.ipmi_power_status)
            .expect(format!(
                "the IPMI of host '{}' was changed by somebody else at the same time; try again",
                host.name
            ));
        batch.delete::<HostIpmiController>().eq(HostIpmiController::HOST_UUID, &host.uuid).any();
        if let Some(address) = controller.address.clone() {
            batch.insert(&HostIpmiController { host_uuid: host.uuid, address, port: controller.port });
        }
        if let Some(sealed) = controller.sealed_password.clone() {
            batch.delete::<HostIpmiPassword>().eq(HostIpmiPassword::HOST_UUID, &host.uuid).any();
            batch.insert(&HostIpmiPassword { host_uuid: host.uuid, sealed });
        }
        self.db.commit(batch).await.map(drop)
    }
}

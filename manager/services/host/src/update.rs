//! `UpdateHost` and `UpdateKVMHost`: what is recorded of a host. A changed address or login is used at the next connection
//! with deployment.

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::{UpdateHost, UpdateKVMHost},
    resource::Host,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::Hosts;

#[async_trait]
impl HandleApi<UpdateHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: UpdateHost) -> Result<Inventory<Host>, ErrorCode> {
        self.check_address(api.uuid, api.management_ip.as_deref()).await?;
        self.store.update(&api).await?;
        cx.inventory::<Host>(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<UpdateKVMHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: UpdateKVMHost) -> Result<Inventory<Host>, ErrorCode> {
        self.check_address(api.uuid, api.management_ip.as_deref()).await?;
        let password = api.password.as_deref().map(|password| self.kernel.vault().seal(password));
        self.store.update_kvm(&api, password.as_ref()).await?;
        cx.inventory::<Host>(&api.uuid).await
    }
}

impl Hosts {
    /// Refuses an address that another host has: one machine cannot be two hosts.
    pub(crate) async fn check_address(&self, host: Uuid, address: Option<&str>) -> Result<(), ErrorCode> {
        let Some(address) = address else { return Ok(()) };
        match self.store.other_at(address, host).await? {
            Some(other) => Err(ErrorCode::invalid(format!(
                "host '{}' ({}) has the address {address} already; delete it first or choose another address",
                other.name, other.uuid
            ))),
            None => Ok(()),
        }
    }
}

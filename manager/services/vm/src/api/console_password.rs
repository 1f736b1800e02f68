//! `SetVmConsolePassword`, `GetVmConsolePassword` and `DeleteVmConsolePassword`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_settings::{
        DeleteVmConsolePassword, GetVmConsolePassword, GetVmConsolePasswordReply, SetVmConsolePassword,
    },
    resource::VmInstance,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Inventory};

use crate::{Vms, settings};

#[async_trait]
impl HandleApi<SetVmConsolePassword> for Vms {
    async fn handle(&self, cx: &ApiCx, api: SetVmConsolePassword) -> Result<Inventory<VmInstance>, ErrorCode> {
        settings::check_password(&api.console_password)?;
        let sealed = self.kernel.vault().seal(&api.console_password);
        settings::set_sealed_password(self.kernel.db(), api.uuid, Some(sealed)).await?;
        cx.inventory(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<GetVmConsolePassword> for Vms {
    async fn handle(&self, _: &ApiCx, api: GetVmConsolePassword) -> Result<GetVmConsolePasswordReply, ErrorCode> {
        let sealed = settings::sealed_password(self.kernel.db(), api.uuid).await?;
        let password = sealed.map(|sealed| self.kernel.vault().unseal(&sealed)).transpose()?;
        Ok(GetVmConsolePasswordReply { password })
    }
}

#[async_trait]
impl HandleApi<DeleteVmConsolePassword> for Vms {
    async fn handle(&self, _: &ApiCx, api: DeleteVmConsolePassword) -> Result<Empty, ErrorCode> {
        settings::set_sealed_password(self.kernel.db(), api.uuid, None).await?;
        Ok(Empty {})
    }
}

//! `SetVmSshKey`, `GetVmSshKey` and `DeleteVmSshKey`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_settings::{DeleteVmSshKey, GetVmSshKey, GetVmSshKeyReply, SetVmSshKey},
    resource::VmInstance,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Inventory};

use crate::{Vms, settings};

#[async_trait]
impl HandleApi<SetVmSshKey> for Vms {
    async fn handle(&self, cx: &ApiCx, api: SetVmSshKey) -> Result<Inventory<VmInstance>, ErrorCode> {
        let wrong = |why| ErrorCode::invalid(format!("field[SshKey]: {why}"));
        settings::check_ssh_keys(&api.ssh_key).map_err(wrong)?;
        let tag = settings::SSH_KEY.instantiate(&[("sshkey", &api.ssh_key)]);
        settings::SSH_KEY.set(&self.kernel, api.uuid, Some(&tag)).await?;
        cx.inventory(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<GetVmSshKey> for Vms {
    async fn handle(&self, _: &ApiCx, api: GetVmSshKey) -> Result<GetVmSshKeyReply, ErrorCode> {
        let tokens = settings::SSH_KEY.on(self.kernel.db(), api.uuid).await?;
        Ok(GetVmSshKeyReply { ssh_key: tokens.and_then(|mut tokens| tokens.remove("sshkey")) })
    }
}

#[async_trait]
impl HandleApi<DeleteVmSshKey> for Vms {
    async fn handle(&self, _: &ApiCx, api: DeleteVmSshKey) -> Result<Empty, ErrorCode> {
        settings::SSH_KEY.set(&self.kernel, api.uuid, None).await?;
        Ok(Empty {})
    }
}

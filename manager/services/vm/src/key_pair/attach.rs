//! `AttachSshKeyPairToVmInstance` and `DetachSshKeyPairFromVmInstance`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::ssh_key_pair::{AttachSshKeyPairToVmInstance, DetachSshKeyPairFromVmInstance},
    resource::SshKeyPair,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Inventory};

use super::{KeyPairs, store};

#[async_trait]
impl HandleApi<AttachSshKeyPairToVmInstance> for KeyPairs {
    async fn handle(&self, cx: &ApiCx, api: AttachSshKeyPairToVmInstance) -> Result<Inventory<SshKeyPair>, ErrorCode> {
        store::attach(self.kernel.db(), api.ssh_key_pair_uuid, api.vm_instance_uuid).await?;
        cx.inventory(&api.ssh_key_pair_uuid).await
    }
}

#[async_trait]
impl HandleApi<DetachSshKeyPairFromVmInstance> for KeyPairs {
    async fn handle(&self, _: &ApiCx, api: DetachSshKeyPairFromVmInstance) -> Result<Empty, ErrorCode> {
        store::detach(self.kernel.db(), api.ssh_key_pair_uuid, api.vm_instance_uuid).await?;
        Ok(Empty {})
    }
}

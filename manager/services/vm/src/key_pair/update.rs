//! `UpdateSshKeyPair`.

use async_trait::async_trait;
use cumulo_contracts::{api::ssh_key_pair::UpdateSshKeyPair, resource::SshKeyPair};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::{KeyPairs, store};

#[async_trait]
impl HandleApi<UpdateSshKeyPair> for KeyPairs {
    async fn handle(&self, cx: &ApiCx, api: UpdateSshKeyPair) -> Result<Inventory<SshKeyPair>, ErrorCode> {
        store::update(self.kernel.db(), &api).await?;
        cx.inventory::<SshKeyPair>(&api.uuid).await
    }
}

//! `DeleteSshKeyPair`, and what becomes of the keys of an account that goes: they go too, from VMs as well.

use async_trait::async_trait;
use cumulo_contracts::{api::ssh_key_pair::DeleteSshKeyPair, resource::SshKeyPair};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, owned_by},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use super::{KeyPairs, store};

#[async_trait]
impl HandleApi<DeleteSshKeyPair> for KeyPairs {
    async fn handle(&self, cx: &ApiCx, api: DeleteSshKeyPair) -> Result<Empty, ErrorCode> {
        let vms = store::count_vms(self.kernel.db(), api.uuid).await?;
        if vms > 0 {
            let text = format!("SSH key {} is attached to {vms} VMs; detach it from them first", api.uuid);
            return Err(ErrorCode::invalid(text));
        }
        self.kernel.cascade().delete(SshKeyPair::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for KeyPairs {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Accounts are all that they hang on.
        Ok(owned_by(self.kernel.db(), SshKeyPair::META.vo, loss.uuids).await?)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        Ok(self.kernel.cascade().remove(SshKeyPair::META, work.uuids).await?)
    }
}

//! `DeleteSshKeyPair`, of keys that no VM has; and what becomes of those of an account that goes: they go too, from VMs as
//! well.

use async_trait::async_trait;
use cumulo_contracts::{
    api::ssh_key_pair::DeleteSshKeyPair,
    resource::{Account, SshKeyPair},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, owned_by},
    db::DbError,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use super::{KeyPairs, store};

#[async_trait]
impl HandleApi<DeleteSshKeyPair> for KeyPairs {
    async fn handle(&self, cx: &ApiCx, api: DeleteSshKeyPair) -> Result<Empty, ErrorCode> {
        self.unless_attached(api.uuid).await?;
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
        if !work.doomed.of(Account::META.vo).is_empty() {
            return Ok(self.kernel.cascade().remove(SshKeyPair::META, work.uuids).await?);
        }
        match store::remove_unused(&self.kernel, work.uuids).await {
            // One was attached since it was looked.
            Err(error @ DbError::Reference { .. }) => {
                for pair in work.uuids {
                    self.unless_attached(*pair).await?;
                }
                Err(error.into())
            }
            removed => Ok(removed?),
        }
    }
}

impl KeyPairs {
    async fn unless_attached(&self, pair: Uuid) -> Result<(), ErrorCode> {
        match store::count_vms(self.kernel.db(), pair).await? {
            0 => Ok(()),
            vms => {
                let text = format!("SSH key {pair} is attached to {vms} VMs; detach it from them first");
                Err(ErrorCode::invalid(text))
            }
        }
    }
}

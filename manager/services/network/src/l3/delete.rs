//! `DeleteL3Network`, and what L3 networks do when their L2 network or owner goes.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::DeleteL3Network,
    resource::{L2Network, L3Network},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, hanging_on, owned_by},
    db::DbError,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::Networks;

#[async_trait]
impl HandleApi<DeleteL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: DeleteL3Network) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().delete(L3Network::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

/// L3 networks in the cascade.
pub(crate) struct L3s(pub(crate) Arc<Networks>);

#[async_trait]
impl CascadeAction for L3s {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        let db = self.0.kernel.db();
        match loss.losing == L2Network::META.vo {
            true => Ok(hanging_on(db, L3Network::L2_NETWORK_UUID, loss.uuids).await?),
            false => Ok(owned_by(db, L3Network::META.vo, loss.uuids).await?),
        }
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        for uuid in work.uuids {
            self.0.delete_l3(*uuid, work.enforcing).await?;
        }
        Ok(())
    }
}

impl Networks {
    async fn delete_l3(&self, uuid: Uuid, enforcing: bool) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let Some(l3) = db.find(L3Network::UUID, &uuid).await? else { return Ok(()) };
        for provider in self.providers_of(uuid).await? {
            match self.backend(&provider)?.forget(&l3).await {
                Err(error) if enforcing => {
                    tracing::warn!(l3 = %uuid, provider = provider.name, %error, "an L3 network goes, its services may stay on hosts");
                }
                outcome => outcome?,
            }
        }
        let removed = self.kernel.cascade().remove(L3Network::META, &[uuid]).await;
        self.forget_pool(uuid);
        match removed {
            Err(DbError::Reference { .. }) => Err(ErrorCode::operation(format!(
                "something still refers to L3 network '{}' ({uuid}), NICs of VMs for example; delete that first",
                l3.name
            ))),
            removed => Ok(removed?),
        }
    }
}

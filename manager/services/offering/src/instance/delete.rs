//! `DeleteInstanceOffering`, and what becomes of offerings whose account goes: the same.

use async_trait::async_trait;
use cumulo_contracts::{api::offering::DeleteInstanceOffering, resource::InstanceOffering};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, owned_by},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use super::InstanceOfferings;

#[async_trait]
impl HandleApi<DeleteInstanceOffering> for InstanceOfferings {
    async fn handle(&self, cx: &ApiCx, api: DeleteInstanceOffering) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().delete(InstanceOffering::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for InstanceOfferings {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Accounts are all that they hang on.
        Ok(owned_by(self.kernel.db(), InstanceOffering::META.vo, loss.uuids).await?)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        Ok(self.kernel.cascade().remove(InstanceOffering::META, work.uuids).await?)
    }
}

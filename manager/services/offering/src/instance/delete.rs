//! `DeleteInstanceOffering`, and what becomes of offerings whose account goes: the same.

use async_trait::async_trait;
use cumulo_contracts::{
    api::offering::DeleteInstanceOffering,
    resource::{Account, InstanceOffering},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
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
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        match losing == Account::META.vo {
            true => Ok(self.store.of_accounts(uuids).await?),
            false => Ok(vec![]),
        }
    }

    async fn act(&self, _losing: &str, uuids: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        Ok(self.store.remove(uuids).await?)
    }
}

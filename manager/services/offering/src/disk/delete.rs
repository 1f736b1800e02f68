//! `DeleteDiskOffering`, and what becomes of offerings whose account goes: the same.

use async_trait::async_trait;
use cumulo_contracts::{
    api::offering::DeleteDiskOffering,
    resource::{Account, DiskOffering},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
    ownership,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid, codes};

use super::DiskOfferings;

#[async_trait]
impl HandleApi<DeleteDiskOffering> for DiskOfferings {
    async fn handle(&self, cx: &ApiCx, api: DeleteDiskOffering) -> Result<Empty, ErrorCode> {
        // The wire's declaration asks for no ownership here, unlike its sisters; an account must not delete another's.
        let owner = ownership::owner(self.kernel.db(), api.uuid).await?;
        if !cx.caller.is_admin() && owner.is_some_and(|owner| owner != cx.caller.account) {
            let details = format!("disk offering {} does not belong to the account {}", api.uuid, cx.caller.account);
            return Err(ErrorCode::new(codes::PERMISSION_DENIED, details));
        }
        self.kernel.cascade().delete(DiskOffering::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for DiskOfferings {
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

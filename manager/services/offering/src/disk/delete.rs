//! `DeleteDiskOffering`, and what becomes of offerings whose account goes: the same.

use async_trait::async_trait;
use cumulo_contracts::{api::offering::DeleteDiskOffering, resource::DiskOffering};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, owned_by},
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
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Accounts are all that they hang on.
        Ok(owned_by(self.kernel.db(), DiskOffering::META.vo, loss.uuids).await?)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        Ok(self.kernel.cascade().remove(DiskOffering::META, work.uuids).await?)
    }
}

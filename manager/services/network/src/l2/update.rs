//! `UpdateL2Network`.

use async_trait::async_trait;
use cumulo_contracts::{api::l2::UpdateL2Network, resource::L2Network};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Networks, store};

#[async_trait]
impl HandleApi<UpdateL2Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: UpdateL2Network) -> Result<Inventory<L2Network>, ErrorCode> {
        store::update_l2(self.kernel.db(), &api).await?;
        cx.inventory::<L2Network>(&api.uuid).await
    }
}

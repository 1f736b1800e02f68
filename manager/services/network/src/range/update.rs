//! `UpdateIpRange`.

use async_trait::async_trait;
use cumulo_contracts::{api::l3::UpdateIpRange, resource::IpRange};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Networks, store};

#[async_trait]
impl HandleApi<UpdateIpRange> for Networks {
    async fn handle(&self, cx: &ApiCx, api: UpdateIpRange) -> Result<Inventory<IpRange>, ErrorCode> {
        store::update_range(self.kernel.db(), &api).await?;
        cx.inventory::<IpRange>(&api.uuid).await
    }
}

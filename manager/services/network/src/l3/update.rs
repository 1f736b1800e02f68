//! `UpdateL3Network`.

use async_trait::async_trait;
use cumulo_contracts::{api::l3::UpdateL3Network, resource::L3Network};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::check_domain;
use crate::{Networks, store};

#[async_trait]
impl HandleApi<UpdateL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: UpdateL3Network) -> Result<Inventory<L3Network>, ErrorCode> {
        api.dns_domain.as_deref().map_or(Ok(()), check_domain)?;
        store::update_l3(self.kernel.db(), &api).await?;
        if api.dns_domain.is_some() {
            self.refresh_services(api.uuid).await?;
        }
        cx.inventory::<L3Network>(&api.uuid).await
    }
}

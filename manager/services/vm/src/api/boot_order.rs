//! `SetVmBootOrder` and `GetVmBootOrder`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_settings::{GetVmBootOrder, GetVmBootOrderReply, SetVmBootOrder},
    resource::VmInstance,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, api::system_tags, settings};

#[async_trait]
impl HandleApi<SetVmBootOrder> for Vms {
    async fn handle(&self, cx: &ApiCx, api: SetVmBootOrder) -> Result<Inventory<VmInstance>, ErrorCode> {
        let order = api.boot_order.unwrap_or_default();
        let wrong = |why| ErrorCode::invalid(format!("field[bootOrder]: {why}"));
        settings::devices(order.iter().map(String::as_str)).map_err(wrong)?;
        let tag = settings::BOOT_ORDER.instantiate(&[("bootOrder", &order.join(","))]);
        let tag = (!order.is_empty()).then_some(tag.as_str());
        settings::BOOT_ORDER.set(&self.kernel, api.uuid, tag).await?;
        cx.inventory(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<GetVmBootOrder> for Vms {
    async fn handle(&self, _: &ApiCx, api: GetVmBootOrder) -> Result<GetVmBootOrderReply, ErrorCode> {
        let order = settings::boot_order(&system_tags(self.kernel.db(), api.uuid).await?);
        Ok(GetVmBootOrderReply { orders: order.iter().map(ToString::to_string).collect() })
    }
}

//! `ChangeVmNicState`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_nic::ChangeVmNicState,
    resource::{NicState, VmInstance},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, flow::link::ChangeLink, store};

#[async_trait]
impl HandleApi<ChangeVmNicState> for Vms {
    async fn handle(&self, cx: &ApiCx, api: ChangeVmNicState) -> Result<Inventory<VmInstance>, ErrorCode> {
        let nic = store::nic(self.kernel.db(), api.vm_nic_uuid).await?;
        let loose = || ErrorCode::operation(format!("NIC {} is on no VM", nic.uuid));
        let vm = nic.vm_instance_uuid.ok_or_else(loose)?;
        let state = match api.state.as_str() {
            "disable" => NicState::Disable,
            _ => NicState::Enable,
        };
        cx.run_flow("change-link", ChangeLink { vm, nic: nic.uuid, mac: nic.mac, state, before: None, on: None }).await
    }
}

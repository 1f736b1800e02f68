//! `UpdateVmNicDriver`.

use async_trait::async_trait;
use cumulo_contracts::{api::vm_nic::UpdateVmNicDriver, resource::VmNic};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, api::nic::model, flow::nic::ChangeNic, store};

#[async_trait]
impl HandleApi<UpdateVmNicDriver> for Vms {
    async fn handle(&self, cx: &ApiCx, api: UpdateVmNicDriver) -> Result<Inventory<VmNic>, ErrorCode> {
        let db = self.kernel.db();
        let (vm, nic) = (store::find(db, api.vm_instance_uuid).await?, store::nic(db, api.vm_nic_uuid).await?);
        if nic.vm_instance_uuid != Some(vm.uuid) {
            let text = format!("NIC {} is not of VM {}[uuid:{}]", nic.uuid, vm.name, vm.uuid);
            return Err(ErrorCode::operation(text));
        }
        ChangeNic::check_state(&vm)?;
        // A guest that runs sees it when it next starts or is rebooted: the card that it has is not changed under it.
        let model = model(api.driver_type)?;
        store::set_model(db, nic.uuid, model).await?;
        cx.inventory(&nic.uuid).await
    }
}

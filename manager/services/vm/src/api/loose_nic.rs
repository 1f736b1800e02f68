//! `CreateVmNic` and `AttachVmNicToVm`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_nic::{AttachVmNicToVm, CreateVmNic},
    resource::{VmInstance, VmNic},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{
    Vms,
    api::one_form,
    flow::{loose::CreateNic, nic::ChangeNic},
    store,
};

#[async_trait]
impl HandleApi<CreateVmNic> for Vms {
    async fn handle(&self, cx: &ApiCx, api: CreateVmNic) -> Result<Inventory<VmNic>, ErrorCode> {
        let ip = api.ip.filter(|text| !text.is_empty());
        let context = CreateNic {
            nic: cx.resource_uuid,
            account: cx.caller.account,
            l3: api.l3_network_uuid,
            ip: ip.map(one_form),
            tags: cx.tags.clone(),
            lease: None,
        };
        cx.run_flow("create-nic", context).await
    }
}

#[async_trait]
impl HandleApi<AttachVmNicToVm> for Vms {
    async fn handle(&self, cx: &ApiCx, api: AttachVmNicToVm) -> Result<Inventory<VmInstance>, ErrorCode> {
        let db = self.kernel.db();
        let (nic, vm) = (store::nic(db, api.vm_nic_uuid).await?, store::find(db, api.vm_instance_uuid).await?);
        ChangeNic::check_state(&vm)?;
        let homeless = || ErrorCode::operation(format!("NIC {} is on no L3 network; delete it", nic.uuid));
        let l3 = nic.l3_network_uuid.ok_or_else(homeless)?;
        // A VM that claims an address there has it or none.
        let (ip, _) = self.claim(vm.uuid, nic.uuid, l3, nic.ip.clone()).await?;
        let account = ownership::owner_or_admin(db, vm.uuid).await?;
        let context = ChangeNic {
            mac: Some(nic.mac),
            model: nic.driver_type,
            ip,
            ..ChangeNic::of(vm.uuid, account, nic.uuid, l3)
        };
        cx.run_flow("adopt-nic", context).await
    }
}

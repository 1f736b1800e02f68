//! `ReimageVmInstance`.

use async_trait::async_trait;
use cumulo_contracts::{api::vm::ReimageVmInstance, resource::VmInstance};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, flow::reimage::ReimageVm};

#[async_trait]
impl HandleApi<ReimageVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: ReimageVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        cx.run_flow("reimage-vm", ReimageVm { vm: api.vm_instance_uuid }).await
    }
}

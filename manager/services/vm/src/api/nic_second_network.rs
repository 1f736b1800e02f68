//! `AttachL3NetworkToVmNic`, which once gave a NIC a second network, of the other version of IP. ZStack refuses every call of
//! it since its version 5; here a NIC has been on one network from the start. To move it there instead would take a network
//! away that nobody asked to lose.

use async_trait::async_trait;
use cumulo_contracts::{api::vm_nic::AttachL3NetworkToVmNic, resource::VmNic};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Vms;

#[async_trait]
impl HandleApi<AttachL3NetworkToVmNic> for Vms {
    async fn handle(&self, _: &ApiCx, api: AttachL3NetworkToVmNic) -> Result<Inventory<VmNic>, ErrorCode> {
        Err(ErrorCode::invalid(format!(
            "NIC {} cannot be on a second L3 network; AttachL3NetworkToVm gives its VM another NIC, and ChangeVmNicNetwork \
             moves this one",
            api.vm_nic_uuid
        )))
    }
}

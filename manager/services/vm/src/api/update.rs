//! `UpdateVmInstance`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm::UpdateVmInstance,
    resource::{VmInstance, VmState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, store};

#[async_trait]
impl HandleApi<UpdateVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: UpdateVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        let db = self.kernel.db();
        let vm = store::find(db, api.uuid).await?;
        let resized = api.cpu_num.is_some() || api.memory_size.is_some();
        if resized && !matches!(vm.state, VmState::Stopped | VmState::Created) {
            let text = "stop the VM to change its processors or memory";
            return Err(ErrorCode::operation(text).because(store::wrong_state(&vm, &[VmState::Stopped])));
        }
        if let Some(state) = &api.state
            && VmState::NAMES.iter().all(|name| name != state)
        {
            return Err(ErrorCode::invalid(format!("field[state] '{state}' is no state of a VM")));
        }
        if api.state.is_some() && !cx.caller.is_admin() {
            return Err(ErrorCode::invalid("field[state] may be set by the admin account only"));
        }
        let mut batch = db.batch();
        batch
            .update::<VmInstance>()
            .set_some(VmInstance::NAME, api.name.as_ref())
            .set_some(VmInstance::DESCRIPTION, api.description.map(Some).as_ref())
            .set_some(VmInstance::CPU_NUM, api.cpu_num.as_ref())
            .set_some(VmInstance::MEMORY_SIZE, api.memory_size.as_ref())
            .set_some(VmInstance::PLATFORM, api.platform.as_ref())
            .set_some(VmInstance::GUEST_OS_TYPE, api.guest_os_type.map(Some).as_ref())
            .set_some(VmInstance::DEFAULT_L3_NETWORK_UUID, api.default_l3_network_uuid.map(Some).as_ref())
            .eq(VmInstance::UUID, &api.uuid)
            .expect(format!("VM {} is gone", api.uuid));
        db.commit(batch).await?;
        cx.inventory(&api.uuid).await
    }
}

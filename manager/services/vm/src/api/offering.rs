//! `ChangeInstanceOffering`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_nic::ChangeInstanceOffering,
    resource::{InstanceOffering, VmInstance, VmState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, store};

/// Where the size takes effect at once: the next start holds what it needs, of hosts and of quotas.
const AT_REST: [VmState; 2] = [VmState::Stopped, VmState::Created];
/// Where it waits: the guest goes on with what was held for it.
const UP: [VmState; 2] = [VmState::Running, VmState::Paused];

#[async_trait]
impl HandleApi<ChangeInstanceOffering> for Vms {
    async fn handle(&self, cx: &ApiCx, api: ChangeInstanceOffering) -> Result<Inventory<VmInstance>, ErrorCode> {
        let db = self.kernel.db();
        let vm = store::find(db, api.vm_instance_uuid).await?;
        let offering: InstanceOffering = self.offering(api.instance_offering_uuid).await?;
        if AT_REST.contains(&vm.state) {
            store::resize(db, &vm, &offering).await?;
        } else if UP.contains(&vm.state) {
            store::resize_later(db, &vm, &offering, cx.job.derive("resize")).await?;
        } else {
            return Err(store::wrong_state(&vm, &[AT_REST, UP].concat()));
        }
        cx.inventory(&vm.uuid).await
    }
}

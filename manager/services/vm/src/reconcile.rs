//! What a host reports against what is recorded.
//!
//! Only states at rest are compared: one that is on the way belongs to a flow. A guest that shut itself down or was killed
//! on the host is recorded as stopped, with what it held given back.

use std::collections::HashMap;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::OnVmsReported,
    ext::hypervisor::StopKind,
    message::vm::VmStateChanged,
    resource::{VmInstance, VmState},
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Vms, flow::change::Change, store};

#[async_trait]
impl OnVmsReported for Vms {
    async fn vms_reported(&self, host: Uuid, vms: &[(Uuid, VmState)]) -> Result<(), ErrorCode> {
        let there: HashMap<Uuid, VmState> = vms.iter().copied().collect();
        let db = self.kernel.db();
        for vm in db.select::<VmInstance>().eq(VmInstance::HOST_UUID, &Some(host)).all().await? {
            let seen = there.get(&vm.uuid).copied().unwrap_or(VmState::Stopped);
            match (vm.state, seen) {
                (VmState::Running | VmState::Paused | VmState::Unknown, VmState::Stopped | VmState::Crashed) => {
                    tracing::info!(vm = %vm.uuid, host = %host, recorded = %vm.state, "a VM stopped by itself");
                    self.run_change(vm.uuid, Change::Stop, StopKind::Hard).await?;
                }
                (VmState::Running | VmState::Unknown, VmState::Paused)
                | (VmState::Paused | VmState::Unknown, VmState::Running) => {
                    store::enter(db, &vm, &[vm.state], seen).await?;
                    self.kernel.bus().publish(&VmStateChanged { vm: vm.uuid, old: vm.state, new: seen });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

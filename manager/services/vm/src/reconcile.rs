//! What a host reports against what is recorded.
//!
//! Only states at rest are compared: one that is on the way belongs to a flow. A guest that shut itself down or was killed
//! on the host is recorded as stopped, with what it held given back.
//!
//! A report is of the moment when the host was looked at, and may have been on its way for long: it can tell nothing of a VM
//! that was started since. So it only says where to look; the host is asked before anything is done about it.

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

/// What has to be done about a VM that is recorded as one thing and seen as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drift {
    /// Its guest ended by itself.
    Stopped,
    /// It was paused, or goes on, without anybody having asked for it here.
    Became(VmState),
}

/// What `seen` says of a VM that is recorded as `recorded`.
fn drift(recorded: VmState, seen: VmState) -> Option<Drift> {
    use VmState::{Crashed, Paused, Running, Stopped, Unknown};
    match (recorded, seen) {
        (Running | Paused | Unknown, Stopped | Crashed) => Some(Drift::Stopped),
        (Running | Unknown, Paused) | (Paused | Unknown, Running) => Some(Drift::Became(seen)),
        _ => None,
    }
}

#[async_trait]
impl OnVmsReported for Vms {
    async fn vms_reported(&self, host: Uuid, vms: &[(Uuid, VmState)]) -> Result<(), ErrorCode> {
        let there: HashMap<Uuid, VmState> = vms.iter().copied().collect();
        let db = self.kernel.db();
        for vm in db.select::<VmInstance>().eq(VmInstance::HOST_UUID, &Some(host)).all().await? {
            let reported = there.get(&vm.uuid).copied().unwrap_or(VmState::Stopped);
            if drift(vm.state, reported).is_some() {
                self.look_at(host, vm.uuid).await?;
            }
        }
        Ok(())
    }
}

impl Vms {
    /// Asks `host` what the VM is, and makes what is recorded agree with it.
    async fn look_at(&self, host: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let here = async || {
            let row = db.find(VmInstance::UUID, &vm).await?;
            Ok::<_, ErrorCode>(row.filter(|row| row.host_uuid == Some(host)))
        };
        let Some(before) = here().await? else { return Ok(()) };
        let Some(kind) = &before.hypervisor_type else { return Ok(()) };
        let seen = self.hypervisor(kind)?.state(host, vm).await?;
        // Somebody may have begun with it, or be done, while the host was asked.
        let Some(row) = here().await?.filter(|row| row.state == before.state) else { return Ok(()) };
        match drift(row.state, seen) {
            Some(Drift::Stopped) => {
                tracing::info!(%vm, %host, recorded = %row.state, "a VM stopped by itself");
                self.run_change(vm, Change::Stop, StopKind::Hard).await?;
            }
            Some(Drift::Became(state)) => {
                store::enter(db, &row, &[row.state], state).await?;
                self.kernel.bus().publish(&VmStateChanged { vm, old: row.state, new: state });
            }
            None => {}
        }
        Ok(())
    }
}

//! The state of the VM, before and after, and what goes with the last of it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_contracts::{
    message::{
        network::ReleaseIp,
        vm::{VmDestroyed, VmExpunged, VmStateChanged},
        volume::ExpungeVolume,
    },
    resource::{VmInstance, VmState, Volume},
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, codes};

use super::{Change, ChangeVm, OnHost};
use crate::{Vms, store};

/// Enters the state on the way; refuses when the VM is in one that the change does not begin in.
pub(super) struct Enter(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Enter {
    fn name(&self) -> &'static str {
        "enter"
    }

    fn describe(&self) -> &'static str {
        "refuses a VM in another state, and marks it as on its way"
    }

    async fn foresee(&self, cx: &StepCx<ChangeVm>, planning: &Planning) -> Result<(), ErrorCode> {
        let vm = store::find(self.0.kernel.db(), cx.vm).await?;
        planning.touch(VmInstance::META.vo, cx.change.outcome(), [cx.vm]);
        match cx.change.from().contains(&vm.state) {
            true => Ok(()),
            false => Err(store::wrong_state(&vm, cx.change.from())),
        }
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let vm = store::find(db, cx.vm).await?;
        if vm.state != cx.change.through() {
            cx.from = Some(vm.state);
        }
        cx.on = OnHost::of(&vm);
        let through = cx.change.through();
        store::enter(db, &vm, cx.change.from(), through).await?;
        if vm.state != through {
            self.0.kernel.bus().publish(&VmStateChanged { vm: cx.vm, old: vm.state, new: through });
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let vm = match store::find(db, cx.vm).await {
            Ok(vm) => vm,
            Err(error) if error.is(codes::RESOURCE_NOT_FOUND) => return Ok(()),
            Err(error) => return Err(error),
        };
        if vm.state != cx.change.through() {
            return Ok(());
        }
        // Without knowing what it was, say so; the host's next report tells.
        let new = cx.from.unwrap_or(VmState::Unknown);
        store::set_state(db, cx.vm, new).await?;
        self.0.kernel.bus().publish(&VmStateChanged { vm: cx.vm, old: vm.state, new });
        Ok(())
    }
}

/// Records the state that the change leads to.
pub(super) struct Settle(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Settle {
    fn name(&self) -> &'static str {
        "settle"
    }

    fn describe(&self) -> &'static str {
        "records the state that it leads to"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        let state = match cx.change {
            Change::Stop => VmState::Stopped,
            Change::Reboot | Change::Resume => VmState::Running,
            Change::Pause => VmState::Paused,
            Change::Destroy | Change::Expunge => VmState::Destroyed,
        };
        match state {
            VmState::Stopped => store::off_host(kernel.db(), cx.vm, state, None).await?,
            VmState::Destroyed => store::off_host(kernel.db(), cx.vm, state, self.0.expunge_time()?).await?,
            _ => store::set_state(kernel.db(), cx.vm, state).await?,
        }
        kernel.bus().publish(&VmStateChanged { vm: cx.vm, old: cx.change.through(), new: state });
        if state == VmState::Destroyed {
            kernel.bus().publish(&VmDestroyed { vm: cx.vm });
        }
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

impl Vms {
    /// When a VM that is destroyed now is expunged; `None` for never.
    pub(crate) fn expunge_time(&self) -> Result<Option<Timestamp>, ErrorCode> {
        let configs = self.kernel.configs();
        Ok(match configs.get::<String>("vm", "deletionPolicy")?.as_str() {
            "Never" => None,
            "Direct" => Some(Timestamp::now()),
            _ => Some(Timestamp::now().plus(Duration::from_secs(configs.get("vm", "expungePeriod")?))),
        })
    }
}

/// Gives back addresses and removes volumes.
pub(super) struct ReleaseAll(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for ReleaseAll {
    fn name(&self) -> &'static str {
        "release-all"
    }

    fn describe(&self) -> &'static str {
        "gives back addresses and removes volumes"
    }

    async fn foresee(&self, cx: &StepCx<ChangeVm>, planning: &Planning) -> Result<(), ErrorCode> {
        // Everything that is part of the VM goes with it, whichever step does it.
        planning.note_removal(self.0.kernel.cascade(), VmInstance::META, &[cx.vm]).await
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        let volumes = kernel.db().select::<Volume>().eq(Volume::VM_INSTANCE_UUID, &Some(cx.vm)).all().await?;
        for volume in volumes {
            let task = cx.task(&volume.uuid.to_string());
            kernel.bus().call(ExpungeVolume { volume: volume.uuid, task }).await?;
        }
        for nic in store::nics(kernel.db(), cx.vm).await? {
            kernel.bus().call(ReleaseIp { nic: nic.uuid }).await?;
        }
        Ok(())
    }

    // What is expunged is gone; the VM stays destroyed and can be expunged again.
    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Takes the VM off the record.
pub(super) struct Forget(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeVm> for Forget {
    fn name(&self) -> &'static str {
        "forget"
    }

    fn describe(&self) -> &'static str {
        "takes the VM off the record"
    }

    async fn run(&self, cx: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        store::remove(&self.0.kernel, cx.vm).await?;
        self.0.kernel.bus().publish(&VmExpunged { vm: cx.vm });
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

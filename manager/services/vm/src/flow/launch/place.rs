//! Where the VM will be: its host and its root volume.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::message::{
    host,
    volume::{self, ExpungeVolume},
};
use cumulo_kernel::flow::{Step, StepCx};
use cumulo_schema::ErrorCode;

use super::LaunchVm;
use crate::{Vms, store};

/// Holds capacity for the VM on a host.
pub(super) struct AllocateHost(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for AllocateHost {
    fn name(&self) -> &'static str {
        "allocate-host"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let ask = host::AllocateHost { vm: cx.vm, request: cx.request.clone() };
        cx.choice = Some(self.0.kernel.bus().call(ask).await?);
        Ok(())
    }

    // By VM, not by the choice: a reservation whose answer was lost is still ours to give back.
    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        cx.choice = None;
        self.0.kernel.bus().call(host::ReleaseHost { vm: cx.vm }).await
    }
}

/// Makes the root volume, where the VM has none yet.
pub(super) struct CreateRootVolume(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for CreateRootVolume {
    fn name(&self) -> &'static str {
        "create-root-volume"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let Some(image) = cx.request.image else { return Ok(()) };
        let choice = cx.chosen()?;
        let (bus, db) = (self.0.kernel.bus(), self.0.kernel.db());
        let ask = volume::CreateRootVolume {
            volume: cx.root_volume,
            vm: cx.vm,
            account: cx.account,
            name: format!("ROOT-for-{}", cx.name),
            image,
            host: choice.host,
            zone: choice.zone,
            size: cx.root_size,
            primary_storage: cx.request.primary_storage,
            task: cx.task("volume"),
        };
        bus.call(ask).await?;
        store::set_root_volume(db, cx.vm, Some(cx.root_volume)).await
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        // Only what this flow makes: `image` is empty when the VM had its volume before.
        if cx.request.image.is_none() {
            return Ok(());
        }
        store::set_root_volume(self.0.kernel.db(), cx.vm, None).await?;
        self.0.kernel.bus().call(ExpungeVolume { volume: cx.root_volume, task: cx.task("volume") }).await
    }
}

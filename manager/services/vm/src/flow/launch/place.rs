//! Where the VM will be: its host and its root volume.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::{
        host,
        volume::{self, ExpungeVolume},
    },
    resource::Volume,
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, codes};

use super::LaunchVm;
use crate::{Vms, store};

/// Holds capacity for the VM on a host.
pub(super) struct AllocateHost(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for AllocateHost {
    fn name(&self) -> &'static str {
        "allocate-host"
    }

    fn describe(&self) -> &'static str {
        "chooses a host and holds processors and memory there"
    }

    async fn foresee(&self, cx: &StepCx<LaunchVm>, planning: &Planning) -> Result<(), ErrorCode> {
        let ask = host::ExplainHosts { request: cx.request.clone() };
        let verdicts = self.0.kernel.bus().call(ask).await?;
        let taken = verdicts.iter().filter(|verdict| verdict.refused_by.is_none()).count();
        let asked = verdicts.len();
        planning.explain("hosts", serde_json::to_value(verdicts).unwrap_or_default());
        match taken {
            0 => Err(ErrorCode::new(
                codes::HOST_ALLOCATION_NONE,
                format!("none of {asked} hosts takes the VM; the plan's explanations say why"),
            )),
            _ => Ok(()),
        }
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

    fn describe(&self) -> &'static str {
        "chooses a primary storage and makes the root volume there"
    }

    async fn foresee(&self, cx: &StepCx<LaunchVm>, planning: &Planning) -> Result<(), ErrorCode> {
        if cx.request.image.is_some() {
            planning.touch(Volume::META.vo, effect::CREATED, [cx.root_volume]);
        }
        Ok(())
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
            storage_tags: cx.request.storage_tags.clone(),
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

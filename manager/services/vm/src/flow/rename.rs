//! A guest gets a name, another name, or none.
//!
//! The name is a system tag of the VM. Where the VM runs its host is told at once, so that DHCP and metadata answer with
//! it; the guest takes it over when it next asks.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{VmInstance, VmState};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply, Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Uuid, system::SystemTag};
use serde::{Deserialize, Serialize};

use super::change::OnHost;
use crate::{
    Vms, hostname,
    store::{self, Tag},
    tags::HOSTNAME,
};

/// The states in which a guest can be named: those at rest, where somebody may still have use of it.
const NAMEABLE: [VmState; 4] = [VmState::Running, VmState::Stopped, VmState::Paused, VmState::Created];

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenameGuest {
    /// The VM.
    pub vm: Uuid,
    /// The name, and the tag that says it; absent where the guest is to have none.
    pub new: Option<(String, Tag)>,
    /// The tags that named it before.
    pub before: Vec<Tag>,
    /// Where the VM runs, if it does.
    pub on: Option<OnHost>,
}

impl Flow for RenameGuest {
    const NAME: &'static str = "rename-guest";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

impl RenameGuest {
    fn with(&self) -> &[Tag] {
        self.new.as_ref().map_or(&[], |(_, tag)| std::slice::from_ref(tag))
    }
}

/// Looks whether the guest can have the name.
struct Check(Arc<Vms>);

impl Check {
    async fn judge(&self, cx: &StepCx<RenameGuest>) -> Result<VmInstance, ErrorCode> {
        let db = self.0.kernel.db();
        let vm = store::find(db, cx.vm).await?;
        if !NAMEABLE.contains(&vm.state) {
            return Err(store::wrong_state(&vm, &NAMEABLE));
        }
        if let Some((name, _)) = &cx.new {
            hostname::refuse_taken(db, vm.uuid, vm.default_l3_network_uuid, name).await?;
        }
        Ok(vm)
    }
}

#[async_trait]
impl Step<RenameGuest> for Check {
    fn name(&self) -> &'static str {
        "check-hostname"
    }

    fn describe(&self) -> &'static str {
        "looks whether the guest can have the host name"
    }

    async fn foresee(&self, cx: &StepCx<RenameGuest>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmInstance::META.vo, "renamed", [cx.vm]);
        self.judge(cx).await.map(drop)
    }

    async fn run(&self, cx: &mut StepCx<RenameGuest>) -> Result<(), ErrorCode> {
        let vm = self.judge(cx).await?;
        cx.before = store::tags_of(self.0.kernel.db(), vm.uuid, &HOSTNAME).await?;
        cx.on = OnHost::of(&vm).filter(|_| matches!(vm.state, VmState::Running | VmState::Paused));
        Ok(())
    }

    // The last to be undone: the name is what it was again, so the host is told that. Where it was told nothing else, it
    // learns nothing new.
    async fn undo(&self, cx: &mut StepCx<RenameGuest>) -> Result<(), ErrorCode> {
        match &cx.on {
            Some(on) => self.0.serve_all(cx.vm, on.host, cx.task("services-again")).await,
            None => Ok(()),
        }
    }
}

/// Records the name.
struct Record(Arc<Vms>);

impl Record {
    async fn swap(&self, vm: Uuid, without: &[Tag], with: &[Tag]) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let mut batch = db.batch();
        store::swap_tags(&mut batch, vm, without, with);
        Ok(db.commit(batch).await.map(drop)?)
    }
}

#[async_trait]
impl Step<RenameGuest> for Record {
    fn name(&self) -> &'static str {
        "record-hostname"
    }

    fn describe(&self) -> &'static str {
        "records the host name in place of the one before"
    }

    async fn foresee(&self, cx: &StepCx<RenameGuest>, planning: &Planning) -> Result<(), ErrorCode> {
        let ids = |tags: &[Tag]| tags.iter().map(|tag| tag.uuid).collect::<Vec<_>>();
        let before = store::tags_of(self.0.kernel.db(), cx.vm, &HOSTNAME).await?;
        planning.touch(SystemTag::META.vo, effect::REMOVED, ids(&before));
        planning.touch(SystemTag::META.vo, effect::CREATED, ids(cx.with()));
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<RenameGuest>) -> Result<(), ErrorCode> {
        let swap = self.swap(cx.vm, &cx.before, cx.with());
        let Some((name, _)) = &cx.new else { return swap.await };
        let alone = async {
            let db = self.0.kernel.db();
            let vm = store::find(db, cx.vm).await?;
            hostname::refuse_taken(db, cx.vm, vm.default_l3_network_uuid, name).await?;
            swap.await
        };
        self.0.naming(name, alone).await
    }

    async fn undo(&self, cx: &mut StepCx<RenameGuest>) -> Result<(), ErrorCode> {
        self.swap(cx.vm, cx.with(), &cx.before).await
    }
}

/// Tells the host.
struct Serve(Arc<Vms>);

#[async_trait]
impl Step<RenameGuest> for Serve {
    fn name(&self) -> &'static str {
        "serve-hostname"
    }

    fn describe(&self) -> &'static str {
        "tells the host of a VM that runs"
    }

    async fn run(&self, cx: &mut StepCx<RenameGuest>) -> Result<(), ErrorCode> {
        match &cx.on {
            Some(on) => self.0.serve_all(cx.vm, on.host, cx.task("services")).await,
            None => Ok(()),
        }
    }

    // Told anew by the undo of the first step, once the name is what it was.
    async fn undo(&self, _: &mut StepCx<RenameGuest>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup.step(Check(vms.clone())).step(Record(vms.clone())).step(Serve(vms.clone()));
}

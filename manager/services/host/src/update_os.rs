//! `UpdateHostOs`: the packages of one host, in a flow of four steps.
//!
//! Meanwhile the host is in `PreMaintenance`, as if it were about to be maintained: it takes no VMs, and keeps those that it
//! has. A host that is in maintenance stays there. However the flow ends, the host is in the state that it was in before.
//!
//! An update and a change of the host's state exclude each other: while its row names the flow that updates it, nobody else
//! changes the state, and who is at that already is not disturbed.
//!
//! The host is not opened before the update is known to have ended. Where the flow gave it up undecided (the host did not
//! answer for a while, or the time was up), the undo asks for the same task until it has an outcome, as a debt when it takes
//! long: packages that are being changed under VMs that come are worse than a host that stays closed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{OsUpdate, OsUpdater},
    message::host::UpdateHostOs,
    resource::{Host, HostState, HostStatus},
};
use cumulo_kernel::{
    Setup,
    bus::{CallContext, Handle},
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use crate::{
    Hosts,
    change_state::{count_vms, unless_updated},
};

/// How long one try of the undo waits for the end of an update.
const SETTLE: Duration = Duration::from_mins(1);

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UpdateOs {
    /// The host.
    host: Uuid,
    /// The state that it was in when its turn came.
    before: Option<HostState>,
    /// What is brought up to date.
    update: OsUpdate,
    /// Also where VMs run.
    force: bool,
    /// Whether the host may have been told.
    told: bool,
}

impl Flow for UpdateOs {
    const NAME: &'static str = "update-host-os";
    const VERSION: u32 = 2;

    fn resource(&self) -> Uuid {
        self.host
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

#[async_trait]
impl Handle<UpdateHostOs> for Hosts {
    async fn handle(&self, ask: UpdateHostOs) -> Result<(), ErrorCode> {
        let context = UpdateOs { host: ask.host, before: None, update: ask.update, force: ask.force, told: false };
        self.kernel.flows().run(UpdateOs::NAME, ask.flow, context).await.map(drop)
    }
}

/// Refuses a host that cannot be updated now, before anything of it is changed.
struct Check(Arc<Hosts>);

#[async_trait]
impl Step<UpdateOs> for Check {
    fn name(&self) -> &'static str {
        "check-host"
    }

    async fn run(&self, cx: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        let host = self.0.host(cx.host).await?;
        updater(&self.0, &host)?;
        let name = format!("host '{}' ({})", host.name, host.uuid);
        if host.status != HostStatus::Connected {
            return Err(ErrorCode::operation(format!("{name} is {}; connect it first", host.status)));
        }
        unless_updated(&host)?;
        if host.state == HostState::PreMaintenance {
            let text = format!("{name} is on its way into maintenance; wait until it is there");
            return Err(ErrorCode::operation(text));
        }
        cx.before = Some(host.state);
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// From here on the host takes no VMs.
struct KeepAway(Arc<Hosts>);

#[async_trait]
impl Step<UpdateOs> for KeepAway {
    fn name(&self) -> &'static str {
        "keep-vms-away"
    }

    async fn run(&self, cx: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        let host = self.0.host(cx.host).await?;
        if host.updated_by != Some(cx.flow()) {
            unless_updated(&host)?;
            if cx.before != Some(host.state) {
                let text = format!("host '{}' ({}) was made {} meanwhile", host.name, host.uuid, host.state);
                return Err(ErrorCode::operation(text + "; try again"));
            }
            self.0.store.begin_update(&host, cx.flow()).await?;
        }
        // Counted now that none can come any more.
        let vms = u64::try_from(self.0.host(cx.host).await?.vms).unwrap_or(0);
        if vms > 0 && !cx.force && cx.before != Some(HostState::Maintenance) {
            return Err(ErrorCode::operation(format!(
                "{} on host '{}' ({}); put it into maintenance first, or say force=true",
                count_vms(vms),
                host.name,
                host.uuid
            )));
        }
        cx.told = true;
        Ok(())
    }

    /// A host that is gone is fine, and one that others have since.
    async fn undo(&self, cx: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        let Some(host) = self.0.store.find(cx.host).await? else { return Ok(()) };
        if host.updated_by != Some(cx.flow()) {
            return Ok(());
        }
        if cx.told {
            let updater = updater(&self.0, &host)?;
            let settled = updater.settle_update(host.uuid, task(cx));
            CallContext::current().within(SETTLE).scope(settled).await?;
        }
        self.0.let_come(cx).await
    }
}

/// Updates the packages.
struct Update(Arc<Hosts>);

#[async_trait]
impl Step<UpdateOs> for Update {
    fn name(&self) -> &'static str {
        "update-packages"
    }

    async fn run(&self, cx: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        let host = self.0.host(cx.host).await?;
        updater(&self.0, &host)?.update_os(host.uuid, task(cx), &cx.update).await
    }

    /// What was updated is up to date; what may still be under way is waited for by who opens the host.
    async fn undo(&self, _: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// The host is again what it was.
struct LetCome(Arc<Hosts>);

#[async_trait]
impl Step<UpdateOs> for LetCome {
    fn name(&self) -> &'static str {
        "let-vms-come"
    }

    async fn run(&self, cx: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        self.0.let_come(cx).await
    }

    async fn undo(&self, _: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

impl Hosts {
    async fn let_come(&self, cx: &StepCx<UpdateOs>) -> Result<(), ErrorCode> {
        match cx.before {
            Some(before) => Ok(self.store.end_update(cx.host, cx.flow(), before).await?),
            None => Ok(()),
        }
    }
}

/// The agent's task: the same for the step that asks for it and for the undo that asks what became of it.
fn task(cx: &StepCx<UpdateOs>) -> Uuid {
    cx.flow().derive("update-packages")
}

fn updater(hosts: &Hosts, host: &Host) -> Result<Arc<dyn OsUpdater>, ErrorCode> {
    hosts.kernel.registry().driver::<dyn OsUpdater>("hosts whose packages can be updated", &host.hypervisor_type)
}

pub(crate) fn install(setup: &mut Setup, hosts: &Arc<Hosts>) {
    setup
        .step(Check(hosts.clone()))
        .step(KeepAway(hosts.clone()))
        .step(Update(hosts.clone()))
        .step(LetCome(hosts.clone()));
}

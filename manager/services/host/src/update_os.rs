//! `UpdateHostOs`: the packages of one host, in a flow of four steps.
//!
//! Meanwhile the host is in `PreMaintenance`, as if it were about to be maintained: it takes no VMs, and keeps those that it
//! has. A host that is in maintenance stays there. However the flow ends, the host is in the state that it was in before.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{OsUpdate, OsUpdater},
    message::host::UpdateHostOs,
    resource::{Host, HostState, HostStatus},
};
use cumulo_kernel::{
    Setup,
    bus::Handle,
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use crate::{Hosts, change_state::count_vms};

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UpdateOs {
    /// The host.
    host: Uuid,
    /// The state that it was in.
    before: HostState,
    /// What is brought up to date.
    update: OsUpdate,
    /// Also where VMs run.
    force: bool,
}

impl Flow for UpdateOs {
    const NAME: &'static str = "update-host-os";

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
        let before = self.host(ask.host).await?.state;
        let context = UpdateOs { host: ask.host, before, update: ask.update, force: ask.force };
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
        match host.state {
            HostState::PreMaintenance => {
                let text = format!("{name} is on its way into maintenance or being updated; wait until that has ended");
                Err(ErrorCode::operation(text))
            }
            state if state != cx.before => Err(changed(&host)),
            _ => Ok(()),
        }
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
        if cx.before == HostState::Maintenance {
            return Ok(());
        }
        let host = self.0.host(cx.host).await?;
        match host.state {
            HostState::PreMaintenance => {}
            state if state == cx.before => self.0.store.change_state(&host, HostState::PreMaintenance).await?,
            _ => return Err(changed(&host)),
        }
        // Counted now that none can come any more.
        let vms = u64::try_from(self.0.host(cx.host).await?.vms).unwrap_or(0);
        match vms == 0 || cx.force {
            true => Ok(()),
            false => Err(ErrorCode::operation(format!(
                "{} on host '{}' ({}); put it into maintenance first, or say force=true",
                count_vms(vms),
                host.name,
                host.uuid
            ))),
        }
    }

    async fn undo(&self, cx: &mut StepCx<UpdateOs>) -> Result<(), ErrorCode> {
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
        updater(&self.0, &host)?.update_os(host.uuid, cx.task("update"), &cx.update).await
    }

    /// What was updated is up to date.
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
    /// Back to the state before; a host that was put into another one meanwhile stays there, and one that is gone is fine.
    async fn let_come(&self, cx: &UpdateOs) -> Result<(), ErrorCode> {
        match self.store.find(cx.host).await? {
            Some(host) if host.state == HostState::PreMaintenance && cx.before != HostState::Maintenance => {
                Ok(self.store.change_state(&host, cx.before).await?)
            }
            _ => Ok(()),
        }
    }
}

fn changed(host: &Host) -> ErrorCode {
    ErrorCode::operation(format!("host '{}' ({}) was made {} meanwhile; try again", host.name, host.uuid, host.state))
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

//! `ChangeHostState`: enable, disable, maintain.
//!
//! Maintenance is for hosts without VMs. To get there a host first stops taking VMs (`PreMaintenance`), and only then are
//! those that it has stopped, so that none slips in between. While the packages of a host are updated its state is the
//! update's.

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::ChangeHostState,
    message::vm::StopVms,
    resource::{Host, HostState},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::hanging_on,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid, codes};

use crate::{Hosts, store::HostReservation};

#[async_trait]
impl HandleApi<ChangeHostState> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: ChangeHostState) -> Result<Inventory<Host>, ErrorCode> {
        match api.state_event.as_str() {
            "enable" => self.enter(api.uuid, HostState::Enabled).await?,
            "disable" => self.enter(api.uuid, HostState::Disabled).await?,
            "maintain" => self.maintain(api.uuid).await?,
            other => return Err(ErrorCode::invalid(format!("a host's state knows no event '{other}'"))),
        }
        cx.inventory::<Host>(&api.uuid).await
    }
}

impl Hosts {
    async fn enter(&self, uuid: Uuid, state: HostState) -> Result<(), ErrorCode> {
        let host = self.host(uuid).await?;
        unless_updated(&host)?;
        match host.state == state {
            true => Ok(()),
            false => Ok(self.store.change_state(&host, state).await?),
        }
    }

    async fn maintain(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let before = self.host(uuid).await?;
        if before.state == HostState::Maintenance {
            return Ok(());
        }
        self.enter(uuid, HostState::PreMaintenance).await?;
        let vms = hanging_on(self.kernel.db(), HostReservation::HOST_UUID, &[uuid]).await?;
        let reason = format!("host '{}' goes into maintenance", before.name);
        let emptied = match vms.is_empty() {
            true => Ok(()),
            false => match self.kernel.bus().call(StopVms { vms, reason }).await {
                Ok(()) => self.refuse_with_vms(&[uuid]).await,
                refused => refused,
            },
        };
        if let Err(cause) = emptied {
            // Where a crash left it halfway, disabled is what it can go back to without taking VMs unasked.
            let back = if before.state == HostState::PreMaintenance { HostState::Disabled } else { before.state };
            self.enter(uuid, back).await?;
            let details = format!("not every VM on host '{}' could be stopped for its maintenance", before.name);
            return Err(ErrorCode::new(codes::CHANGE_RESOURCE_STATE, details).because(cause));
        }
        self.enter(uuid, HostState::Maintenance).await
    }
}

/// Refuses while the packages of `host` are updated.
pub(crate) fn unless_updated(host: &Host) -> Result<(), ErrorCode> {
    match host.updated_by {
        None => Ok(()),
        Some(flow) => {
            let text = format!(
                "the packages of host '{}' ({}) are being updated, by flow {flow}; wait until that has ended",
                host.name, host.uuid
            );
            Err(ErrorCode::operation(text))
        }
    }
}

/// `1 VM`, `2 VMs`.
pub(crate) fn count_vms(vms: u64) -> String {
    let plural = if vms == 1 { "" } else { "s" };
    format!("{vms} VM{plural}")
}

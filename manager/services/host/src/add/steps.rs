//! The steps of adding a host.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{Host, HostState, HostStatus, KVMHost, SimulatorHost};
use cumulo_kernel::{
    db::DbError,
    flow::{Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Json, Resource, Timestamp, codes};

use super::{AddHost, Kind};
use crate::{Hosts, connect::not_connected, store::KindRow};

/// Where KVM agents listen.
const AGENT_PORT: i32 = 7070;

impl Hosts {
    /// The row of this flow, not that of another one that was given the same id.
    async fn own(&self, cx: &AddHost) -> Result<Option<Host>, ErrorCode> {
        Ok(self.store.find(cx.host).await?.filter(|host| host.create_date.0 == cx.asked))
    }
}

/// Writes the host down, so that it can be seen while it is being connected.
pub(super) struct RecordHost(pub(super) Arc<Hosts>);

#[async_trait]
impl Step<AddHost> for RecordHost {
    fn name(&self) -> &'static str {
        "record-host"
    }

    fn describe(&self) -> &'static str {
        "records the host"
    }

    async fn foresee(&self, cx: &StepCx<AddHost>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(Host::META.vo, effect::CREATED, [cx.host]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        let hosts = &self.0;
        let record = async {
            hosts.check_address(cx.host, Some(&cx.management_ip)).await?;
            match hosts.store.insert(&host_row(cx), &kind_row(cx), cx.owner, &cx.tags).await {
                Err(DbError::Conflict { .. }) if hosts.own(cx).await?.is_some() => Ok(()),
                Err(DbError::Conflict { .. }) => {
                    let details = format!("host {} exists already; choose another resourceUuid", cx.host);
                    Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
                }
                Err(DbError::Reference { .. }) => Err(ErrorCode::not_found("Cluster", cx.cluster)),
                inserted => Ok(inserted?),
            }
        };
        // One after another for one address, so that of two additions of one machine the second one sees the first.
        hosts.kernel.alone(&format!("host-address:{}", cx.management_ip), record).await
    }

    async fn undo(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        if self.0.own(cx).await?.is_some() {
            self.0.kernel.cascade().remove(Host::META, &[cx.host]).await?;
        }
        Ok(())
    }
}

fn host_row(cx: &AddHost) -> Host {
    let asked = Timestamp(cx.asked);
    Host {
        zone_uuid: cx.zone,
        name: cx.name.clone(),
        uuid: cx.host,
        cluster_uuid: cx.cluster,
        description: cx.description.clone(),
        management_ip: cx.management_ip.clone(),
        hypervisor_type: cx.kind.hypervisor().to_owned(),
        state: HostState::Enabled,
        status: HostStatus::Connecting,
        total_cpu_capacity: 0,
        available_cpu_capacity: 0,
        cpu_sockets: 0,
        total_memory_capacity: 0,
        available_memory_capacity: 0,
        cpu_num: 0,
        ipmi_address: None,
        ipmi_username: None,
        ipmi_port: None,
        ipmi_power_status: None,
        architecture: None,
        create_date: asked,
        last_op_date: asked,
        cpu_mhz: 0,
        physical_memory: 0,
        used_memory: 0,
        reserved_memory: 0,
        vms: 0,
        facts: Json(serde_json::Value::Null),
        updated_by: None,
    }
}

fn kind_row(cx: &AddHost) -> KindRow {
    match &cx.kind {
        Kind::Kvm { username, password, ssh_port } => KindRow::Kvm(KVMHost {
            uuid: cx.host,
            username: username.clone(),
            password: password.clone(),
            ssh_port: *ssh_port,
            os_distribution: None,
            os_release: None,
            os_version: None,
            host_key: None,
            agent_port: AGENT_PORT,
        }),
        Kind::Simulator { cpu_capacity, memory_capacity } => KindRow::Simulator(SimulatorHost {
            uuid: cx.host,
            memory_capacity: *memory_capacity,
            cpu_capacity: *cpu_capacity,
        }),
    }
}

/// Brings the agent onto the machine and learns what the machine is.
pub(super) struct ConnectHost(pub(super) Arc<Hosts>);

#[async_trait]
impl Step<AddHost> for ConnectHost {
    fn name(&self) -> &'static str {
        "connect-host"
    }

    fn describe(&self) -> &'static str {
        "installs the agent on the machine and connects to it"
    }

    async fn run(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        self.0.introduce(cx.host, true).await.map_err(not_connected)
    }

    async fn undo(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        match self.0.own(cx).await? {
            Some(host) => self.0.connector(&host)?.disconnect(cx.host).await,
            None => Ok(()),
        }
    }
}

/// Lets plugins prepare the machine: storage, networks.
pub(super) struct PrepareHost(pub(super) Arc<Hosts>);

#[async_trait]
impl Step<AddHost> for PrepareHost {
    fn name(&self) -> &'static str {
        "prepare-host"
    }

    fn describe(&self) -> &'static str {
        "prepares storages and networks on it"
    }

    async fn run(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        self.0.prepare(cx.host).await.map_err(not_connected)
    }

    async fn undo(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        match self.0.own(cx).await? {
            Some(host) => self.0.take_back(&host, true).await,
            None => Ok(()),
        }
    }
}

/// From now on the host takes VMs.
pub(super) struct MarkConnected(pub(super) Arc<Hosts>);

#[async_trait]
impl Step<AddHost> for MarkConnected {
    fn name(&self) -> &'static str {
        "mark-connected"
    }

    fn describe(&self) -> &'static str {
        "records that it can take VMs"
    }

    async fn run(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        let host = self.0.host(cx.host).await?;
        self.0.mark(&host, HostStatus::Connected).await
    }

    async fn undo(&self, cx: &mut StepCx<AddHost>) -> Result<(), ErrorCode> {
        match self.0.own(cx).await? {
            // It must take no VM while the steps before this one are undone.
            Some(host) => self.0.mark(&host, HostStatus::Disconnected).await,
            None => Ok(()),
        }
    }
}

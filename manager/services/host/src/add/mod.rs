//! `AddKVMHost`: a flow, since it reaches a machine, and everything is taken back when it fails.

mod steps;

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::AddKVMHost,
    resource::{Cluster, Host},
};
use cumulo_kernel::{
    Setup,
    api::{ApiCx, HandleApi},
    flow::{Flow, FlowReply},
    ownership::NewTags,
};
use cumulo_schema::{ErrorCode, Inventory, Resource, Uuid, codes};
use serde::{Deserialize, Serialize};

use crate::Hosts;

/// The hypervisor type of the hosts that this API adds.
const KVM: &str = "KVM";

/// What is known of a host that is being added.
#[derive(Debug, Serialize, Deserialize)]
pub struct AddHost {
    host: Uuid,
    cluster: Uuid,
    zone: Uuid,
    name: String,
    description: Option<String>,
    management_ip: String,
    username: String,
    /// As the vault sealed it.
    password: String,
    ssh_port: i32,
    owner: Uuid,
    tags: NewTags,
    /// When it was asked for, in epoch milliseconds: tells the row of this flow from that of another one with the same id.
    asked: i64,
}

impl Flow for AddHost {
    const NAME: &'static str = "add-host";

    fn resource(&self) -> Uuid {
        self.host
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory(Host::META.name, self.host)
    }
}

pub(crate) fn install(setup: &mut Setup, hosts: &Arc<Hosts>) {
    setup
        .step::<AddHost>(steps::RecordHost(hosts.clone()))
        .step::<AddHost>(steps::ConnectHost(hosts.clone()))
        .step::<AddHost>(steps::PrepareHost(hosts.clone()))
        .step::<AddHost>(steps::MarkConnected(hosts.clone()));
}

#[async_trait]
impl HandleApi<AddKVMHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: AddKVMHost) -> Result<Inventory<Host>, ErrorCode> {
        cx.tags.system.iter().try_for_each(|tag| self.kernel.tags().check(Host::META.vo, tag))?;
        if self.store.find(cx.resource_uuid).await?.is_some() {
            let details = format!("host {} exists already; choose another resourceUuid", cx.resource_uuid);
            return Err(ErrorCode::new(codes::CREATE_RESOURCE, details));
        }
        let cluster = self.kernel.db().find(Cluster::UUID, &api.cluster_uuid).await?;
        let cluster = cluster.ok_or_else(|| ErrorCode::not_found("Cluster", api.cluster_uuid))?;
        if cluster.hypervisor_type != KVM {
            let details =
                format!("cluster '{}' is for {} hosts; choose one for KVM", cluster.name, cluster.hypervisor_type);
            return Err(ErrorCode::invalid(details));
        }
        let context = AddHost {
            host: cx.resource_uuid,
            cluster: cluster.uuid,
            zone: cluster.zone_uuid,
            name: api.name,
            description: api.description,
            management_ip: api.management_ip,
            username: api.username,
            password: self.kernel.vault().seal(&api.password),
            ssh_port: api.ssh_port,
            owner: cx.caller.account,
            tags: cx.tags.clone(),
            asked: cx.now().0,
        };
        cx.run_flow(AddHost::NAME, context).await
    }
}

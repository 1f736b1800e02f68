//! Adding hosts: a flow, since it reaches a machine, and everything is taken back when it fails.
//!
//! Hosts of all hypervisors are added by the same steps. What is particular to one ([`Kind`]) is a row that is written in
//! one batch with the host's own, which is why these APIs are answered here and not by the hypervisor's plugin; what
//! reaches the machine is the plugin's `HostConnector`.

mod kvm;
mod simulator;
mod steps;

use std::sync::Arc;

use cumulo_contracts::{
    ext::hypervisor::HostConnector,
    resource::{Cluster, Host},
};
use cumulo_kernel::{
    Setup,
    api::ApiCx,
    flow::{Flow, FlowReply},
    ownership::NewTags,
};
use cumulo_schema::{ErrorCode, Inventory, Resource, Uuid, codes};
use serde::{Deserialize, Serialize};

use crate::Hosts;

/// What one hypervisor's hosts have beside what all have.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Kvm {
        username: String,
        /// As the vault sealed it.
        password: String,
        ssh_port: i32,
    },
    Simulator {
        cpu_capacity: i64,
        memory_capacity: i64,
    },
}

impl Kind {
    /// The hypervisor type.
    fn hypervisor(&self) -> &'static str {
        match self {
            Kind::Kvm { .. } => "KVM",
            Kind::Simulator { .. } => "Simulator",
        }
    }
}

/// What an API asks for.
struct Asked {
    name: String,
    description: Option<String>,
    management_ip: String,
    cluster: Uuid,
    kind: Kind,
}

/// What is known of a host that is being added.
#[derive(Debug, Serialize, Deserialize)]
pub struct AddHost {
    host: Uuid,
    cluster: Uuid,
    zone: Uuid,
    name: String,
    description: Option<String>,
    management_ip: String,
    kind: Kind,
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

impl Hosts {
    /// Checks what can be checked at once and runs the flow.
    async fn add(&self, cx: &ApiCx, asked: Asked) -> Result<Inventory<Host>, ErrorCode> {
        let hypervisor = asked.kind.hypervisor();
        self.kernel.registry().driver::<dyn HostConnector>("hosts", hypervisor)?;
        if self.store.find(cx.resource_uuid).await?.is_some() {
            let details = format!("host {} exists already; choose another resourceUuid", cx.resource_uuid);
            return Err(ErrorCode::new(codes::CREATE_RESOURCE, details));
        }
        let cluster = self.kernel.db().find(Cluster::UUID, &asked.cluster).await?;
        let cluster = cluster.ok_or_else(|| ErrorCode::not_found("Cluster", asked.cluster))?;
        if cluster.hypervisor_type != hypervisor {
            let (name, other) = (&cluster.name, &cluster.hypervisor_type);
            let details = format!("cluster '{name}' is for {other} hosts; choose one for {hypervisor}");
            return Err(ErrorCode::invalid(details));
        }
        let context = AddHost {
            host: cx.resource_uuid,
            cluster: cluster.uuid,
            zone: cluster.zone_uuid,
            name: asked.name,
            description: asked.description,
            management_ip: asked.management_ip,
            kind: asked.kind,
            owner: cx.caller.account,
            tags: cx.tags.clone(),
            asked: cx.now().0,
        };
        cx.run_flow(AddHost::NAME, context).await
    }
}

//! `AttachL2NetworkToCluster`: a flow that records the attachment and makes the network on the cluster's hosts.
//!
//! It is recorded before it is made: a host that connects in between sees it and makes the network itself, so none is
//! missed. Flows of one cluster run one after another, so that two networks cannot claim one interface at once, and an
//! attachment found after `check-not-attached` passed is this flow's own.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2::AttachL2NetworkToCluster,
    resource::{L2Network, L2NetworkClusterRef},
};
use cumulo_kernel::{
    Setup,
    api::{ApiCx, HandleApi},
    db::DbError,
    flow::{Flow, FlowReply, Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Inventory, Resource, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use crate::{Networks, store};

/// An L2 network comes to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachL2 {
    /// The network.
    pub l2: Uuid,
    /// The cluster.
    pub cluster: Uuid,
    /// What switches it there, where the caller said so.
    pub provider_type: Option<String>,
}

impl Flow for AttachL2 {
    const NAME: &'static str = "attach-l2-to-cluster";

    fn resource(&self) -> Uuid {
        self.cluster
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory(L2Network::META.name, self.l2)
    }
}

pub(crate) fn install(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .step::<AttachL2>(CheckNotAttached(networks.clone()))
        .step::<AttachL2>(RecordAttachment(networks.clone()))
        .step::<AttachL2>(EnsureOnHosts(networks.clone()));
}

#[async_trait]
impl HandleApi<AttachL2NetworkToCluster> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AttachL2NetworkToCluster) -> Result<Inventory<L2Network>, ErrorCode> {
        let (l2, cluster) = (api.l2_network_uuid, api.cluster_uuid);
        let context = AttachL2 { l2, cluster, provider_type: api.l2_provider_type };
        cx.run_flow(AttachL2::NAME, context).await
    }
}

/// Refuses what cannot be attached.
struct CheckNotAttached(Arc<Networks>);

#[async_trait]
impl Step<AttachL2> for CheckNotAttached {
    fn name(&self) -> &'static str {
        "check-not-attached"
    }

    fn describe(&self) -> &'static str {
        "refuses what cannot be attached"
    }

    async fn foresee(&self, cx: &StepCx<AttachL2>, _: &Planning) -> Result<(), ErrorCode> {
        self.0.check_attachable(cx).await
    }

    async fn run(&self, cx: &mut StepCx<AttachL2>) -> Result<(), ErrorCode> {
        self.0.check_attachable(cx).await
    }

    async fn undo(&self, _: &mut StepCx<AttachL2>) -> Result<(), ErrorCode> {
        // It only looked.
        Ok(())
    }
}

impl Networks {
    async fn check_attachable(&self, cx: &AttachL2) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let (l2, cluster) = (store::l2(db, cx.l2).await?, store::cluster(db, cx.cluster).await?);
        if l2.zone_uuid != cluster.zone_uuid {
            return Err(ErrorCode::invalid(format!(
                "L2 network '{}' and cluster '{}' are in different zones",
                l2.name, cluster.name
            )));
        }
        if store::attachment(db, cx.l2, cx.cluster).await?.is_some() {
            let details = format!("L2 network '{}' is attached to cluster '{}' already", l2.name, cluster.name);
            return Err(ErrorCode::invalid(details));
        }
        let rival = store::l2s_in(db, cx.cluster).await?.into_iter().find(|other| same_wire(other, &l2));
        match rival {
            Some(rival) => Err(ErrorCode::invalid(format!(
                "L2 network '{}' ({}) has {} in cluster '{}' already; detach it first",
                rival.name,
                rival.uuid,
                wire(&l2),
                cluster.name
            ))),
            None => Ok(()),
        }
    }
}

/// Whether two networks would be one bridge on a host.
pub(super) fn same_wire(one: &L2Network, other: &L2Network) -> bool {
    one.r#type == other.r#type
        && one.physical_interface == other.physical_interface
        && one.virtual_network_id == other.virtual_network_id
}

/// What a network occupies on a host, for people.
fn wire(l2: &L2Network) -> String {
    let interface = l2.physical_interface.as_deref().unwrap_or_default();
    match l2.virtual_network_id {
        0 => format!("the interface {interface}"),
        id => format!("VLAN {id} of the interface {interface}"),
    }
}

/// Writes the attachment down.
struct RecordAttachment(Arc<Networks>);

#[async_trait]
impl Step<AttachL2> for RecordAttachment {
    fn name(&self) -> &'static str {
        "record-attachment"
    }

    fn describe(&self) -> &'static str {
        "records the attachment, from which on hosts that connect see the network"
    }

    async fn foresee(&self, cx: &StepCx<AttachL2>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(L2NetworkClusterRef::META.vo, effect::CREATED, [format!("{}/{}", cx.l2, cx.cluster)]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<AttachL2>) -> Result<(), ErrorCode> {
        let now = Timestamp::now();
        let attachment = L2NetworkClusterRef {
            l2_network_uuid: cx.l2,
            cluster_uuid: cx.cluster,
            l2_provider_type: cx.provider_type.clone(),
            create_date: now,
            last_op_date: now,
        };
        match store::insert(self.0.kernel.db(), &attachment).await {
            Ok(()) | Err(DbError::Conflict { .. }) => Ok(()),
            Err(DbError::Reference { .. }) => Err(ErrorCode::operation(format!(
                "L2 network {} or cluster {} was deleted in the meantime",
                cx.l2, cx.cluster
            ))),
            Err(error) => Err(error.into()),
        }
    }

    async fn undo(&self, cx: &mut StepCx<AttachL2>) -> Result<(), ErrorCode> {
        Ok(store::detach(self.0.kernel.db(), cx.l2, cx.cluster).await?)
    }
}

/// Makes the network on the hosts that are connected; the others do it when they connect.
struct EnsureOnHosts(Arc<Networks>);

#[async_trait]
impl Step<AttachL2> for EnsureOnHosts {
    fn name(&self) -> &'static str {
        "ensure-on-hosts"
    }

    fn describe(&self) -> &'static str {
        "makes the network on the cluster's hosts"
    }

    async fn run(&self, cx: &mut StepCx<AttachL2>) -> Result<(), ErrorCode> {
        let l2 = store::l2(self.0.kernel.db(), cx.l2).await?;
        self.0.ensure_in(&l2, cx.cluster, cx.task("ensure")).await
    }

    async fn undo(&self, cx: &mut StepCx<AttachL2>) -> Result<(), ErrorCode> {
        match self.0.kernel.db().find(L2Network::UUID, &cx.l2).await? {
            Some(l2) => self.0.remove_from(&l2, &[cx.cluster], cx.task("remove"), false).await,
            None => Ok(()),
        }
    }
}

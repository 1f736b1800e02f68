//! `AttachPrimaryStorageToCluster`: every connected host of the cluster is made to see the storage, or none is.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::AttachPrimaryStorageToCluster,
    resource::{Cluster, PrimaryStorage, PrimaryStorageClusterRef},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
    flow::{Flow, FlowReply, Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Inventory, Resource, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use crate::PrimaryStorages;

/// The flow's context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttachStorage {
    /// The primary storage.
    pub storage: Uuid,
    /// The cluster.
    pub cluster: Uuid,
    /// When the attachment is made, in epoch milliseconds: tells ours from one that was there before.
    pub since: i64,
}

impl Flow for AttachStorage {
    const NAME: &'static str = "attach-primary-storage";

    fn resource(&self) -> Uuid {
        self.storage
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("PrimaryStorage", self.storage)
    }
}

#[async_trait]
impl HandleApi<AttachPrimaryStorageToCluster> for PrimaryStorages {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: AttachPrimaryStorageToCluster,
    ) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        let storage = self.store.get(api.primary_storage_uuid).await?;
        let cluster = self.kernel.db().find(Cluster::UUID, &api.cluster_uuid).await?;
        let cluster = cluster.ok_or_else(|| ErrorCode::not_found("Cluster", api.cluster_uuid))?;
        if cluster.zone_uuid != storage.zone_uuid {
            return Err(ErrorCode::operation(format!(
                "primary storage {}[uuid:{}] and cluster {}[uuid:{}] are in different zones; attach one of the same zone",
                storage.name, storage.uuid, cluster.name, cluster.uuid
            )));
        }
        if self.store.attachment(storage.uuid, cluster.uuid).await?.is_some() {
            return Err(already_attached(storage.uuid, cluster.uuid));
        }
        let context = AttachStorage { storage: storage.uuid, cluster: cluster.uuid, since: cx.now().0 };
        cx.run_flow(AttachStorage::NAME, context).await
    }
}

fn already_attached(storage: Uuid, cluster: Uuid) -> ErrorCode {
    ErrorCode::operation(format!("primary storage {storage} is attached to cluster {cluster} already"))
}

/// Records the attachment, from which on hosts that connect see the storage.
pub(crate) struct RecordAttachment(pub(crate) Arc<PrimaryStorages>);

#[async_trait]
impl Step<AttachStorage> for RecordAttachment {
    fn name(&self) -> &'static str {
        "record-attachment"
    }

    fn describe(&self) -> &'static str {
        "records the attachment, from which on hosts that connect see the storage"
    }

    async fn foresee(&self, cx: &StepCx<AttachStorage>, planning: &Planning) -> Result<(), ErrorCode> {
        let row = format!("{}/{}", cx.storage, cx.cluster);
        planning.touch(PrimaryStorageClusterRef::META.vo, effect::CREATED, [row]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<AttachStorage>) -> Result<(), ErrorCode> {
        match self.0.store.attach(cx.storage, cx.cluster, Timestamp(cx.since)).await {
            Err(DbError::Conflict { .. }) => {
                let there = self.0.store.attachment(cx.storage, cx.cluster).await?;
                let ours = there.is_some_and(|there| there.create_date == Timestamp(cx.since));
                if ours { Ok(()) } else { Err(already_attached(cx.storage, cx.cluster)) }
            }
            attached => Ok(attached?),
        }
    }

    async fn undo(&self, cx: &mut StepCx<AttachStorage>) -> Result<(), ErrorCode> {
        Ok(self.0.store.detach(cx.storage, cx.cluster, Some(Timestamp(cx.since))).await?)
    }
}

/// Makes the storage usable on the cluster's hosts and counts what they have.
pub(crate) struct ConnectHosts(pub(crate) Arc<PrimaryStorages>);

#[async_trait]
impl Step<AttachStorage> for ConnectHosts {
    fn name(&self) -> &'static str {
        "connect-hosts"
    }

    fn describe(&self) -> &'static str {
        "makes the storage usable on the cluster's hosts and counts what they have"
    }

    async fn run(&self, cx: &mut StepCx<AttachStorage>) -> Result<(), ErrorCode> {
        let storage = self.0.store.get(cx.storage).await?;
        let hosts = self.0.store.connected_hosts_of(&[cx.cluster]).await?;
        self.0.connect_all(&storage, &hosts).await?.into_iter().try_for_each(|(_, outcome)| outcome)
    }

    async fn undo(&self, cx: &mut StepCx<AttachStorage>) -> Result<(), ErrorCode> {
        for host in self.0.store.hosts_of(&[cx.cluster]).await? {
            self.0.store.host_leaves(cx.storage, host.uuid).await?;
        }
        Ok(())
    }
}

//! `DetachPrimaryStorageFromCluster`: VMs of the cluster that use the storage are stopped, and its hosts lose sight of it.
//! Volumes stay where they are, and what they hold stays held, so that attaching again finds everything as it was.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::DetachPrimaryStorageFromCluster, message::vm::StopVms, resource::PrimaryStorage,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::PrimaryStorages;

#[async_trait]
impl HandleApi<DetachPrimaryStorageFromCluster> for PrimaryStorages {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: DetachPrimaryStorageFromCluster,
    ) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        let (storage, cluster) = (self.store.get(api.primary_storage_uuid).await?, api.cluster_uuid);
        let reason = format!("primary storage '{}' is detached from their cluster", storage.name);
        self.stop_users(storage.uuid, Some(cluster), reason).await?;
        // The attachment goes first: from then on nothing new is placed there. Not attached is how a repeated call finds it.
        self.store.detach(storage.uuid, cluster, None).await?;
        for host in self.store.hosts_of(&[cluster]).await? {
            self.store.host_leaves(storage.uuid, host.uuid).await?;
        }
        cx.inventory::<PrimaryStorage>(&storage.uuid).await
    }
}

impl PrimaryStorages {
    /// Stops the VMs that use `storage`; only those in `cluster` where that is given.
    pub(crate) async fn stop_users(
        &self,
        storage: Uuid,
        cluster: Option<Uuid>,
        reason: String,
    ) -> Result<(), ErrorCode> {
        let vms: Vec<Uuid> = self.store.busy_vms(storage, cluster).await?.into_iter().map(|vm| vm.uuid).collect();
        match vms.is_empty() {
            true => Ok(()),
            false => self.kernel.bus().call(StopVms { vms, reason }).await,
        }
    }
}

//! `DetachPrimaryStorageFromCluster`: hosts of the cluster lose sight of the storage. Volumes stay where they are, and
//! what they hold stays held, so that attaching again finds everything as it was.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::DetachPrimaryStorageFromCluster,
    resource::{PrimaryStorage, VmInstance},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::PrimaryStorages;

/// Names in an error before the rest is only counted.
const SHOWN: usize = 5;

#[async_trait]
impl HandleApi<DetachPrimaryStorageFromCluster> for PrimaryStorages {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: DetachPrimaryStorageFromCluster,
    ) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        let (storage, cluster) = (self.store.get(api.primary_storage_uuid).await?, api.cluster_uuid);
        let busy = self.store.busy_vms(storage.uuid, Some(cluster)).await?;
        if !busy.is_empty() {
            return Err(ErrorCode::operation(format!(
                "primary storage {}[uuid:{}] cannot be detached from cluster {cluster} while VMs there use it: {}; stop \
                 them first",
                storage.name,
                storage.uuid,
                named(&busy)
            )));
        }
        // The attachment goes first: from then on nothing new is placed there. Not attached is how a repeated call finds it.
        self.store.detach(storage.uuid, cluster, None).await?;
        for host in self.store.hosts_of(&[cluster]).await? {
            self.store.host_leaves(storage.uuid, host.uuid, false).await?;
        }
        cx.inventory::<PrimaryStorage>(&storage.uuid).await
    }
}

/// VMs by name, the first few.
pub(crate) fn named(vms: &[VmInstance]) -> String {
    let names: Vec<String> = vms.iter().take(SHOWN).map(|vm| format!("{}[uuid:{}]", vm.name, vm.uuid)).collect();
    match vms.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

//! `DetachL2NetworkFromCluster`.
//!
//! VMs that are up on the network in that cluster are stopped first. The bridge goes before the record, so that a call cut
//! off in between can be asked again.

use async_trait::async_trait;
use cumulo_contracts::{api::l2::DetachL2NetworkFromCluster, message::vm::StopVms, resource::L2Network};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::{Networks, store};

#[async_trait]
impl HandleApi<DetachL2NetworkFromCluster> for Networks {
    async fn handle(&self, cx: &ApiCx, api: DetachL2NetworkFromCluster) -> Result<Inventory<L2Network>, ErrorCode> {
        let (db, cluster) = (self.kernel.db(), api.cluster_uuid);
        let l2 = store::l2(db, api.l2_network_uuid).await?;
        if store::attachment(db, l2.uuid, cluster).await?.is_some() {
            let l3s: Vec<Uuid> = store::l3s_of_l2s(db, &[l2.uuid]).await?.iter().map(|l3| l3.uuid).collect();
            let vms: Vec<Uuid> = store::vms_up_on(db, cluster, &l3s).await?.iter().map(|vm| vm.uuid).collect();
            if !vms.is_empty() {
                let reason = format!("L2 network '{}' is detached from their cluster", l2.name);
                self.kernel.bus().call(StopVms { vms, reason }).await?;
            }
            self.remove_from(&l2, &[cluster], cx.job.derive("detach"), false).await?;
            store::detach(db, l2.uuid, cluster).await?;
        }
        cx.inventory::<L2Network>(&l2.uuid).await
    }
}

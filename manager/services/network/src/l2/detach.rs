//! `DetachL2NetworkFromCluster`.
//!
//! VMs that are up on the network in that cluster are in the way: this call does not stop them by itself. The bridge goes
//! before the record, so that a call cut off in between can be asked again.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2::DetachL2NetworkFromCluster,
    resource::{L2Network, VmInstance},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::{Networks, store};

/// VMs named in a refusal.
const NAMED: usize = 5;

#[async_trait]
impl HandleApi<DetachL2NetworkFromCluster> for Networks {
    async fn handle(&self, cx: &ApiCx, api: DetachL2NetworkFromCluster) -> Result<Inventory<L2Network>, ErrorCode> {
        let (db, cluster) = (self.kernel.db(), api.cluster_uuid);
        let l2 = store::l2(db, api.l2_network_uuid).await?;
        if store::attachment(db, l2.uuid, cluster).await?.is_some() {
            let l3s: Vec<Uuid> = store::l3s_of_l2s(db, &[l2.uuid]).await?.iter().map(|l3| l3.uuid).collect();
            nobody_up(&l2, &store::vms_up_on(db, cluster, &l3s).await?)?;
            self.remove_from(&l2, &[cluster], cx.job.derive("detach"), false).await?;
            store::detach(db, l2.uuid, cluster).await?;
        }
        cx.inventory::<L2Network>(&l2.uuid).await
    }
}

fn nobody_up(l2: &L2Network, vms: &[VmInstance]) -> Result<(), ErrorCode> {
    if vms.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = vms.iter().take(NAMED).map(|vm| format!("'{}' ({})", vm.name, vm.uuid)).collect();
    Err(ErrorCode::operation(format!(
        "{} VMs are up on L2 network '{}' in this cluster, {} among them; stop them first",
        vms.len(),
        l2.name,
        names.join(", ")
    )))
}

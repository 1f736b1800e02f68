//! What NICs that belong to no VM do when something they need goes. Those of VMs are the VMs' matter, and with an L3 network
//! all of them go as its parts.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::ReleaseIps,
    resource::{L3Network, VmNic},
};
use cumulo_kernel::cascade::{CascadeAction, Effect, Loss, Work, owned_by};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::{Vms, store};

pub(crate) const NIC_PARENTS: &[&str] = &[RANGE, "AccountVO"];

const RANGE: &str = "IpRangeVO";
const WITHOUT_ADDRESS: Effect = Effect::Changed("without its address");

/// Loose NICs in the cascade.
pub(crate) struct LooseNics(pub(crate) Arc<Vms>);

#[async_trait]
impl CascadeAction for LooseNics {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        let db = self.0.kernel.db();
        let nics = match loss.losing {
            RANGE => {
                let mut held = store::addresses_in(db, loss.uuids).await?;
                held.retain(|row| !loss.doomed.has(L3Network::META.vo, row.l3_network_uuid));
                held.into_iter().filter_map(|row| row.vm_nic_uuid).collect()
            }
            _ => owned_by(db, VmNic::META.vo, loss.uuids).await?,
        };
        Ok(store::loose_among(db, &nics).await?)
    }

    fn effect(&self, losing: &str) -> Effect {
        match losing {
            RANGE => WITHOUT_ADDRESS,
            _ => Effect::Deleted,
        }
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        let nics = work.uuids.to_vec();
        kernel.bus().call(ReleaseIps { nics }).await?;
        match work.effect {
            WITHOUT_ADDRESS => Ok(store::without_address(kernel.db(), work.uuids).await?),
            _ => Ok(kernel.cascade().remove(VmNic::META, work.uuids).await?),
        }
    }
}

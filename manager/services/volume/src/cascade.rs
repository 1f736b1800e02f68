//! What volumes do when something they need goes. Root volumes follow their VM, whose own action expunges them; what is
//! left here is what no VM takes along.

use async_trait::async_trait;
use cumulo_contracts::{
    message::{storage::ReleaseVolumeSpace, volume::ExpungeVolume},
    resource::{DiskOffering, PrimaryStorage},
};
use cumulo_kernel::cascade::CascadeAction;
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::Volumes;

pub(crate) const ACCOUNT: &str = "AccountVO";

#[async_trait]
impl CascadeAction for Volumes {
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(match losing {
            losing if losing == PrimaryStorage::META.vo => self.store.on_storages(uuids).await?,
            losing if losing == DiskOffering::META.vo => self.store.of_offerings(uuids).await?,
            ACCOUNT => self.store.detached_of(uuids).await?,
            _ => vec![],
        })
    }

    /// A volume outlives its offering.
    fn is_deleted_by(&self, losing: &str) -> bool {
        losing != DiskOffering::META.vo
    }

    async fn act(&self, losing: &str, uuids: &[Uuid], _enforcing: bool) -> Result<(), ErrorCode> {
        if losing == DiskOffering::META.vo {
            return Ok(self.store.forget_offering(uuids).await?);
        }
        for volume in uuids {
            if losing == PrimaryStorage::META.vo {
                // The storage is out of use already and keeps its files; only the record goes.
                self.kernel.bus().call(ReleaseVolumeSpace { volume: *volume }).await?;
            } else {
                self.kernel.bus().call(ExpungeVolume { volume: *volume, task: Uuid::random() }).await?;
            }
        }
        Ok(self.store.remove(uuids).await?)
    }
}

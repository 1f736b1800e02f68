//! What volumes do when something they need goes. Root volumes follow their VM, whose own action expunges them; what is
//! left here is what no VM takes along.

use async_trait::async_trait;
use cumulo_contracts::{
    message::volume::ExpungeVolumes,
    resource::{DiskOffering, PrimaryStorage, Volume},
};
use cumulo_kernel::{
    bus::Handle,
    cascade::{CascadeAction, Effect, Loss, Work, hanging_on},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::Volumes;

pub(crate) const ACCOUNT: &str = "AccountVO";

/// A volume outlives its offering.
const FORGETFUL: Effect = Effect::Changed("without its offering");

#[async_trait]
impl CascadeAction for Volumes {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        let db = self.kernel.db();
        Ok(match loss.losing {
            losing if losing == PrimaryStorage::META.vo => {
                hanging_on(db, Volume::PRIMARY_STORAGE_UUID, loss.uuids).await?
            }
            losing if losing == DiskOffering::META.vo => hanging_on(db, Volume::DISK_OFFERING_UUID, loss.uuids).await?,
            _ => self.store.detached_of(loss.uuids).await?,
        })
    }

    fn effect(&self, losing: &str) -> Effect {
        if losing == DiskOffering::META.vo { FORGETFUL } else { Effect::Deleted }
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        if work.effect == FORGETFUL {
            return Ok(self.store.forget_offering(work.uuids).await?);
        }
        let abandoned = work.doomed.of(PrimaryStorage::META.vo);
        let ask = ExpungeVolumes { volumes: work.uuids.to_vec(), abandoned, task: Uuid::random() };
        match self.handle(ask).await {
            Err(error) if !work.enforcing => Err(error),
            outcome => {
                if let Err(error) = outcome {
                    tracing::warn!(%error, "files of deleted volumes stay where they are");
                }
                Ok(self.kernel.cascade().remove(Volume::META, work.uuids).await?)
            }
        }
    }
}

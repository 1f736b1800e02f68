//! What images do when something they need goes.

use async_trait::async_trait;
use cumulo_contracts::resource::{BackupStorage, Image};
use cumulo_kernel::{
    cascade::{CascadeAction, Effect, Loss, Work, owned_by},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::{Images, config};

pub(crate) const ACCOUNT: &str = "AccountVO";

/// By default an image that is deleted can still be recovered.
const MARKED: Effect = Effect::Changed("marked as deleted");

#[async_trait]
impl CascadeAction for Images {
    /// With a backup storage go the images that are nowhere else.
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(match loss.losing {
            ACCOUNT => owned_by(self.kernel.db(), Image::META.vo, loss.uuids).await?,
            _ => self.store.only_on(loss.uuids).await?,
        })
    }

    fn effect(&self, losing: &str) -> Effect {
        let recoverable = || config::policy(&self.kernel).is_ok_and(|policy| policy != config::Policy::Direct);
        if losing == Image::META.vo && recoverable() { MARKED } else { Effect::Deleted }
    }

    async fn foresee(&self, work: &Work<'_>, _: &Planning) -> Result<(), ErrorCode> {
        for image in work.uuids {
            self.refuse_unfinished(*image).await?;
        }
        Ok(())
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        for image in work.uuids {
            if work.effect == MARKED {
                self.delete(*image, None, Uuid::random()).await?;
                continue;
            }
            if !work.enforcing {
                self.refuse_unfinished(*image).await?;
            }
            // A storage that goes keeps its files; of the others, nobody is left who could recover them.
            let mut copies = self.store.copies(*image).await?;
            copies.retain(|copy| !work.doomed.has(BackupStorage::META.vo, copy.backup_storage_uuid));
            self.expunge(&copies, Uuid::random()).await?;
        }
        if let Effect::Deleted = work.effect {
            self.kernel.cascade().remove(Image::META, work.uuids).await?;
        }
        Ok(())
    }
}

//! With an account go its long jobs: those that have not ended are stopped, and what they did is undone.

use async_trait::async_trait;
use cumulo_kernel::cascade::{CascadeAction, Loss, Work, owned_by};
use cumulo_schema::{ErrorCode, Resource, Uuid, system::LongJob};

use super::LongJobs;

pub(super) const ACCOUNT: &str = "AccountVO";

#[async_trait]
impl CascadeAction for LongJobs {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        Ok(if loss.losing == ACCOUNT {
            owned_by(self.kernel.db(), LongJob::META.vo, loss.uuids).await?
        } else {
            vec![]
        })
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        for long_job in work.uuids {
            self.kernel.long_jobs().abandon(*long_job).await?;
        }
        Ok(())
    }
}

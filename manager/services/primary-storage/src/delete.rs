//! `DeletePrimaryStorage`, and what becomes of storages whose zone goes: the same. Files on hosts stay. A storage on the
//! disks of hosts gets smaller when they go, and what was held there is held no more.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::DeletePrimaryStorage,
    resource::{Host, PrimaryStorage},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Effect, Loss, Work, hanging_on},
    plan::{Planning, effect},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::{PrimaryStorages, store::StorageReservation};

#[async_trait]
impl HandleApi<DeletePrimaryStorage> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, api: DeletePrimaryStorage) -> Result<Empty, ErrorCode> {
        // What is gone is deleted, and what is no id was never there.
        let Ok(uuid) = api.uuid.parse::<Uuid>() else { return Ok(Empty {}) };
        let Some(storage) = self.store.find(uuid).await? else { return Ok(Empty {}) };
        let clusters = self.store.attachments(uuid).await?;
        if !clusters.is_empty() && !cx.enforcing {
            let clusters: Vec<String> = clusters.iter().map(|at| at.cluster_uuid.to_string()).collect();
            return Err(ErrorCode::operation(format!(
                "primary storage {}[uuid:{uuid}] is attached to cluster {}; detach it first",
                storage.name,
                clusters.join(", ")
            )));
        }
        self.kernel.cascade().delete(PrimaryStorage::META.vo, vec![uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

/// What losing hosts means to a storage of their disks.
const SHRUNK: Effect = Effect::Changed("shrunk");

#[async_trait]
impl CascadeAction for PrimaryStorages {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        match loss.losing == Host::META.vo {
            true => Ok(self.store.with_space_on(loss.uuids).await?),
            false => Ok(hanging_on(self.kernel.db(), PrimaryStorage::ZONE_UUID, loss.uuids).await?),
        }
    }

    fn effect(&self, losing: &str) -> Effect {
        if losing == Host::META.vo { SHRUNK } else { Effect::Deleted }
    }

    async fn foresee(&self, work: &Work<'_>, planning: &Planning) -> Result<(), ErrorCode> {
        if work.effect == SHRUNK {
            let held = self.store.held_by_hosts(&work.doomed.of(Host::META.vo)).await?;
            planning.touch(StorageReservation::META.vo, effect::REMOVED, held);
        }
        Ok(())
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        if work.effect == SHRUNK {
            return Ok(self.store.hosts_go(work.uuids, &work.doomed.of(Host::META.vo)).await?);
        }
        Ok(self.kernel.cascade().remove(PrimaryStorage::META, work.uuids).await?)
    }
}

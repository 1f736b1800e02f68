//! Looks now and then whether the backup storages of this node answer, and connects those again that were lost and are back.

use cumulo_contracts::resource::{BackupStorage, StorageStatus};
use cumulo_kernel::bus::{CallContext, Caller};
use cumulo_schema::{ErrorCode, Uuid};
use futures::{StreamExt, stream};

use crate::{BackupStorages, config::Pings};

pub(crate) async fn run(service: BackupStorages) {
    loop {
        let pings = match Pings::read(&service.kernel) {
            Ok(pings) => pings,
            Err(error) => {
                tracing::error!(%error, "backup storages are not looked at any more");
                return;
            }
        };
        tokio::time::sleep(pings.interval).await;
        if let Err(error) = round(&service, pings).await {
            tracing::warn!(%error, "backup storages could not be looked at");
        }
    }
}

async fn round(service: &BackupStorages, pings: Pings) -> Result<(), ErrorCode> {
    let look = |storage: BackupStorage| async move {
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, pings.interval);
        if let Err(error) = context.scope(look_at(service, pings, &storage)).await {
            tracing::warn!(storage = %storage.uuid, %error, "a backup storage could not be looked at");
        }
    };
    let storages = service.store.all().await?;
    let own = storages.into_iter().filter(|storage| service.kernel.cluster().owns(&storage.uuid));
    stream::iter(own).for_each_concurrent(pings.parallelism, look).await;
    Ok(())
}

async fn look_at(service: &BackupStorages, pings: Pings, storage: &BackupStorage) -> Result<(), ErrorCode> {
    let lane = BackupStorages::lane(storage.uuid);
    let answer = service.kernel.queues().run(&lane, 1, answers(service, pings, storage)).await;
    // Whoever connects it meanwhile knows better.
    let Some(now) = service.store.find(storage.uuid).await?.filter(|now| now.status == storage.status) else {
        return Ok(());
    };
    match (answer, now.status) {
        (Ok(()), StorageStatus::Connected) => Ok(()),
        (Ok(()), _) if pings.reconnect => {
            tracing::info!(storage = %now.uuid, "a backup storage answers again");
            service.reconnect(&now, false).await
        }
        (Ok(()), _) | (Err(_), StorageStatus::Disconnected) => Ok(()),
        (Err(error), _) => {
            tracing::warn!(storage = %now.uuid, name = now.name, %error, "a backup storage does not answer any more");
            Ok(service.store.set_status(now.uuid, StorageStatus::Disconnected).await?)
        }
    }
}

async fn answers(service: &BackupStorages, pings: Pings, storage: &BackupStorage) -> Result<(), ErrorCode> {
    let driver = service.driver(&storage.r#type)?;
    let mut outcome = driver.ping(storage).await;
    for _ in 1..pings.tries {
        if outcome.is_ok() {
            break;
        }
        tokio::time::sleep(pings.pause).await;
        outcome = driver.ping(storage).await;
    }
    outcome
}

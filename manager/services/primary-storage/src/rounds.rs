//! Looks at every attached storage of this node now and then: learns what the disks have free, finds those that no host can use, and
//! catches up with hosts that connected while an attachment was being made.

use cumulo_kernel::bus::{CallContext, Caller};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{PrimaryStorages, config};

pub(crate) async fn run(service: PrimaryStorages) {
    loop {
        match config::ping_interval(&service.kernel) {
            Ok(pause) => {
                tokio::time::sleep(pause).await;
                let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, pause);
                if let Err(error) = context.scope(round(&service)).await {
                    tracing::warn!(%error, "primary storages could not be looked at");
                }
            }
            Err(error) => {
                tracing::error!(%error, "primary storages are not looked at any more");
                return;
            }
        }
    }
}

async fn round(service: &PrimaryStorages) -> Result<(), ErrorCode> {
    let storages = service.store.all().await?;
    for storage in storages.into_iter().filter(|storage| service.kernel.cluster().owns(&storage.uuid)) {
        // Why it is not usable was logged, host by host.
        service.look_at(&storage).await?;
    }
    Ok(())
}

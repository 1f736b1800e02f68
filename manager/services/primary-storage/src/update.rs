//! `UpdatePrimaryStorage`. The folder can only change while nothing is in it.

use async_trait::async_trait;
use cumulo_contracts::{api::primary_storage::UpdatePrimaryStorage, resource::PrimaryStorage};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{PrimaryStorages, add_local::folder};

#[async_trait]
impl HandleApi<UpdatePrimaryStorage> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, mut api: UpdatePrimaryStorage) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        let storage = self.store.get(api.uuid).await?;
        if let Some(url) = &api.url {
            let url = folder(url)?;
            if url != storage.url {
                self.refuse_in_use(&storage).await?;
            }
            api.url = Some(url);
        }
        self.store.update(&api).await?;
        cx.inventory::<PrimaryStorage>(&api.uuid).await
    }
}

impl PrimaryStorages {
    async fn refuse_in_use(&self, storage: &PrimaryStorage) -> Result<(), ErrorCode> {
        let clusters = self.store.attachments(storage.uuid).await?.len();
        let held = self.store.reserved_on(storage.uuid).await?;
        if clusters == 0 && held == 0 {
            return Ok(());
        }
        Err(ErrorCode::operation(format!(
            "the url of primary storage {}[uuid:{}] cannot change while it is attached to {clusters} clusters and holds \
             {held} volumes and images; add another storage instead",
            storage.name, storage.uuid
        )))
    }
}

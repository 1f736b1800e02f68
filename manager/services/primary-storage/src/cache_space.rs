//! `HoldCacheSpace` and `ReleaseCacheSpace`: the copies of images that volumes start from take space too.

use async_trait::async_trait;
use cumulo_contracts::message::storage::{HoldCacheSpace, ReleaseCacheSpace};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::{
    PrimaryStorages, config,
    size::mib,
    store::{Hold, Holding, cache_reservation},
};

#[async_trait]
impl Handle<HoldCacheSpace> for PrimaryStorages {
    async fn handle(&self, ask: HoldCacheSpace) -> Result<(), ErrorCode> {
        let storage = self.store.get(ask.primary_storage).await?;
        let hold = Hold {
            uuid: cache_reservation(storage.uuid, ask.host, ask.image),
            storage: storage.uuid,
            host: ask.host,
            per_host: self.driver(&storage.r#type)?.is_per_host(),
            install_path: String::new(),
            size: ask.size,
            floor: config::reserved(&self.kernel)?,
        };
        match self.store.hold(&hold).await? {
            Holding::Held => Ok(()),
            Holding::Lacking => {
                let host = self.store.host(ask.host).await?;
                Err(ErrorCode::operation(format!(
                    "primary storage {}[uuid:{}] has no room on host {}[uuid:{}] for a copy of image {} of {}; delete \
                     volumes there or add storage",
                    storage.name,
                    storage.uuid,
                    host.name,
                    host.uuid,
                    ask.image,
                    mib(ask.size)
                )))
            }
        }
    }
}

#[async_trait]
impl Handle<ReleaseCacheSpace> for PrimaryStorages {
    async fn handle(&self, message: ReleaseCacheSpace) -> Result<(), ErrorCode> {
        let held = cache_reservation(message.primary_storage, message.host, message.image);
        Ok(self.store.give_back(held).await?)
    }
}

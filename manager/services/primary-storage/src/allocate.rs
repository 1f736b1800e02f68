//! `AllocateVolumeSpace` and `LocateVolumeSpace`: where a volume goes, and where it went.

use async_trait::async_trait;
use cumulo_contracts::{
    message::storage::{AllocateVolumeSpace, LocateVolumeSpace, VolumeSpace},
    resource::{Host, PrimaryStorage},
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::{
    PrimaryStorages, config,
    offers::Need,
    size::mib,
    store::{Hold, Holding, StorageReservation},
};

#[async_trait]
impl Handle<AllocateVolumeSpace> for PrimaryStorages {
    async fn handle(&self, ask: AllocateVolumeSpace) -> Result<VolumeSpace, ErrorCode> {
        if let Some(held) = self.store.reservation(ask.volume).await? {
            return self.space(held).await;
        }
        let host = self.store.host(ask.host).await?;
        let size = config::held(&self.kernel, ask.size)?;
        let need = Need { volume: size, image: ask.image, only: ask.primary_storage, tags: ask.storage_tags };
        let offers = self.offers(need, &[(host.uuid, host.cluster_uuid)]).await?;
        let candidates = offers.of(host.uuid, host.cluster_uuid).map_err(|why| no_space(&host, ask.size, &why))?;
        for offer in candidates {
            let hold = Hold {
                uuid: ask.volume,
                storage: offer.storage.uuid,
                host: host.uuid,
                per_host: offer.driver.is_per_host(),
                install_path: offer.driver.volume_path(&offer.storage, ask.account, ask.volume),
                size,
                floor: offers.floor,
            };
            if self.store.hold(&hold).await? == Holding::Held {
                // Read back: a call for the same volume may have been faster, with another storage.
                let held = self.store.reservation(ask.volume).await?;
                let gone = || ErrorCode::operation(format!("the space of volume {} was given back", ask.volume));
                return self.space(held.ok_or_else(gone)?).await;
            }
        }
        Err(no_space(&host, ask.size, "others were faster"))
    }
}

#[async_trait]
impl Handle<LocateVolumeSpace> for PrimaryStorages {
    async fn handle(&self, ask: LocateVolumeSpace) -> Result<Option<VolumeSpace>, ErrorCode> {
        match self.store.reservation(ask.volume).await? {
            Some(held) => self.space(held).await.map(Some),
            None => Ok(None),
        }
    }
}

impl PrimaryStorages {
    async fn space(&self, held: StorageReservation) -> Result<VolumeSpace, ErrorCode> {
        let storage = self.store.get(held.primary_storage_uuid).await?;
        let host = self.working_host(&held, &storage).await?;
        Ok(VolumeSpace {
            primary_storage: storage.uuid,
            primary_storage_type: storage.r#type,
            install_path: held.install_path,
            host,
        })
    }

    /// The host that the volume is on; for a shared storage any that is connected, preferably the one that used it.
    async fn working_host(
        &self,
        held: &StorageReservation,
        storage: &PrimaryStorage,
    ) -> Result<cumulo_schema::Uuid, ErrorCode> {
        if held.per_host {
            return Ok(held.host_uuid);
        }
        let clusters: Vec<_> = self.store.attachments(storage.uuid).await?.iter().map(|at| at.cluster_uuid).collect();
        let hosts = self.store.connected_hosts_of(&clusters).await?;
        let usual = hosts.iter().find(|host| host.uuid == held.host_uuid).or_else(|| hosts.first());
        Ok(usual.map_or(held.host_uuid, |host| host.uuid))
    }
}

fn no_space(host: &Host, size: i64, why: &str) -> ErrorCode {
    ErrorCode::operation(format!(
        "no primary storage on host {}[uuid:{}] takes a volume of {}: {why}; delete volumes there or add storage",
        host.name,
        host.uuid,
        mib(size)
    ))
}

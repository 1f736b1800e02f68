//! `LocateRootVolume`: whatever speaks against making an image of it is said before anything is begun.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::VolumePlace,
    message::{
        storage::LocateVolumeSpace,
        volume::{LocateRootVolume, RootVolume},
    },
    resource::{Host, HostStatus, VolumeStatus, VolumeType},
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Uuid};

use crate::Volumes;

#[async_trait]
impl Handle<LocateRootVolume> for Volumes {
    async fn handle(&self, ask: LocateRootVolume) -> Result<RootVolume, ErrorCode> {
        let volume = self.store.get(ask.volume).await?;
        let name = format!("volume {}[uuid:{}]", volume.name, volume.uuid);
        if volume.r#type != VolumeType::Root {
            let text = format!("{name} is of type {}; name the root volume of a VM", volume.r#type);
            return Err(ErrorCode::invalid(text));
        }
        if volume.status != VolumeStatus::Ready {
            return Err(ErrorCode::operation(format!("{name} is {}; it must be Ready", volume.status)));
        }
        let lost = || ErrorCode::internal(format!("{name} is ready, but nothing says where it is"));
        let (vm, format) = volume.vm_instance_uuid.zip(volume.format.clone()).ok_or_else(lost)?;
        let space = self.kernel.bus().call(LocateVolumeSpace { volume: volume.uuid }).await?.ok_or_else(lost)?;
        let (storage, _) = self.storage(space.primary_storage).await?;
        let transports = self.exporter(&storage)?.transports().to_vec();
        self.refuse_away(space.host, &name).await?;
        let place = VolumePlace { volume: volume.uuid, host: space.host, install_path: space.install_path };
        Ok(RootVolume { storage: storage.uuid, zone: storage.zone_uuid, place, vm, format, transports })
    }
}

impl Volumes {
    /// Refuses a host that would not answer.
    async fn refuse_away(&self, host: Uuid, volume: &str) -> Result<(), ErrorCode> {
        let host = self.kernel.db().find(Host::UUID, &host).await?.ok_or_else(|| ErrorCode::not_found("Host", host))?;
        match host.status {
            HostStatus::Connected => Ok(()),
            status => Err(ErrorCode::operation(format!(
                "host {}[uuid:{}], from which {volume} is reached, is {status}; reconnect it first",
                host.name, host.uuid
            ))),
        }
    }
}

//! `VolumesOfVm`.

use async_trait::async_trait;
use cumulo_contracts::message::volume::{VolumeOnHost, VolumesOfVm};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::{Volumes, store::on_host};

#[async_trait]
impl Handle<VolumesOfVm> for Volumes {
    async fn handle(&self, ask: VolumesOfVm) -> Result<Vec<VolumeOnHost>, ErrorCode> {
        let mut volumes = self.store.ready_of_vm(ask.vm).await?;
        volumes.sort_by_key(|volume| volume.device_id);
        volumes.iter().map(on_host).collect()
    }
}

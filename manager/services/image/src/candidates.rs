//! `GetCandidateBackupStorageForCreatingImage`: where an image of a volume can go.
//!
//! Hosts reach the backup storages of their zone, so these are it, as far as they take something now, and take it in the way
//! in which the volume's primary storage gives it.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::GetCandidateBackupStorageForCreatingImage, ext::storage::VolumeExporter, resource::BackupStorage,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::Filter,
};
use cumulo_schema::{ErrorCode, Inventories, Resource};

use crate::{Images, interdependent::one_of};

#[async_trait]
impl HandleApi<GetCandidateBackupStorageForCreatingImage> for Images {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidateBackupStorageForCreatingImage,
    ) -> Result<Inventories<BackupStorage>, ErrorCode> {
        // There are no snapshots, so no id is one's.
        if let Some(snapshot) = api.volume_snapshot_uuid {
            return Err(ErrorCode::not_found("VolumeSnapshot", snapshot));
        }
        let uuid = api.volume_uuid.ok_or_else(|| ErrorCode::invalid("field[volumeUuid] must be given"))?;
        let volume = self.store.volume(uuid).await?.ok_or_else(|| ErrorCode::not_found("Volume", uuid))?;
        let storage = match volume.primary_storage_uuid {
            Some(storage) => self.store.primary_storage(storage).await?,
            None => None,
        };
        let storage = storage.ok_or_else(|| {
            let how = match volume.vm_instance_uuid {
                Some(vm) => format!("start VM {vm} once"),
                None => "attach it to a VM and start that once".to_owned(),
            };
            let text = format!("volume {uuid} is on no primary storage; {how}, so that there is something");
            ErrorCode::operation(text)
        })?;
        let exporter = self.kernel.registry().driver::<dyn VolumeExporter>("images of volumes", &storage.r#type);
        let transports = exporter.map(|exporter| exporter.transports()).unwrap_or_default();
        let mut near = Vec::new();
        for uuid in self.store.storages_of_zone(storage.zone_uuid).await? {
            if self.receiver(&self.store.backup_storage(uuid).await?, transports).is_ok() {
                near.push(uuid);
            }
        }
        let filters =
            vec![one_of("uuid", &near), Filter::equals("state", "Enabled"), Filter::equals("status", "Connected")];
        let found = if near.is_empty() { vec![] } else { self.list(cx, BackupStorage::META, filters).await? };
        Ok(Inventories::new(Some(found), None))
    }
}

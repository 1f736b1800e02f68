//! In a cloud that has both, what is real and what is simulated stay apart: a VM of a real image must not end up as a row
//! in a table, and no real host can fetch an image that there is not.
//!
//! A cloud of one kind is not asked anything here. Where a VM has volumes already, they say where it goes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::host::{HostCandidate, HostFilter, HostRequest},
    resource::{BackupStorage, ImageBackupStorageRef},
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{BACKUP_STORAGE, HYPERVISOR, Simulator};

#[async_trait]
impl HostFilter for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    async fn refused(
        &self,
        request: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let is_simulated = |host: &HostCandidate| host.hypervisor_type == HYPERVISOR;
        let is_mixed = candidates.iter().any(is_simulated) && !candidates.iter().all(is_simulated);
        let Some(image) = request.image.filter(|_| is_mixed) else { return Ok(BTreeMap::new()) };
        let db = self.kernel.db();
        let copies = db.select().eq(ImageBackupStorageRef::IMAGE_UUID, &image).all().await?;
        let storages: Vec<Uuid> = copies.into_iter().map(|copy| copy.backup_storage_uuid).collect();
        let storages = db.select::<BackupStorage>().one_of(BackupStorage::UUID, &storages).all().await?;
        let (simulated, real): (Vec<_>, Vec<_>) = storages.iter().partition(|storage| storage.r#type == BACKUP_STORAGE);
        let refusal = |host: &HostCandidate| match is_simulated(host) {
            true if simulated.is_empty() => Some(format!("it is simulated and image {image} is real")),
            false if real.is_empty() => Some(format!("it is real and image {image} is simulated")),
            _ => None,
        };
        Ok(candidates.iter().filter_map(|host| Some((host.host, refusal(host)?))).collect())
    }
}

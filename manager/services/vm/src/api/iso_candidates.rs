//! `GetCandidateIsoForAttachingVm` and `GetCandidateVmForAttachingIso`: what an attachment would not refuse, of what the
//! caller may see.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_cdrom::{
        GetCandidateIsoForAttachingVm, GetCandidateIsoForAttachingVmReply, GetCandidateVmForAttachingIso,
        GetCandidateVmForAttachingIsoReply,
    },
    resource::{BackupStorageZoneRef, Image, ImageBackupStorageRef, VmCdRom, VmInstance},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Name, Op, Select},
};
use cumulo_schema::{ErrorCode, Resource, ResourceMeta, Uuid};
use serde_json::Value;

use crate::{Vms, cdrom, flow::disc, store};

#[async_trait]
impl HandleApi<GetCandidateIsoForAttachingVm> for Vms {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidateIsoForAttachingVm,
    ) -> Result<GetCandidateIsoForAttachingVmReply, ErrorCode> {
        let db = self.kernel.db();
        let vm = store::find(db, api.vm_instance_uuid).await?;
        let drives = cdrom::of_vm(db, vm.uuid).await?;
        if drives.iter().all(|drive| drive.iso_uuid.is_some()) {
            return Ok(GetCandidateIsoForAttachingVmReply { inventories: vec![] });
        }
        let mut filters = vec![
            Filter::equals("mediaType", "ISO"),
            Filter::equals("status", "Ready"),
            Filter::equals("state", "Enabled"),
            among("uuid", Op::NotIn, drives.iter().filter_map(|drive| drive.iso_uuid)),
        ];
        // One that was never started may go to any zone.
        if let Some(zone) = vm.zone_uuid {
            let storages = db.select::<BackupStorageZoneRef>().eq(BackupStorageZoneRef::ZONE_UUID, &zone).all().await?;
            let storages = storages.into_iter().map(|at| at.backup_storage_uuid);
            filters.push(among("backupStorageRefs.backupStorageUuid", Op::In, storages));
        }
        Ok(GetCandidateIsoForAttachingVmReply { inventories: self.list(cx, Image::META, filters).await? })
    }
}

#[async_trait]
impl HandleApi<GetCandidateVmForAttachingIso> for Vms {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidateVmForAttachingIso,
    ) -> Result<GetCandidateVmForAttachingIsoReply, ErrorCode> {
        let db = self.kernel.db();
        cdrom::check_iso(db, api.iso_uuid).await?;
        let copies = db.select().eq(ImageBackupStorageRef::IMAGE_UUID, &api.iso_uuid).all().await?;
        let storages: Vec<Uuid> = copies.into_iter().map(|copy| copy.backup_storage_uuid).collect();
        let zones = db.select().one_of(BackupStorageZoneRef::BACKUP_STORAGE_UUID, &storages).all().await?;
        let zones: BTreeSet<Uuid> = zones.into_iter().map(|at: BackupStorageZoneRef| at.zone_uuid).collect();
        let with_it = db.select::<VmCdRom>().eq(VmCdRom::ISO_UUID, &Some(api.iso_uuid)).all().await?;
        let states = disc::CHANGEABLE.iter().map(|state| state.as_str().to_owned()).collect();
        let filters = vec![
            Filter::Compare { path: Name::new("state"), op: Op::In, values: states },
            Filter::Any(vec![
                among("zoneUuid", Op::In, zones.into_iter()),
                Filter::Compare { path: Name::new("zoneUuid"), op: Op::IsNull, values: vec![] },
            ]),
            Filter::Compare { path: Name::new("vmCdRoms.isoUuid"), op: Op::IsNull, values: vec![] },
            among("uuid", Op::NotIn, with_it.into_iter().map(|drive| drive.vm_instance_uuid)),
        ];
        Ok(GetCandidateVmForAttachingIsoReply { inventories: self.list(cx, VmInstance::META, filters).await? })
    }
}

fn among(path: &str, op: Op, uuids: impl Iterator<Item = Uuid>) -> Filter {
    Filter::Compare { path: Name::new(path), op, values: uuids.map(|uuid| uuid.to_string()).collect() }
}

impl Vms {
    async fn list(
        &self,
        cx: &ApiCx,
        target: &'static ResourceMeta,
        filters: Vec<Filter>,
    ) -> Result<Vec<Value>, ErrorCode> {
        let select = Select { filter: Filter::All(filters), ..Select::of(target) };
        let found = self.kernel.query().run(&cx.caller, &select).await?;
        Ok(found.inventories.unwrap_or_default().into_iter().map(Value::Object).collect())
    }
}

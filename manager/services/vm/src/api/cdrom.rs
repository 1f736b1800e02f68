//! `CreateVmCdRom`, `DeleteVmCdRom`, `UpdateVmCdRom` and `SetVmInstanceDefaultCdRom`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_cdrom::{CreateVmCdRom, DeleteVmCdRom, SetVmInstanceDefaultCdRom, UpdateVmCdRom},
    resource::{VmCdRom, VmInstance},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{Empty, ErrorCode, Inventory, Resource, Uuid};

use crate::{
    Vms,
    cdrom::{self, CHANGEABLE, NewDrive},
    store,
};

impl Vms {
    /// The VM `uuid`, whose drives may come and go now.
    async fn with_changeable_drives(&self, uuid: Uuid) -> Result<VmInstance, ErrorCode> {
        let vm = store::find(self.kernel.db(), uuid).await?;
        match CHANGEABLE.contains(&vm.state) {
            true => Ok(vm),
            false => Err(ErrorCode::operation("stop the VM to change its CD drives")
                .because(store::wrong_state(&vm, &CHANGEABLE))),
        }
    }

    /// Changes of the drives of one VM are made one after another.
    async fn change_drives<T>(
        &self,
        vm: Uuid,
        change: impl Future<Output = Result<T, ErrorCode>>,
    ) -> Result<T, ErrorCode> {
        self.kernel.alone(&format!("vm-drives:{vm}"), change).await
    }
}

#[async_trait]
impl HandleApi<CreateVmCdRom> for Vms {
    async fn handle(&self, cx: &ApiCx, api: CreateVmCdRom) -> Result<Inventory<VmCdRom>, ErrorCode> {
        let db = self.kernel.db();
        if let Some(iso) = api.iso_uuid {
            cdrom::check_iso(db, iso).await?;
        }
        let create = async {
            if db.find(VmCdRom::UUID, &cx.resource_uuid).await?.is_some() {
                return Ok(());
            }
            let vm = self.with_changeable_drives(api.vm_instance_uuid).await?;
            let there = cdrom::of_vm(db, vm.uuid).await?;
            cdrom::check_count(&self.kernel, there.len() + 1)?;
            if let Some(iso) = api.iso_uuid {
                refuse_second(&vm, &there, iso)?;
            }
            let free = (0..).find(|place| there.iter().all(|drive| drive.device_id != *place));
            let drive = NewDrive { uuid: cx.resource_uuid, device_id: free.unwrap_or_default(), iso: api.iso_uuid };
            let row = VmCdRom { name: api.name, description: api.description, ..drive.row(vm.uuid) };
            let account = ownership::owner_or_admin(db, vm.uuid).await?;
            let mut batch = db.batch();
            cdrom::expect_unmoved(&mut batch, &vm);
            cdrom::insert(&mut batch, &row, account, &cx.tags);
            Ok(db.commit(batch).await.map(drop)?)
        };
        self.change_drives(api.vm_instance_uuid, create).await?;
        cx.inventory(&cx.resource_uuid).await
    }
}

/// Refuses an image that is in a drive of the VM already.
pub(crate) fn refuse_second(vm: &VmInstance, drives: &[VmCdRom], iso: Uuid) -> Result<(), ErrorCode> {
    match drives.iter().find(|drive| drive.iso_uuid == Some(iso)) {
        None => Ok(()),
        Some(drive) => Err(ErrorCode::operation(format!(
            "ISO image {iso} is in CD drive {} of VM {}[uuid:{}] already",
            drive.uuid, vm.name, vm.uuid
        ))),
    }
}

#[async_trait]
impl HandleApi<DeleteVmCdRom> for Vms {
    async fn handle(&self, _: &ApiCx, api: DeleteVmCdRom) -> Result<Empty, ErrorCode> {
        let Some(drive) = self.kernel.db().find(VmCdRom::UUID, &api.uuid).await? else { return Ok(Empty {}) };
        let delete = async {
            let vm = self.with_changeable_drives(drive.vm_instance_uuid).await?;
            let mut batch = self.kernel.cascade().removal(VmCdRom::META, &[drive.uuid]).await?;
            cdrom::expect_unmoved(&mut batch, &vm);
            Ok(self.kernel.db().commit(batch).await.map(drop)?)
        };
        self.change_drives(drive.vm_instance_uuid, delete).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl HandleApi<UpdateVmCdRom> for Vms {
    async fn handle(&self, cx: &ApiCx, api: UpdateVmCdRom) -> Result<Inventory<VmCdRom>, ErrorCode> {
        let mut batch = self.kernel.db().batch();
        batch
            .update::<VmCdRom>()
            .set_some(VmCdRom::NAME, api.name.as_ref())
            .set_some(VmCdRom::DESCRIPTION, api.description.map(Some).as_ref())
            .eq(VmCdRom::UUID, &api.uuid)
            .expect(format!("CD drive {} is gone", api.uuid));
        self.kernel.db().commit(batch).await?;
        cx.inventory(&api.uuid).await
    }
}

#[async_trait]
impl HandleApi<SetVmInstanceDefaultCdRom> for Vms {
    /// The drive changes places with the first one.
    async fn handle(&self, cx: &ApiCx, api: SetVmInstanceDefaultCdRom) -> Result<Inventory<VmCdRom>, ErrorCode> {
        let db = self.kernel.db();
        let swap = async {
            let vm = self.with_changeable_drives(api.vm_instance_uuid).await?;
            let drive = cdrom::find(db, api.uuid).await?;
            if drive.vm_instance_uuid != vm.uuid {
                let text = format!("CD drive {} is of VM {}, not of {}", drive.uuid, drive.vm_instance_uuid, vm.uuid);
                return Err(ErrorCode::invalid(text));
            }
            let there = cdrom::of_vm(db, vm.uuid).await?;
            let mut batch = db.batch();
            cdrom::expect_unmoved(&mut batch, &vm);
            let mut place = |drive: Uuid, place: i32| {
                let update = batch.update::<VmCdRom>().set(VmCdRom::DEVICE_ID, &place).eq(VmCdRom::UUID, &drive);
                update.expect(format!("CD drive {drive} is gone"));
            };
            if let Some(first) = there.first().filter(|first| first.uuid != drive.uuid) {
                place(first.uuid, drive.device_id);
                place(drive.uuid, first.device_id);
            }
            Ok(db.commit(batch).await.map(drop)?)
        };
        self.change_drives(api.vm_instance_uuid, swap).await?;
        cx.inventory(&api.uuid).await
    }
}

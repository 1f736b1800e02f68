//! The steps by which a disc is changed.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::CdRomSpec,
    resource::{VmCdRom, VmInstance},
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use super::{CHANGEABLE, ChangeDisc, Choice, Wish};
use crate::{
    Vms,
    api::{self, cdrom::refuse_second},
    cdrom::{self, Disc},
    flow::nic::running_on,
    store::{self, Place},
};

/// Chooses the drive.
pub(super) struct Choose(pub(super) Arc<Vms>);

impl Choose {
    async fn choose(&self, cx: &StepCx<ChangeDisc>) -> Result<Choice, ErrorCode> {
        let db = self.0.kernel.db();
        let vm = store::find(db, cx.vm).await?;
        if !CHANGEABLE.contains(&vm.state) {
            return Err(store::wrong_state(&vm, &CHANGEABLE));
        }
        let drives = cdrom::of_vm(db, vm.uuid).await?;
        let (drive, after) = match &cx.wish {
            Wish::Insert { iso, drive } => {
                refuse_second(&vm, &drives, *iso)?;
                (empty(&vm, &drives, *drive)?, Some(Disc { iso: *iso, path: None }))
            }
            Wish::Eject { iso } => (loaded(&vm, &drives, *iso)?, None),
        };
        Ok(Choice {
            drive: drive.uuid,
            device_id: drive.device_id,
            before: cdrom::disc(drive),
            after,
            on: running_on(&vm),
        })
    }
}

fn empty<'d>(vm: &VmInstance, drives: &'d [VmCdRom], named: Option<Uuid>) -> Result<&'d VmCdRom, ErrorCode> {
    let name = format!("VM {}[uuid:{}]", vm.name, vm.uuid);
    if let Some(named) = named {
        let drive = drives.iter().find(|drive| drive.uuid == named);
        let drive = drive.ok_or_else(|| ErrorCode::invalid(format!("{name} has no CD drive {named}")))?;
        return match drive.iso_uuid {
            None => Ok(drive),
            Some(iso) => {
                let text = format!("CD drive {named} of {name} holds ISO image {iso}; detach that first");
                Err(ErrorCode::operation(text))
            }
        };
    }
    let full = || match drives.is_empty() {
        true => format!("{name} has no CD drive; stop it and give it one with CreateVmCdRom"),
        false => format!("every CD drive of {name} holds an ISO image; detach one first"),
    };
    drives.iter().find(|drive| drive.iso_uuid.is_none()).ok_or_else(|| ErrorCode::operation(full()))
}

fn loaded<'d>(vm: &VmInstance, drives: &'d [VmCdRom], named: Option<Uuid>) -> Result<&'d VmCdRom, ErrorCode> {
    let name = format!("VM {}[uuid:{}]", vm.name, vm.uuid);
    let mut loaded =
        drives.iter().filter(|drive| drive.iso_uuid.is_some_and(|iso| named.is_none_or(|named| named == iso)));
    match (loaded.next(), loaded.next(), named) {
        (Some(drive), None, _) => Ok(drive),
        (None, _, Some(iso)) => Err(ErrorCode::operation(format!("no CD drive of {name} holds ISO image {iso}"))),
        (None, _, None) => Err(ErrorCode::operation(format!("no CD drive of {name} holds an ISO image"))),
        (Some(_), Some(_), _) => {
            Err(ErrorCode::operation(format!("{name} has several ISO images; say which with isoUuid")))
        }
    }
}

fn chosen(cx: &StepCx<ChangeDisc>) -> Result<&Choice, ErrorCode> {
    cx.choice.as_ref().ok_or_else(|| ErrorCode::internal("no CD drive was chosen before this step"))
}

#[async_trait]
impl Step<ChangeDisc> for Choose {
    fn name(&self) -> &'static str {
        "choose-drive"
    }

    fn describe(&self) -> &'static str {
        "looks which CD drive it is"
    }

    async fn foresee(&self, cx: &StepCx<ChangeDisc>, planning: &Planning) -> Result<(), ErrorCode> {
        let choice = self.choose(cx).await?;
        planning.touch(VmCdRom::META.vo, effect::CHANGED, [choice.drive]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        cx.choice = Some(self.choose(cx).await?);
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Brings the image to the host where the VM runs. The copy stays: it is a cache.
pub(super) struct Fetch(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeDisc> for Fetch {
    fn name(&self) -> &'static str {
        "fetch-iso"
    }

    fn describe(&self) -> &'static str {
        "brings the image to the host, where the VM runs"
    }

    async fn run(&self, cx: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        let choice = chosen(cx)?;
        let (Some(on), Some(disc)) = (&choice.on, &choice.after) else { return Ok(()) };
        let vm = store::find(self.0.kernel.db(), cx.vm).await?;
        let (Some(zone), Some(cluster)) = (vm.zone_uuid, vm.cluster_uuid) else {
            return Err(ErrorCode::internal(format!("VM {} runs and is in no cluster", vm.uuid)));
        };
        let place = Place { zone, cluster, host: on.host };
        let path = api::spec::fetch_iso(&self.0, &vm, place, disc.iso, cx.task("iso")).await?;
        if let Some(disc) = cx.choice.as_mut().and_then(|choice| choice.after.as_mut()) {
            disc.path = Some(path);
        }
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Records what is in the drive.
pub(super) struct Record(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeDisc> for Record {
    fn name(&self) -> &'static str {
        "record-disc"
    }

    fn describe(&self) -> &'static str {
        "records what is in the drive"
    }

    async fn run(&self, cx: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        let choice = chosen(cx)?;
        cdrom::set_disc(self.0.kernel.db(), choice.drive, choice.after.as_ref()).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        let Some(choice) = &cx.choice else { return Ok(()) };
        cdrom::set_disc(self.0.kernel.db(), choice.drive, choice.before.as_ref()).await
    }
}

/// Changes the disc in the running guest.
pub(super) struct Load(pub(super) Arc<Vms>);

impl Load {
    async fn load(&self, cx: &StepCx<ChangeDisc>, disc: Option<&Disc>) -> Result<(), ErrorCode> {
        let choice = chosen(cx)?;
        let Some(on) = &choice.on else { return Ok(()) };
        let drive = CdRomSpec { device_id: choice.device_id, path: disc.and_then(|disc| disc.path.clone()) };
        let hypervisor = self.0.hypervisor(&on.hypervisor)?;
        hypervisor.load_cd_rom(on.host, cx.task("load"), cx.vm, &drive).await
    }
}

#[async_trait]
impl Step<ChangeDisc> for Load {
    fn name(&self) -> &'static str {
        "load-disc"
    }

    fn describe(&self) -> &'static str {
        "changes the disc in the guest, where that runs"
    }

    async fn run(&self, cx: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        self.load(cx, chosen(cx)?.after.as_ref()).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeDisc>) -> Result<(), ErrorCode> {
        match &cx.choice {
            Some(choice) => self.load(cx, choice.before.as_ref()).await,
            None => Ok(()),
        }
    }
}

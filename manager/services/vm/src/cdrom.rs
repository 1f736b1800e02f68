//! CD drives of VMs: how many there are, what a new VM gets, which images can be in them.

use std::collections::HashMap;

use cumulo_contracts::resource::{Image, ImageMediaType, ImageStatus, ResourceState, VmCdRom, VmInstance, VmState};
use cumulo_kernel::{
    Kernel,
    api::ApiCx,
    config::{ConfigDef, ConfigRule},
    db::{Batch, Db, DbError},
    ownership::{self, NewTags},
    query::{Filter, Select},
    tag::TagDef,
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

const VM: &str = "VmInstanceVO";
/// What a machine with IDE has room for, beside one place that is kept free.
const MOST: i64 = 3;

pub(crate) const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: "vm",
        name: "vmDefaultCdRomNum",
        description: "How many CD drives a VM is made with, where nobody says",
        default: "1",
        rule: ConfigRule::Integer(0, MOST),
    },
    ConfigDef {
        category: "vm",
        name: "maximumCdRomNum",
        description: "How many CD drives a VM may have",
        default: "3",
        rule: ConfigRule::Integer(1, MOST),
    },
];

const WITHOUT: TagDef = TagDef {
    resource: VM,
    pattern: "createWithoutCdRom::{createWithoutCdRom}",
    doc: "With `true`, the VM is made without CD drives.",
    check: check_without,
};
const DISCS: TagDef = TagDef {
    resource: VM,
    pattern: "cdroms::{cdrom0}::{cdrom1}::{cdrom2}",
    doc: "The CD drives that the VM is made with: the id of the ISO image in each, `empty`, or `none` for no drive.",
    check: check_discs,
};
/// Comes with `AttachIsoToVmInstance`, which it steers.
pub(crate) const DRIVE: TagDef = TagDef {
    resource: VM,
    pattern: "cdromUuid::{cdromUuid}",
    doc: "The CD drive that an ISO image goes into.",
    check: check_drive,
};

pub(crate) const TAGS: &[TagDef] = &[WITHOUT, DISCS, DRIVE];

fn check_without(tokens: &HashMap<String, String>) -> Result<(), String> {
    match tokens["createWithoutCdRom"].parse::<bool>() {
        Ok(_) => Ok(()),
        Err(_) => Err("say true or false".to_owned()),
    }
}

fn check_discs(tokens: &HashMap<String, String>) -> Result<(), String> {
    tokens.values().try_for_each(|token| slot(token).map(drop))
}

fn check_drive(tokens: &HashMap<String, String>) -> Result<(), String> {
    tokens["cdromUuid"].parse::<Uuid>().map(drop).map_err(|bad| bad.to_string())
}

/// What is said of one drive: that there is none, an empty one, or one with an image.
fn slot(token: &str) -> Result<Option<Option<Uuid>>, String> {
    match token {
        "none" => Ok(None),
        "empty" => Ok(Some(None)),
        iso => {
            iso.parse().map(|iso| Some(Some(iso))).map_err(|_| format!("'{iso}' is no id, and neither empty nor none"))
        }
    }
}

/// A drive that a VM is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDrive {
    /// Its id.
    pub uuid: Uuid,
    /// Its place.
    pub device_id: i32,
    /// The image in it.
    pub iso: Option<Uuid>,
}

impl NewDrive {
    /// The row of it.
    pub(crate) fn row(&self, vm: Uuid) -> VmCdRom {
        let now = Timestamp::now();
        VmCdRom {
            uuid: self.uuid,
            vm_instance_uuid: vm,
            device_id: self.device_id,
            iso_uuid: self.iso,
            iso_install_path: None,
            name: format!("CD-ROM {}", self.device_id),
            description: None,
            protocol: None,
            create_date: now,
            last_op_date: now,
        }
    }
}

/// The drives of a new VM, from its tags and from `install`, the ISO image that it installs itself from.
///
/// # Errors
/// When an image cannot be in a drive, or is another's.
pub(crate) async fn wanted(kernel: &Kernel, cx: &ApiCx, install: Option<Uuid>) -> Result<Vec<NewDrive>, ErrorCode> {
    let said = |def: &TagDef| cx.tags.system.iter().find_map(|tag| def.tokens(tag));
    let mut discs: Vec<Option<Uuid>> = match said(&DISCS) {
        Some(tokens) => {
            let slots = ["cdrom0", "cdrom1", "cdrom2"].map(|name| slot(&tokens[name]).map_err(ErrorCode::invalid));
            slots.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
        }
        None if said(&WITHOUT).is_some_and(|tokens| tokens["createWithoutCdRom"] == "true") => vec![],
        None => vec![None; kernel.configs().get::<usize>("vm", "vmDefaultCdRomNum")?],
    };
    for iso in discs.iter().flatten() {
        check_visible(kernel, cx, *iso).await?;
        check_iso(kernel.db(), *iso).await?;
    }
    if let Some(install) = install.filter(|install| !discs.contains(&Some(*install))) {
        match discs.iter_mut().find(|disc| disc.is_none()) {
            Some(empty) => *empty = Some(install),
            None => discs.insert(0, Some(install)),
        }
    }
    check_count(kernel, discs.len())?;
    let drive = |(place, iso)| NewDrive {
        uuid: cx.resource_uuid.derive(&format!("cd-rom/{place}")),
        device_id: i32::try_from(place).unwrap_or(i32::MAX),
        iso,
    };
    Ok(discs.into_iter().enumerate().map(drive).collect())
}

/// Refuses more drives than a VM may have.
///
/// # Errors
/// When there are.
pub(crate) fn check_count(kernel: &Kernel, count: usize) -> Result<(), ErrorCode> {
    let most: usize = kernel.configs().get("vm", "maximumCdRomNum")?;
    match count <= most {
        true => Ok(()),
        false => Err(ErrorCode::operation(format!("a VM may have {most} CD drives, not {count}"))),
    }
}

/// Refuses an image that the caller of a tag may not see, as the check of a parameter does.
async fn check_visible(kernel: &Kernel, cx: &ApiCx, iso: Uuid) -> Result<(), ErrorCode> {
    let select = Select { filter: Filter::equals("uuid", iso.to_string()), ..Select::of(Image::META) };
    let found = kernel.query().run(&cx.caller, &select).await?.inventories.unwrap_or_default();
    if found.is_empty() { Err(ErrorCode::not_found("Image", iso)) } else { Ok(()) }
}

/// Refuses an image that cannot be in a drive now.
///
/// # Errors
/// Says why.
pub(crate) async fn check_iso(db: &Db, iso: Uuid) -> Result<(), ErrorCode> {
    let image = db.find(Image::UUID, &iso).await?.ok_or_else(|| ErrorCode::not_found("Image", iso))?;
    let name = format!("image {}[uuid:{iso}]", image.name);
    if image.media_type != ImageMediaType::Iso {
        let text = format!("{name} is a {}; a CD drive takes those of mediaType ISO", image.media_type);
        return Err(ErrorCode::invalid(text));
    }
    if image.status != ImageStatus::Ready || image.state != ResourceState::Enabled {
        let text = format!("{name} is {} and {}; it must be Ready and Enabled", image.status, image.state);
        return Err(ErrorCode::operation(text));
    }
    Ok(())
}

/// The drives of a VM, by their places.
///
/// # Errors
/// When the database fails.
pub(crate) async fn of_vm(db: &Db, vm: Uuid) -> Result<Vec<VmCdRom>, DbError> {
    db.select::<VmCdRom>().eq(VmCdRom::VM_INSTANCE_UUID, &vm).order_by(VmCdRom::DEVICE_ID).all().await
}

/// The drive called `uuid`.
///
/// # Errors
/// When there is none.
pub(crate) async fn find(db: &Db, uuid: Uuid) -> Result<VmCdRom, ErrorCode> {
    db.find(VmCdRom::UUID, &uuid).await?.ok_or_else(|| ErrorCode::not_found("VmCdRom", uuid))
}

/// Adds a drive with its owner to a batch.
pub(crate) fn insert(batch: &mut Batch, drive: &VmCdRom, account: Uuid, tags: &NewTags) {
    batch.insert(drive);
    ownership::created::<VmCdRom>(batch, drive.uuid, account, tags);
}

/// An ISO image in a drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disc {
    /// The image.
    pub iso: Uuid,
    /// Path of its copy on the host, once it is there.
    pub path: Option<String>,
}

/// What is in a drive.
pub(crate) fn disc(drive: &VmCdRom) -> Option<Disc> {
    drive.iso_uuid.map(|iso| Disc { iso, path: drive.iso_install_path.clone() })
}

/// Records what is in a drive.
///
/// # Errors
/// When the drive is gone.
pub(crate) async fn set_disc(db: &Db, drive: Uuid, disc: Option<&Disc>) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch
        .update::<VmCdRom>()
        .set(VmCdRom::ISO_UUID, &disc.map(|disc| disc.iso))
        .set(VmCdRom::ISO_INSTALL_PATH, &disc.and_then(|disc| disc.path.clone()))
        .eq(VmCdRom::UUID, &drive)
        .expect(format!("CD drive {drive} is gone"));
    Ok(db.commit(batch).await.map(drop)?)
}

/// The states in which drives come and go: that of a machine that is on has them built in.
pub(crate) const CHANGEABLE: [VmState; 2] = [VmState::Stopped, VmState::Created];

/// Demands in `batch` that a VM is as it was seen.
pub(crate) fn expect_unmoved(batch: &mut Batch, vm: &VmInstance) {
    batch
        .update::<VmInstance>()
        .set(VmInstance::STATE, &vm.state)
        .eq(VmInstance::UUID, &vm.uuid)
        .eq(VmInstance::STATE, &vm.state)
        .expect(format!("VM {}[uuid:{}] is not {} any more; try again", vm.name, vm.uuid, vm.state));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_has_an_image_or_nothing_or_is_none() {
        let iso = Uuid::random();
        assert_eq!(slot("none"), Ok(None));
        assert_eq!(slot("empty"), Ok(Some(None)));
        assert_eq!(slot(&iso.to_string()), Ok(Some(Some(iso))));
        assert!(slot("").is_err() && slot("Empty").is_err());
        assert!(
            DISCS.tokens(&format!("cdroms::{iso}::empty::none")).is_some_and(|tokens| check_discs(&tokens).is_ok())
        );
    }
}

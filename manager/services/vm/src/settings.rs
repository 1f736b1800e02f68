//! What a guest is to boot from and who may log in, as system tags on its VM; and the password of its console, which is no
//! tag, since tags are for everybody to read.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use cumulo_contracts::{ext::hypervisor::BootDevice, resource::BootMode};
use cumulo_derive::resource;
use cumulo_kernel::{
    db::{Db, DbError},
    tag::TagDef,
};
use cumulo_schema::{ErrorCode, Uuid};

const VM: &str = "VmInstanceVO";

pub(crate) const BOOT_ORDER: TagDef = TagDef {
    resource: VM,
    pattern: "bootOrder::{bootOrder}",
    doc: "What the guest boots from, first choice first: HardDisk,CdRom,Network.",
    check: check_boot_order,
};
pub(crate) const BOOT_MODE: TagDef = TagDef {
    resource: VM,
    pattern: "bootMode::{bootMode}",
    doc: "What boots the guest: Legacy, which is a BIOS, or UEFI. Without it what its image said when it was made.",
    check: check_boot_mode,
};
pub(crate) const SSH_KEY: TagDef = TagDef {
    resource: VM,
    pattern: "sshkey::{sshkey}",
    doc: "Public keys of those who may log in to the guest, one a line.",
    check: check_ssh_key,
};

pub(crate) const TAGS: &[TagDef] = &[BOOT_ORDER, BOOT_MODE, SSH_KEY];

/// Where nobody says: what is installed, and what installs it while nothing is.
const USUAL_ORDER: [BootDevice; 2] = [BootDevice::HardDisk, BootDevice::CdRom];

fn check_boot_order(tokens: &HashMap<String, String>) -> Result<(), String> {
    devices(tokens["bootOrder"].split(',')).map(drop)
}

/// The devices called `names`.
///
/// # Errors
/// Says what is wrong with them.
pub(crate) fn devices<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<BootDevice>, String> {
    let mut order = Vec::new();
    for name in names {
        match name.parse() {
            Err(_) => return Err(format!("'{name}' is nothing to boot from; take HardDisk, CdRom or Network")),
            Ok(device) if order.contains(&device) => return Err(format!("{name} is there twice")),
            Ok(device) => order.push(device),
        }
    }
    Ok(order)
}

/// What `tags` of a VM say that it boots from, first choice first.
pub(crate) fn boot_order(tags: &[String]) -> Vec<BootDevice> {
    let said = tags.iter().find_map(|tag| BOOT_ORDER.tokens(tag));
    let order = said.and_then(|tokens| devices(tokens["bootOrder"].split(',')).ok());
    order.unwrap_or_else(|| USUAL_ORDER.to_vec())
}

fn check_boot_mode(tokens: &HashMap<String, String>) -> Result<(), String> {
    BootMode::named(&tokens["bootMode"]).map(drop)
}

/// What `tags` of a VM, or of its image, say boots one: both are alike.
pub(crate) fn boot_mode(tags: &[String]) -> Option<BootMode> {
    let tokens = tags.iter().find_map(|tag| BOOT_MODE.tokens(tag))?;
    BootMode::named(&tokens["bootMode"]).ok()
}

/// The tag that says so.
pub(crate) fn boot_mode_tag(mode: BootMode) -> String {
    BOOT_MODE.instantiate(&[("bootMode", mode.as_str())])
}

/// The keys in a text, one a line.
pub(crate) fn ssh_keys(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn check_ssh_key(tokens: &HashMap<String, String>) -> Result<(), String> {
    check_ssh_keys(&tokens["sshkey"])
}

/// Whether each line of `text` is a public key.
///
/// # Errors
/// Says which is none.
pub(crate) fn check_ssh_keys(text: &str) -> Result<(), String> {
    let keys = ssh_keys(text);
    if keys.is_empty() {
        return Err("give at least one public key, as in authorized_keys".to_owned());
    }
    match keys.iter().position(|key| !is_public_key(key)) {
        None => Ok(()),
        Some(at) => Err(format!(
            "line {} is no public key; give what ssh-keygen writes to a .pub file: a type, the key in base64, a comment",
            at + 1
        )),
    }
}

/// Whether `line` has the form `ssh-ed25519 AAAA… comment`, and the key is of the type that it says.
fn is_public_key(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return false };
    let Ok(blob) = STANDARD.decode(key) else { return false };
    let length = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
    let typed = blob.strip_prefix(&length).and_then(|rest| rest.strip_prefix(kind.as_bytes()));
    typed.is_some_and(|rest| !rest.is_empty()) && !line.chars().any(char::is_control)
}

/// The password of a VM's console.
#[resource(
    table = "vm_console_password",
    java = "org.cumulo.vm.VmConsolePasswordInventory",
    vo = "VmConsolePasswordVO"
)]
pub(crate) struct VmConsolePassword {
    /// The VM.
    #[field(unique, part_of = "VmInstance")]
    pub(crate) vm_uuid: Uuid,
    /// The password, sealed by the vault.
    #[field(hidden, long)]
    pub(crate) sealed: String,
}

/// VNC looks at so many characters of a password.
const PASSWORD_LENGTH: usize = 8;

/// Whether VNC can ask for `password`.
///
/// # Errors
/// Says what it can ask for; not the password.
pub(crate) fn check_password(password: &str) -> Result<(), ErrorCode> {
    let usable = (1..=PASSWORD_LENGTH).contains(&password.len()) && password.bytes().all(|b| b.is_ascii_graphic());
    match usable {
        true => Ok(()),
        false => Err(ErrorCode::invalid(
            "field[consolePassword] must have 1 to 8 letters, digits and signs of ASCII without spaces: VNC takes no others",
        )),
    }
}

/// The password of a VM's console, sealed.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sealed_password(db: &Db, vm: Uuid) -> Result<Option<String>, DbError> {
    Ok(db.find(VmConsolePassword::VM_UUID, &vm).await?.map(|row| row.sealed))
}

/// Records the password of a VM's console in place of the one before; `None` for none.
///
/// # Errors
/// When the database fails.
pub(crate) async fn set_sealed_password(db: &Db, vm: Uuid, sealed: Option<String>) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.delete::<VmConsolePassword>().eq(VmConsolePassword::VM_UUID, &vm).any();
    if let Some(sealed) = sealed {
        batch.insert(&VmConsolePassword { vm_uuid: vm, sealed });
    }
    db.commit(batch).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here";

    #[test]
    fn keys_are_those_that_ssh_writes() {
        assert_eq!(check_ssh_keys(KEY), Ok(()));
        assert_eq!(check_ssh_keys(&format!("{KEY}\n\n{KEY}\r\n")), Ok(()));
        assert_eq!(ssh_keys(&format!("{KEY}\n\n{KEY}\r\n")), [KEY, KEY]);
        let other = KEY.replacen("ssh-ed25519", "ssh-rsa", 1);
        for bad in ["", "\n", "key", "ssh-ed25519", "ssh-ed25519 AAAA me", "ssh-ed25519 !!!!", &other] {
            assert!(check_ssh_keys(bad).is_err(), "{bad}");
        }
        let refused = check_ssh_keys(&format!("{KEY}\n- runcmd")).expect_err("no key");
        assert!(refused.starts_with("line 2"), "{refused}");
    }

    #[test]
    fn boot_orders_are_of_what_there_is_once() {
        let order = devices(["CdRom", "HardDisk"].into_iter()).expect("sound");
        assert_eq!(order, [BootDevice::CdRom, BootDevice::HardDisk]);
        for bad in [&["Floppy"][..], &["HardDisk", "HardDisk"], &[""], &["cdrom"]] {
            assert!(devices(bad.iter().copied()).is_err(), "{bad:?}");
        }
        for known in ["HardDisk", "CdRom", "Network"] {
            let device = devices([known].into_iter()).expect("sound");
            assert_eq!(device[0].as_str(), known);
        }
    }

    #[test]
    fn passwords_are_what_vnc_takes() {
        for good in ["x", "p@ss:w0d", "'\"<&>"] {
            assert!(check_password(good).is_ok(), "{good}");
        }
        for bad in ["", "123456789", "a b", "é", "a\nb"] {
            let refused = check_password(bad).expect_err(bad);
            assert!(bad.is_empty() || !refused.details.contains(bad), "{refused}");
        }
    }
}

//! Whether this host has UEFI firmware for its guests.
//!
//! Packages of firmware leave descriptors of it for programs such as libvirt, which chooses by them. The agent reads them
//! first, since libvirt's own refusal does not say what to install, and what it tells of its abilities is as old as its
//! start.

use std::{fs, path::Path};

use serde::Deserialize;

/// Where packages leave descriptors, and where an operator does.
const FOLDERS: [&str; 2] = ["/usr/share/qemu/firmware", "/etc/qemu/firmware"];
const ARCHITECTURE: &str = "x86_64";

/// What is read of a descriptor; QEMU's `docs/interop/firmware.json` has the rest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Descriptor {
    interface_types: Vec<String>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    architecture: String,
}

/// Whether guests can be booted by UEFI here.
pub(super) fn has_uefi() -> bool {
    FOLDERS.iter().any(|folder| has_uefi_in(Path::new(folder)))
}

/// A descriptor that cannot be read is no firmware: libvirt would not take it either.
fn has_uefi_in(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| fs::read(path).ok())
        .filter_map(|text| serde_json::from_slice::<Descriptor>(&text).ok())
        .any(|found| found.is_uefi())
}

impl Descriptor {
    fn is_uefi(&self) -> bool {
        self.interface_types.iter().any(|interface| interface == "uefi")
            && self.targets.iter().any(|target| target.architecture == ARCHITECTURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(interface: &str, architecture: &str) -> String {
        format!(
            r#"{{"description": "some", "interface-types": ["{interface}"], "mapping": {{"device": "flash"}},
                "targets": [{{"architecture": "{architecture}", "machines": ["pc-q35-*"]}}], "features": []}}"#
        )
    }

    #[test]
    fn firmware_is_what_a_descriptor_says() {
        let folder = tempfile::tempdir().unwrap();
        let with = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            has_uefi_in(folder.path())
        };
        assert!(!has_uefi_in(&folder.path().join("missing")));
        assert!(!with("10-bios.json", &descriptor("bios", ARCHITECTURE)));
        assert!(!with("20-other.json", &descriptor("uefi", "aarch64")));
        assert!(!with("30-broken.json", "{"));
        assert!(!with("40-readme.txt", &descriptor("uefi", ARCHITECTURE)));
        assert!(with("50-uefi.json", &descriptor("uefi", ARCHITECTURE)));
    }
}

//! System tags that say what a host is.

use cumulo_kernel::tag::{TagDef, any_tokens};

const HOST: &str = "HostVO";

pub(crate) const QEMU_IMG: TagDef = TagDef {
    resource: HOST,
    pattern: "qemu-img::version::{version}",
    doc: "The version of qemu-img on the host.",
    check: any_tokens,
};
pub(crate) const LIBVIRT: TagDef = TagDef {
    resource: HOST,
    pattern: "libvirt::version::{version}",
    doc: "The version of libvirt on the host.",
    check: any_tokens,
};
pub(crate) const DISTRIBUTION: TagDef = TagDef {
    resource: HOST,
    pattern: "os::distribution::{distribution}",
    doc: "The distribution of the host's operating system.",
    check: any_tokens,
};
pub(crate) const VERSION: TagDef = TagDef {
    resource: HOST,
    pattern: "os::version::{version}",
    doc: "The version of the host's operating system.",
    check: any_tokens,
};
pub(crate) const RELEASE: TagDef = TagDef {
    resource: HOST,
    pattern: "os::release::{release}",
    doc: "The release name of the host's operating system.",
    check: any_tokens,
};

pub(crate) const LIVE_SNAPSHOT: TagDef = TagDef {
    resource: HOST,
    pattern: "capability:liveSnapshot",
    doc: "The host can take snapshots of volumes while their VM runs.",
    check: any_tokens,
};

/// As ZStack writes it since its version 5; its manuals and the scripts made from them have one colon.
pub(crate) const LIVE_SNAPSHOT_NOW: TagDef = TagDef { pattern: "capability::liveSnapshot", ..LIVE_SNAPSHOT };

pub(crate) const TAGS: &[TagDef] =
    &[QEMU_IMG, LIBVIRT, DISTRIBUTION, VERSION, RELEASE, LIVE_SNAPSHOT, LIVE_SNAPSHOT_NOW];

/// The first libvirt and QEMU that take external snapshots of running VMs.
const LIVE_SNAPSHOT_SINCE: [(u32, u32); 2] = [(1, 0), (1, 3)];

/// Whether hosts with these versions take snapshots of running VMs. What names no version does not.
pub(crate) fn takes_live_snapshots(libvirt: &str, qemu: &str) -> bool {
    let known = [libvirt, qemu].map(version);
    known.iter().zip(LIVE_SNAPSHOT_SINCE).all(|(version, since)| version.is_some_and(|version| version >= since))
}

/// `9.0.0` as (9, 0).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_snapshots_follow_from_versions() {
        assert!(takes_live_snapshots("9.0.0", "7.2.9"));
        assert!(takes_live_snapshots("1.0.0", "1.3.0"));
        for (libvirt, qemu) in [("0.9.13", "7.2"), ("9.0.0", "1.2.0"), ("", "7.2"), ("9.0.0", "unknown")] {
            assert!(!takes_live_snapshots(libvirt, qemu), "{libvirt} {qemu}");
        }
    }
}

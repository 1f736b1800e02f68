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

pub(crate) const TAGS: &[TagDef] = &[QEMU_IMG, LIBVIRT, DISTRIBUTION, VERSION, RELEASE];

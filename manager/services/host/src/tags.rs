//! System tags that steer a host.

use std::collections::HashMap;

use cumulo_kernel::tag::TagDef;

use crate::capacity::parse_size;

pub(crate) const RESERVED_MEMORY: TagDef = TagDef {
    resource: "HostVO",
    pattern: "reservedMemory::{capacity}",
    doc: "Memory of this host that VMs do not get, as 1G; instead of what kvm/reservedMemory says.",
    check: size,
};

pub(crate) const TAGS: &[TagDef] = &[RESERVED_MEMORY];

fn size(tokens: &HashMap<String, String>) -> Result<(), String> {
    match tokens.get("capacity").and_then(|text| parse_size(text)) {
        Some(_) => Ok(()),
        None => Err("the capacity must be a size like 512M or 1G".to_owned()),
    }
}

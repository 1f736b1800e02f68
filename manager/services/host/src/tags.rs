//! System tags that steer hosts.

use std::collections::HashMap;

use cumulo_contracts::resource::Host;
use cumulo_kernel::{db::Db, tag::TagDef};
use cumulo_schema::ErrorCode;

use crate::capacity::parse_size;

const DOC: &str = "Memory of each host here that VMs do not get, as 1G; instead of what kvm/reservedMemory says.";

const fn reserved(resource: &'static str, pattern: &'static str) -> TagDef {
    TagDef { resource, pattern, doc: DOC, check: size }
}

const OF_HOST: TagDef = reserved("HostVO", "reservedMemory::{capacity}");
/// Two spellings each: the first is that of hosts, the second the one that clients know.
const OF_CLUSTER: [TagDef; 2] =
    [reserved("ClusterVO", "reservedMemory::{capacity}"), reserved("ClusterVO", "host::reservedMemory::{capacity}")];
const OF_ZONE: [TagDef; 2] =
    [reserved("ZoneVO", "reservedMemory::{capacity}"), reserved("ZoneVO", "host::reservedMemory::{capacity}")];

pub(crate) const TAGS: &[TagDef] = &[OF_HOST, OF_CLUSTER[0], OF_CLUSTER[1], OF_ZONE[0], OF_ZONE[1]];

/// Memory that a tag keeps from VMs on `host`, in bytes: the host's own, its cluster's, its zone's, the nearest one.
pub(crate) async fn reserved_memory(db: &Db, host: &Host) -> Result<Option<i64>, ErrorCode> {
    let places = [(host.uuid, &[OF_HOST][..]), (host.cluster_uuid, &OF_CLUSTER), (host.zone_uuid, &OF_ZONE)];
    for (place, tags) in places {
        for tag in tags {
            let tokens = tag.on(db, place).await?;
            if let Some(size) = tokens.and_then(|tokens| parse_size(tokens.get("capacity")?)) {
                return Ok(Some(size));
            }
        }
    }
    Ok(None)
}

fn size(tokens: &HashMap<String, String>) -> Result<(), String> {
    match tokens.get("capacity").and_then(|text| parse_size(text)) {
        Some(_) => Ok(()),
        None => Err("the capacity must be a size like 512M or 1G".to_owned()),
    }
}

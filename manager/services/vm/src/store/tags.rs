//! System tags of VMs.

use std::net::IpAddr;

use cumulo_contracts::resource::VmInstance;
use cumulo_kernel::{
    db::{Batch, Db, DbError},
    ownership,
    tag::TagDef,
};
use cumulo_schema::{Resource, Uuid, system::SystemTag};
use serde::{Deserialize, Serialize};

use super::sets::AT_ONCE;
use crate::tags::STATIC_IP;

/// A system tag as flows remember it: with its id, so that putting it back is no new tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its id.
    pub uuid: Uuid,
    /// Its text.
    pub text: String,
}

/// The tags of the pattern `def` on a VM.
pub(crate) async fn tags_of(db: &Db, vm: Uuid, def: &TagDef) -> Result<Vec<Tag>, DbError> {
    let rows = db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &vm).all().await?;
    let of_pattern = rows.into_iter().filter(|row| def.tokens(&row.tag).is_some());
    Ok(of_pattern.map(|row| Tag { uuid: row.uuid, text: row.tag }).collect())
}

/// The tags that say which address a VM gets on `l3`.
pub(crate) async fn static_ips(db: &Db, vm: Uuid, l3: Uuid) -> Result<Vec<Tag>, DbError> {
    let mut tags = tags_of(db, vm, &STATIC_IP).await?;
    tags.retain(|tag| static_ip(&tag.text).is_some_and(|(of, _)| of == l3));
    Ok(tags)
}

/// What a `staticIp` tag says: the L3 network and the address, as it is written in the one form in which two compare.
pub(crate) fn static_ip(tag: &str) -> Option<(Uuid, String)> {
    let tokens = STATIC_IP.tokens(tag)?;
    let ip: IpAddr = tokens.get("staticIp")?.parse().ok()?;
    Some((tokens.get("l3NetworkUuid")?.parse().ok()?, ip.to_string()))
}

/// The text of a `staticIp` tag.
pub(crate) fn static_ip_tag(l3: Uuid, ip: &str) -> String {
    STATIC_IP.instantiate(&[("l3NetworkUuid", &l3.to_string()), ("staticIp", ip)])
}

/// Adds to `batch` that a VM has the tags `with`, and `without` no more. May be committed again.
pub(crate) fn swap_tags(batch: &mut Batch, vm: Uuid, without: &[Tag], with: &[Tag]) {
    let old: Vec<Uuid> = without.iter().chain(with).map(|tag| tag.uuid).collect();
    if old.is_empty() {
        return;
    }
    batch.delete::<SystemTag>().one_of(SystemTag::UUID, &old).any();
    for tag in with {
        batch.insert(&SystemTag { uuid: tag.uuid, ..ownership::system_tag(VmInstance::META.vo, vm, &tag.text, false) });
    }
}

/// The VMs with exactly this tag.
pub(crate) async fn vms_with_tag(db: &Db, tag: &str) -> Result<Vec<Uuid>, DbError> {
    let rows = db.select::<SystemTag>().eq(SystemTag::TAG, &tag.to_owned()).all().await?;
    Ok(rows.into_iter().filter(|row| row.resource_type == VmInstance::META.vo).map(|row| row.resource_uuid).collect())
}

/// The tags with which `vms` claim addresses of `l3s`.
pub(crate) async fn claims_on(db: &Db, vms: &[Uuid], l3s: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let mut claims = Vec::new();
    for some in vms.chunks(AT_ONCE) {
        let rows = db.select::<SystemTag>().one_of(SystemTag::RESOURCE_UUID, some).all().await?;
        let of_l3s = |row: &SystemTag| static_ip(&row.tag).is_some_and(|(l3, _)| l3s.contains(&l3));
        claims.extend(rows.into_iter().filter(of_l3s).map(|row| row.uuid));
    }
    Ok(claims)
}

/// Removes tags.
pub(crate) async fn remove_tags(db: &Db, tags: &[Uuid]) -> Result<(), DbError> {
    let mut batch = db.batch();
    for some in tags.chunks(AT_ONCE) {
        batch.delete::<SystemTag>().one_of(SystemTag::UUID, some).any();
    }
    db.commit(batch).await.map(drop)
}

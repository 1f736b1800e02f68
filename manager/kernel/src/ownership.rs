//! What belongs to every resource and is written in the same batch as its row: owner and tags.

use cumulo_schema::{
    ErrorCode, Resource, ResourceMeta, Timestamp, Uuid,
    system::{AccountResourceRef, SystemTag, TagType, UserTag},
};

use crate::db::Batch;
pub use crate::tag::NewTags;

/// Adds owner and tags of a new `R` to the batch that creates it.
pub fn created<R: Resource>(batch: &mut Batch, uuid: Uuid, owner: Uuid, tags: &NewTags) {
    created_of(batch, R::META, uuid, owner, tags);
}

/// As [`created`], for code that knows the resource only as data.
pub fn created_of(batch: &mut Batch, meta: &ResourceMeta, uuid: Uuid, owner: Uuid, tags: &NewTags) {
    let now = Timestamp::now();
    if meta.owned {
        batch.insert(&AccountResourceRef {
            account_uuid: owner,
            resource_uuid: uuid,
            resource_type: meta.vo.to_owned(),
            concrete_resource_type: meta.vo.to_owned(),
            create_date: now,
            last_op_date: now,
        });
    }
    for tag in &tags.system {
        batch.insert(&system_tag(meta.vo, uuid, tag, false));
    }
    for tag in &tags.user {
        batch.insert(&user_tag(meta.vo, uuid, tag));
    }
    for patterned in &tags.patterns {
        let tag = user_tag(meta.vo, uuid, &patterned.tag);
        batch.insert(&UserTag { tag_pattern_uuid: Some(patterned.pattern), ..tag });
    }
}

/// A new system tag.
#[must_use]
pub fn system_tag(resource_type: &str, resource: Uuid, tag: &str, inherent: bool) -> SystemTag {
    let now = Timestamp::now();
    SystemTag {
        inherent,
        uuid: Uuid::random(),
        resource_uuid: resource,
        resource_type: resource_type.to_owned(),
        tag: tag.to_owned(),
        r#type: TagType::System,
        create_date: now,
        last_op_date: now,
    }
}

/// A new user tag.
#[must_use]
pub fn user_tag(resource_type: &str, resource: Uuid, tag: &str) -> UserTag {
    let now = Timestamp::now();
    UserTag {
        tag_pattern_uuid: None,
        uuid: Uuid::random(),
        resource_uuid: resource,
        resource_type: resource_type.to_owned(),
        tag: tag.to_owned(),
        r#type: TagType::User,
        create_date: now,
        last_op_date: now,
    }
}

/// The owner of a resource, or why there is none.
///
/// # Errors
/// When the database fails.
pub async fn owner(db: &crate::db::Db, resource: Uuid) -> Result<Option<Uuid>, ErrorCode> {
    let row = db.find(AccountResourceRef::RESOURCE_UUID, &resource).await?;
    Ok(row.map(|row| row.account_uuid))
}

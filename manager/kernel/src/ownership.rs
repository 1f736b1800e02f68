//! What belongs to every resource and is written in the same batch as its row: owner and tags.

use cumulo_schema::{
    Cell, ErrorCode, Resource, ResourceMeta, Timestamp, Uuid,
    system::{AccountResourceRef, SystemTag, TagType, UserTag},
};

use crate::db::Batch;

/// Tags to be created together with a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewTags {
    /// Tags the system understands.
    pub system: Vec<String>,
    /// Tags that mean something to people.
    pub user: Vec<String>,
}

impl NewTags {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.user.is_empty()
    }
}

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

/// Adds to `batch` the removal of the `R` called `uuid` with its owner and tags. A row that is gone is fine.
pub fn removed<R: Resource>(batch: &mut Batch, uuid: Uuid) {
    removed_of(batch, R::META, uuid);
}

/// As [`removed`], for code that knows the resource only as data. Of a child resource both rows go.
pub fn removed_of(batch: &mut Batch, meta: &'static ResourceMeta, uuid: Uuid) {
    batch.delete::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &uuid).any();
    batch.delete::<UserTag>().eq(UserTag::RESOURCE_UUID, &uuid).any();
    batch.delete::<AccountResourceRef>().eq(AccountResourceRef::RESOURCE_UUID, &uuid).any();
    batch.delete_from(meta).column_eq(meta.key().column, Cell::Text(uuid.to_string())).any();
}

/// The owner of a resource, or why there is none.
///
/// # Errors
/// When the database fails.
pub async fn owner(db: &crate::db::Db, resource: Uuid) -> Result<Option<Uuid>, ErrorCode> {
    let row = db.find(AccountResourceRef::RESOURCE_UUID, &resource).await?;
    Ok(row.map(|row| row.account_uuid))
}

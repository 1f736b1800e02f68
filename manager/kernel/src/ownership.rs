//! What belongs to every resource and is written in the same batch as its row: owner, tags, who shares it, what it holds
//! of quotas.

use cumulo_schema::{
    Cell, ErrorCode, FieldKind, Resource, ResourceMeta, SeenBy, Timestamp, Uuid,
    system::{AccountResourceRef, SharedResource, SystemTag, TagType, UserTag},
};
use sea_query::{Alias, Expr, ExprTrait, Query};

pub use crate::tag::NewTags;
use crate::{
    db::{Batch, Db, DbError},
    query::Target,
};

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
pub async fn owner(db: &Db, resource: Uuid) -> Result<Option<Uuid>, ErrorCode> {
    let row = db.find(AccountResourceRef::RESOURCE_UUID, &resource).await?;
    Ok(row.map(|row| row.account_uuid))
}

/// The owner of a resource; what nobody owns is the admin's.
///
/// # Errors
/// When the database fails.
pub async fn owner_or_admin(db: &Db, resource: Uuid) -> Result<Uuid, ErrorCode> {
    Ok(owner(db, resource).await?.unwrap_or(Uuid::ADMIN))
}

/// What somebody wants to do with a resource of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Make something with it: a VM from an image. The owner and those it is shared with may.
    Use,
    /// Change or delete it. Only the owner may.
    Change,
}

/// Whether `account`, which is not the admin, has `right` on the resource `uuid`. What belongs to nobody is open to all
/// as far as this goes.
///
/// # Errors
/// When the database fails.
pub async fn may(db: &Db, target: Target, account: Uuid, uuid: Uuid, right: Right) -> Result<bool, ErrorCode> {
    if target.is_owned() {
        let shareable = target.levels().any(|meta| meta.shareable);
        return Ok(owner(db, uuid).await? == Some(account)
            || right == Right::Use && shareable && is_shared(db, uuid, account).await?);
    }
    let root = target.root();
    let names_account = |rule: &SeenBy| match rule {
        SeenBy::Account(field) => root.field(field),
        _ => None,
    };
    let Some(field) = root.seen_by.iter().find_map(names_account) else { return Ok(true) };
    let mut query = Query::select();
    query
        .column(Alias::new(field.column))
        .from(Alias::new(root.table))
        .and_where(Expr::col(Alias::new(root.key().column)).eq(uuid.to_string()));
    let unreadable = |cause| DbError::Unreadable { table: root.table, cause };
    let rows = db.fetch(&query).await?;
    let named = rows.first().map(|row| row.at(0, FieldKind::Uuid)).transpose().map_err(unreadable)?;
    Ok(named == Some(Cell::Text(account.to_string())))
}

async fn is_shared(db: &Db, resource: Uuid, account: Uuid) -> Result<bool, DbError> {
    let shares = db.select::<SharedResource>().eq(SharedResource::RESOURCE_UUID, &resource).all().await?;
    Ok(shares.iter().any(|share| share.to_public || share.receiver_account_uuid == Some(account)))
}

/// Adds to the batch that removes `accounts` what becomes of what is theirs: what still belongs to them belongs to the
/// admin from then on, so that nothing is without an owner; their quotas, and what was shared with them, go.
pub fn accounts_removed(batch: &mut Batch, accounts: &[Uuid]) {
    let receivers: Vec<Option<Uuid>> = accounts.iter().copied().map(Some).collect();
    batch.delete::<SharedResource>().one_of(SharedResource::RECEIVER_ACCOUNT_UUID, &receivers).any();
    batch
        .update::<SharedResource>()
        .set(SharedResource::OWNER_ACCOUNT_UUID, &Uuid::ADMIN)
        .one_of(SharedResource::OWNER_ACCOUNT_UUID, accounts)
        .any();
    batch
        .update::<AccountResourceRef>()
        .set(AccountResourceRef::ACCOUNT_UUID, &Uuid::ADMIN)
        .one_of(AccountResourceRef::ACCOUNT_UUID, accounts)
        .any();
}

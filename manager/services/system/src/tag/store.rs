//! The tables of tags, which are the kernel's.

use cumulo_contracts::api::tag::UpdateTag;
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
};
use cumulo_schema::{
    Uuid,
    system::{SystemTag, TagPattern, UserTag},
};

/// Reads and writes tags.
pub(super) struct Store {
    db: Db,
}

impl Store {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(super) async fn system_tag(&self, tag: Uuid) -> Result<Option<SystemTag>, DbError> {
        self.db.find(SystemTag::UUID, &tag).await
    }

    pub(super) async fn user_tag(&self, tag: Uuid) -> Result<Option<UserTag>, DbError> {
        self.db.find(UserTag::UUID, &tag).await
    }

    /// The system tag of that text on `resource`.
    pub(super) async fn system_tag_of(&self, resource: Uuid, tag: &str) -> Result<Option<SystemTag>, DbError> {
        let of_resource = self.db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &resource);
        of_resource.eq(SystemTag::TAG, &tag.to_owned()).first().await
    }

    /// The user tag of that text on `resource`.
    pub(super) async fn user_tag_of(&self, resource: Uuid, tag: &str) -> Result<Option<UserTag>, DbError> {
        let of_resource = self.db.select::<UserTag>().eq(UserTag::RESOURCE_UUID, &resource);
        of_resource.eq(UserTag::TAG, &tag.to_owned()).first().await
    }

    pub(super) async fn pattern(&self, pattern: Uuid) -> Result<Option<TagPattern>, DbError> {
        self.db.find(TagPattern::UUID, &pattern).await
    }

    /// Adds `pattern` with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(super) async fn insert_pattern(&self, cx: &ApiCx, pattern: &TagPattern) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(pattern);
        cx.created::<TagPattern>(&mut batch);
        self.db.commit(batch).await.map(drop)
    }

    pub(super) async fn update_pattern(&self, api: &UpdateTag) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<TagPattern>()
            .set_some(TagPattern::NAME, api.name.as_ref())
            .set_some(TagPattern::DESCRIPTION, api.description.as_ref())
            .set_some(TagPattern::COLOR, api.color.as_ref())
            .eq(TagPattern::UUID, &api.uuid)
            .expect(format!("tag pattern {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    /// Writes tags made from patterns, each in place of the one made before from the same pattern for the same resource.
    pub(super) async fn put_patterned(&self, tags: &[UserTag]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        for tag in tags {
            batch.delete::<UserTag>().eq(UserTag::UUID, &tag.uuid).any();
            batch.insert(tag);
        }
        self.db.commit(batch).await.map(drop)
    }

    /// Removes the tags that `resources` have from `pattern`; none is fine.
    pub(super) async fn remove_patterned(&self, pattern: Uuid, resources: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let delete = batch.delete::<UserTag>().eq(UserTag::TAG_PATTERN_UUID, &Some(pattern));
        delete.one_of(UserTag::RESOURCE_UUID, resources).any();
        self.db.commit(batch).await.map(drop)
    }

    pub(super) async fn insert_user_tag(&self, tag: &UserTag) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(tag);
        self.db.commit(batch).await.map(drop)
    }

    /// Adds all of `tags` or none.
    pub(super) async fn insert_system_tags(&self, tags: &[SystemTag]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        for tag in tags {
            batch.insert(tag);
        }
        self.db.commit(batch).await.map(drop)
    }

    pub(super) async fn set_system_tag(&self, tag: Uuid, text: &str) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<SystemTag>()
            .set(SystemTag::TAG, &text.to_owned())
            .eq(SystemTag::UUID, &tag)
            .expect(format!("system tag {tag} was deleted in the meantime"));
        self.db.commit(batch).await.map(drop)
    }

    /// Removes the tag, of either kind, that has this id; none is fine.
    pub(super) async fn remove(&self, tag: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<SystemTag>().eq(SystemTag::UUID, &tag).any();
        batch.delete::<UserTag>().eq(UserTag::UUID, &tag).any();
        self.db.commit(batch).await.map(drop)
    }
}

//! What goes with a row because its declaration says so: parts, kinds, tags and owner.
//!
//! A field declared `part_of = "VmInstance"` makes its rows part of that VM: they are removed in the transaction that removes
//! the VM, and a plan lists them. The rows of a kind (`kvm_host` of `host`), tags and owners need no word. One walk serves
//! both plan and removal, which is why they cannot differ.

use std::{collections::HashMap, sync::Arc};

use cumulo_schema::{
    Cell, FieldKind, FieldMeta, Resource, ResourceMeta, Uuid,
    system::{AccountResourceRef, ResourceConfig, SharedResource, SystemTag, UserTag},
};
use futures::future::BoxFuture;

use super::Cascade;
use crate::{
    db::{Batch, CHUNK, Db, DbError, DbRow, keys_of, rows_with, text},
    quota,
};

/// What says something about any resource: in a column `resource_uuid`.
const ABOUT: [&ResourceMeta; 5] = [
    <SystemTag as Resource>::META,
    <UserTag as Resource>::META,
    <ResourceConfig as Resource>::META,
    <SharedResource as Resource>::META,
    <AccountResourceRef as Resource>::META,
];
const ABOUT_COLUMN: &str = "resource_uuid";

/// Parts by the name of the whole.
#[derive(Debug, Default)]
pub(crate) struct Parts(HashMap<&'static str, Vec<Part>>);

#[derive(Debug, Clone, Copy)]
struct Part {
    meta: &'static ResourceMeta,
    column: &'static str,
}

/// Rows that go: those of `meta` that have one of `wholes` in `column`.
pub(crate) struct Going {
    pub(crate) meta: &'static ResourceMeta,
    column: &'static str,
    wholes: Arc<Vec<Uuid>>,
}

impl Parts {
    pub(crate) fn new(resources: &[&'static ResourceMeta]) -> Self {
        let mut parts = Self::default();
        for meta in resources {
            if let Some(parent) = meta.parent {
                parts.add(parent.resource, Part { meta, column: meta.key().column });
            }
            for field in meta.fields {
                for whole in field.part_of {
                    parts.add(whole, Part { meta, column: field.column });
                }
            }
        }
        parts
    }

    fn add(&mut self, whole: &'static str, part: Part) {
        self.0.entry(whole).or_default().push(part);
    }

    fn of(&self, whole: &str) -> &[Part] {
        self.0.get(whole).map_or(&[], Vec::as_slice)
    }

    /// Everything that goes with `uuids` of `whole`, leaves first, the rows themselves last.
    fn walk<'a>(
        &'a self,
        db: &'a Db,
        whole: &'static ResourceMeta,
        uuids: Arc<Vec<Uuid>>,
        going: &'a mut Vec<Going>,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        Box::pin(async move {
            for part in self.of(whole.name) {
                if has_identity(part.meta) {
                    let key = part.meta.key().column;
                    let ids = keys_of(db, part.meta.table, key, part.column, &uuids).await?;
                    if !ids.is_empty() {
                        self.walk(db, part.meta, Arc::new(ids), going).await?;
                    }
                } else {
                    going.push(Going { meta: part.meta, column: part.column, wholes: uuids.clone() });
                }
            }
            for meta in ABOUT {
                going.push(Going { meta, column: ABOUT_COLUMN, wholes: uuids.clone() });
            }
            going.push(Going { meta: whole, column: whole.key().column, wholes: uuids });
            Ok(())
        })
    }
}

impl Cascade {
    /// The batch that removes `uuids` of the resource `meta` with everything that is part of them, their
    /// tags, owners and shares, and gives back what they hold of quotas. What is gone is fine. Rows of others that still refer to them make it fail as [`DbError::Reference`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn removal(&self, meta: &'static ResourceMeta, uuids: &[Uuid]) -> Result<Batch, DbError> {
        let mut batch = self.db.batch();
        for going in self.going(meta, uuids).await? {
            for some in going.wholes.chunks(CHUNK) {
                if going.meta.owned {
                    quota::release(&mut batch, some);
                }
                batch
                    .delete_from(going.meta)
                    .column_in(going.column, some.iter().map(|uuid| Cell::Text(uuid.to_string())))
                    .any();
            }
        }
        Ok(batch)
    }

    /// Removes them, as [`Cascade::removal`] says.
    ///
    /// # Errors
    /// As there.
    pub async fn remove(&self, meta: &'static ResourceMeta, uuids: &[Uuid]) -> Result<(), DbError> {
        match uuids.is_empty() {
            true => Ok(()),
            false => self.db.commit(self.removal(meta, uuids).await?).await.map(drop),
        }
    }

    pub(crate) async fn going(&self, whole: &'static ResourceMeta, uuids: &[Uuid]) -> Result<Vec<Going>, DbError> {
        let (mut going, mut uuids) = (Vec::new(), uuids.to_vec());
        uuids.sort_unstable();
        self.parts.walk(&self.db, whole, Arc::new(uuids), &mut going).await?;
        Ok(going)
    }

    /// What names each row of `meta` that has one of `uuids` in `column`.
    pub(crate) async fn rows_with(
        &self,
        meta: &'static ResourceMeta,
        column: &'static str,
        uuids: &[Uuid],
    ) -> Result<Vec<String>, DbError> {
        self.rows(&Going { meta, column, wholes: Arc::new(uuids.to_vec()) }).await
    }

    /// What names each row that `going` means.
    pub(crate) async fn rows(&self, going: &Going) -> Result<Vec<String>, DbError> {
        let (meta, key) = (going.meta, row_key(going.meta));
        let unreadable = |cause| DbError::Unreadable { table: meta.table, cause };
        let columns: Vec<&'static str> = key.iter().map(|field| field.column).collect();
        let name = |row: &DbRow| {
            let cell = |(at, field): (usize, &&FieldMeta)| row.at(at, field.kind).map(text).map_err(unreadable);
            let mut cells = key.iter().enumerate().map(cell);
            let mut name = cells.next().transpose()?.unwrap_or_default();
            for cell in cells {
                name.push('/');
                name.push_str(&cell?);
            }
            Ok(name)
        };
        let rows = rows_with(&self.db, meta.table, &columns, going.column, &going.wholes).await?;
        rows.iter().map(name).collect()
    }
}

/// Whether its rows have an id that is nobody else's: a row of a kind, or one kept under the id of what it is part of, has
/// not, and what is said of that id is said of the other.
fn has_identity(meta: &ResourceMeta) -> bool {
    let key = meta.key();
    key.wire == "uuid" && key.unique && key.kind == FieldKind::Uuid && key.part_of.is_empty() && meta.parent.is_none()
}

/// The fields that tell one row from another.
pub(crate) fn row_key(meta: &'static ResourceMeta) -> Vec<&'static FieldMeta> {
    if meta.key().unique {
        return vec![meta.key()];
    }
    match meta.uniques.first() {
        Some(names) => names.iter().filter_map(|name| meta.field(name)).collect(),
        None => meta.fields.iter().collect(),
    }
}

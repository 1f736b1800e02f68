//! What the kernel's own doors note.

use cumulo_schema::{ErrorCode, ResourceMeta, Uuid};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Planning, effect};
use crate::{
    cascade::{Cascade, Effect, Going, Work},
    db::{Db, DbError, Tried, Verb},
};

/// Tables that are read at once for one plan.
const READS: usize = 2;

impl Planning {
    /// A delete: the steps from the leaves to the root, and every row that goes.
    pub(crate) async fn note_delete(
        &self,
        cascade: &Cascade,
        vo: &'static str,
        uuids: &[Uuid],
        enforcing: bool,
    ) -> Result<(), ErrorCode> {
        let draft = cascade.draft(vo, uuids).await?;
        for step in &draft.steps {
            let why = match step.losing.is_empty() {
                true => "as asked".to_owned(),
                false => format!("because of {}", step.losing.join(", ")),
            };
            self.step(format!("{} {}", step.meta.vo, step.what()), why, Some(step.uuids.len()));
            let work = Work { effect: step.effect, uuids: &step.uuids, enforcing, doomed: &draft.doomed };
            if let Err(veto) = cascade.foresee(step.meta.vo, &work, self).await
                && !enforcing
            {
                self.veto(veto);
            }
            match step.effect {
                Effect::Changed(what) => self.touch(step.meta.vo, what, &step.uuids),
                Effect::Deleted => self.note_removal(cascade, step.meta, &step.uuids).await?,
            }
        }
        Ok(())
    }

    /// Notes that `uuids` of the resource `meta` go, with every row that is part of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_removal(
        &self,
        cascade: &Cascade,
        meta: &'static ResourceMeta,
        uuids: &[Uuid],
    ) -> Result<(), ErrorCode> {
        let going = cascade.going(meta, uuids).await?;
        let read = async |going: Going| Ok((going.meta.vo, cascade.rows(&going).await?));
        stream::iter(going)
            .map(read)
            .buffered(READS)
            .try_for_each(async |(vo, rows)| {
                self.touch_named(vo, effect::REMOVED, rows);
                Ok(())
            })
            .await
    }

    /// Notes that the rows of `meta` go which have one of `uuids` in `column`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_rows(
        &self,
        cascade: &Cascade,
        (meta, column): (&'static ResourceMeta, &'static str),
        uuids: &[Uuid],
    ) -> Result<(), ErrorCode> {
        let rows = cascade.rows_with(meta, column, uuids).await?;
        self.touch_named(meta.vo, effect::REMOVED, rows);
        Ok(())
    }

    /// A batch: what it would touch, found out by running it and rolling it back.
    pub(crate) async fn note_batch(&self, db: &Db, batch: crate::db::Batch) -> Result<(), DbError> {
        let tried = db.try_out(batch).await?;
        let mut whats: Vec<&str> = Vec::new();
        for Tried { what, .. } in &tried {
            if !whats.contains(&what.as_str()) {
                whats.push(what);
            }
        }
        self.step("write", whats.join(", "), Some(tried.iter().map(|tried| tried.count).sum()));
        for Tried { target, count, rows, .. } in tried {
            let Some((verb, meta)) = target else { continue };
            match verb {
                Verb::Insert => self.touch(meta.vo, effect::CREATED, rows),
                Verb::Delete => self.touch(meta.vo, effect::REMOVED, rows),
                Verb::Update => self.touch_some(meta.vo, effect::CHANGED, count),
            }
        }
        Ok(())
    }
}

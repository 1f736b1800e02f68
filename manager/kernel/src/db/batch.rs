//! Writes as data: see the module header of [`super`].

use std::sync::Arc;

use cumulo_schema::{Cell, Column, ErrorCode, FieldType, Resource, ResourceMeta, Timestamp};
use sea_query::QueryStatementWriter;

use super::{
    Dialect, Verb,
    shape::{Draft, Kind},
    statement::{Otherwise, Statement},
};

/// Statements that take effect together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(super) dialect: Dialect,
    pub(super) statements: Vec<Statement>,
    /// To be taken back, whatever it did.
    pub(super) trial: bool,
    /// Also to be done for a node that was given up: it says by itself what of the lease must be true.
    pub(super) unfenced: bool,
    /// Nothing is lost with it: see [`Batch::redone_by_its_step`].
    pub(super) redone: bool,
}

impl Batch {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, statements: Vec::new(), trial: false, unfenced: false, redone: false }
    }

    /// The same, whether or not this node still has its lease: for what looks after the lease itself.
    #[must_use]
    pub(crate) fn unfenced(mut self) -> Self {
        self.unfenced = true;
        self
    }

    /// The same, of which a power failure takes nothing away: the step of a flow that commits it does so again when it is run
    /// again, and its undo does without. So what the step tells an agent then waits for the disk only where the step's own start
    /// is not on it.
    #[must_use]
    pub fn redone_by_its_step(mut self) -> Self {
        self.redone = true;
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Adds a new row.
    pub fn insert<R: Resource>(&mut self, row: &R) -> &mut Self {
        let mut draft = Draft::new(self.dialect, Kind::Insert, R::META);
        draft.row(row.cells());
        let target = Some((Verb::Insert, R::META));
        self.push_on(target, draft.finish(), format!("insert into {}", R::META.table), None)
    }

    /// Adds an update; finish it with [`Update::any`] or [`Update::expect`].
    pub fn update<R: Resource>(&mut self) -> Update<'_> {
        let mut draft = Draft::new(self.dialect, Kind::Update, R::META);
        let touched = R::META.fields.iter().find(|field| field.column == "last_op_date");
        if let Some(field) = touched {
            draft.set(field.column, Cell::Int(Timestamp::now().0));
        }
        Update { batch: self, draft, meta: R::META }
    }

    /// Adds a delete; finish it with [`Delete::any`] or [`Delete::expect`].
    pub fn delete<R: Resource>(&mut self) -> Delete<'_> {
        self.delete_from(R::META)
    }

    /// Adds a delete from the table of `meta`.
    pub fn delete_from(&mut self, meta: &'static ResourceMeta) -> Delete<'_> {
        let draft = Draft::new(self.dialect, Kind::Delete, meta);
        Delete { batch: self, draft, meta }
    }

    /// Adds any statement; `what` names it in errors, `expect` says how many rows it must touch.
    pub fn push(
        &mut self,
        query: &impl QueryStatementWriter,
        what: String,
        expect: Option<(u64, String)>,
    ) -> &mut Self {
        let (sql, args) = self.dialect.build(query);
        self.push_on(
            None,
            (sql.into(), args),
            what,
            expect.map(|(rows, otherwise)| (rows, Otherwise::Unmet(otherwise))),
        )
    }

    fn push_on(
        &mut self,
        target: Option<(Verb, &'static ResourceMeta)>,
        (sql, args): (Arc<str>, Vec<Cell>),
        what: String,
        expect: Option<(u64, Otherwise)>,
    ) -> &mut Self {
        self.statements.push(Statement { sql, args, what, expect, target });
        self
    }

    /// Adds everything of `other`.
    pub fn append(&mut self, other: Batch) -> &mut Self {
        self.statements.extend(other.statements);
        self
    }
}

/// An update under construction. Sets `last_op_date` by itself where there is one.
#[derive(Debug)]
#[must_use = "an update does nothing until `any` or `expect`"]
pub struct Update<'b> {
    batch: &'b mut Batch,
    draft: Draft,
    meta: &'static ResourceMeta,
}

impl Update<'_> {
    /// Sets a column.
    pub fn set<R: Resource, T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.draft.set(column.name, value.to_cell());
        self
    }

    /// Sets a column when there is a value to set: optional parameters of an update API.
    pub fn set_some<R: Resource, T: FieldType>(self, column: Column<R>, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.set(column, value),
            None => self,
        }
    }

    /// Adds `by`, which may be negative, to a number.
    pub fn add<R: Resource>(mut self, column: Column<R>, by: i64) -> Self {
        self.draft.add(column.name, by);
        self
    }

    /// Only rows where `column` equals `value`.
    pub fn eq<R: Resource, T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.draft.is(column.name, value.to_cell());
        self
    }

    /// Only the row whose key is `key`.
    pub fn key_eq<T: FieldType>(mut self, key: &T) -> Self {
        self.draft.is(self.meta.key().column, key.to_cell());
        self
    }

    /// Only rows where `column` is one of `values`.
    pub fn one_of<R: Resource, T: FieldType>(mut self, column: Column<R>, values: &[T]) -> Self {
        self.draft.among(column.name, values.iter().map(FieldType::to_cell));
        self
    }

    /// Only rows where `column` is at least `least`.
    pub fn at_least<R: Resource>(mut self, column: Column<R>, least: i64) -> Self {
        self.draft.at_least(column.name, Cell::Int(least));
        self
    }

    /// Finishes it: any number of rows is fine.
    pub fn any(self) {
        let target = Some((Verb::Update, self.meta));
        self.batch.push_on(target, self.draft.finish(), format!("update {}", self.meta.table), None);
    }

    /// Finishes it: exactly one row must match, otherwise the batch fails with the text `otherwise`.
    pub fn expect(self, otherwise: impl Into<String>) {
        let (target, expect) = (Some((Verb::Update, self.meta)), Some((1, Otherwise::Unmet(otherwise.into()))));
        self.batch.push_on(target, self.draft.finish(), format!("update {}", self.meta.table), expect);
    }

    /// Finishes it: exactly one row must match, otherwise the batch is refused with `error`, which is what the client
    /// gets to read.
    pub fn expect_or(self, error: ErrorCode) {
        let (target, expect) = (Some((Verb::Update, self.meta)), Some((1, Otherwise::Refused(Box::new(error)))));
        self.batch.push_on(target, self.draft.finish(), format!("update {}", self.meta.table), expect);
    }
}

/// A delete under construction.
#[derive(Debug)]
#[must_use = "a delete does nothing until `any` or `expect`"]
pub struct Delete<'b> {
    batch: &'b mut Batch,
    draft: Draft,
    meta: &'static ResourceMeta,
}

impl Delete<'_> {
    /// Only rows where `column` equals `value`.
    pub fn eq<R: Resource, T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.draft.is(column.name, value.to_cell());
        self
    }

    /// Only rows where `column` is one of `values`.
    pub fn one_of<R: Resource, T: FieldType>(mut self, column: Column<R>, values: &[T]) -> Self {
        self.draft.among(column.name, values.iter().map(FieldType::to_cell));
        self
    }

    /// Only rows where the column called `column` equals `value`; for code that knows the declaration only as data.
    pub fn column_eq(mut self, column: &'static str, value: Cell) -> Self {
        self.draft.is(column, value);
        self
    }

    /// Only rows where the column called `column` is one of `values`.
    pub fn column_in(mut self, column: &'static str, values: impl Iterator<Item = Cell>) -> Self {
        self.draft.among(column, values);
        self
    }

    /// Finishes it: any number of rows is fine.
    pub fn any(self) {
        let target = Some((Verb::Delete, self.meta));
        self.batch.push_on(target, self.draft.finish(), format!("delete from {}", self.meta.table), None);
    }

    /// Finishes it: exactly one row must match, otherwise the batch fails with the text `otherwise`.
    pub fn expect(self, otherwise: impl Into<String>) {
        let (target, expect) = (Some((Verb::Delete, self.meta)), Some((1, Otherwise::Unmet(otherwise.into()))));
        self.batch.push_on(target, self.draft.finish(), format!("delete from {}", self.meta.table), expect);
    }
}

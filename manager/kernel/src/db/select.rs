//! Reads of whole rows of one declared resource, for stores. Clients' questions go through [`crate::query`].

use std::marker::PhantomData;

use cumulo_schema::{Cell, Column, FieldKind, FieldType, Resource};

use super::{
    Db, DbError, DbRow,
    shape::{Draft, Kind},
};

/// A read under construction.
#[derive(Debug)]
#[must_use = "a select reads nothing until `all`, `first` or `count`"]
pub struct Select<'d, R> {
    db: &'d Db,
    draft: Draft,
    resource: PhantomData<fn() -> R>,
}

impl<'d, R: Resource> Select<'d, R> {
    pub(super) fn new(db: &'d Db) -> Self {
        Self { db, draft: Draft::new(db.dialect(), Kind::Read, R::META), resource: PhantomData }
    }

    /// Only rows where `column` equals `value`; `None` means NULL.
    pub fn eq<T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.draft.is(column.name, value.to_cell());
        self
    }

    /// Only rows where `column` differs from `value`.
    pub fn ne<T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.draft.is_not(column.name, value.to_cell());
        self
    }

    /// Only rows where `column` is one of `values`.
    pub fn one_of<T: FieldType>(mut self, column: Column<R>, values: &[T]) -> Self {
        self.draft.among(column.name, values.iter().map(FieldType::to_cell));
        self
    }

    /// Only rows where `column` is at most `most`.
    pub fn at_most(mut self, column: Column<R>, most: i64) -> Self {
        self.draft.at_most(column.name, most);
        self
    }

    /// Only rows where `column` is at least `least`.
    pub fn at_least(mut self, column: Column<R>, least: i64) -> Self {
        self.draft.at_least(column.name, Cell::Int(least));
        self
    }

    /// Only rows where `column` is `first`, or comes after it in the order of [`Select::order_by`].
    pub fn starting_at<T: FieldType>(mut self, column: Column<R>, first: &T) -> Self {
        self.draft.at_least(column.name, first.to_cell());
        self
    }

    /// Ascending by `column`.
    pub fn order_by(mut self, column: Column<R>) -> Self {
        self.draft.ascending(column.name);
        self
    }

    /// Descending by `column`.
    pub fn latest_by(mut self, column: Column<R>) -> Self {
        self.draft.descending(column.name);
        self
    }

    /// At most `rows` rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.draft.limit(rows);
        self
    }

    /// All matching rows.
    ///
    /// # Errors
    /// When the database fails or a row is unreadable.
    pub async fn all(self) -> Result<Vec<R>, DbError> {
        let (sql, args) = self.draft.finish();
        read_all(&self.db.fetch_declared(sql, args, R::META).await?)
    }

    /// The first matching row, if any. Ask for it by something that is indexed.
    ///
    /// # Errors
    /// As [`Select::all`].
    pub async fn first(self) -> Result<Option<R>, DbError> {
        Ok(self.limit(1).all().await?.pop())
    }

    /// How many rows match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(mut self) -> Result<u64, DbError> {
        self.draft.count();
        let (sql, args) = self.draft.finish();
        let rows = self.db.fetch_sql(sql, args).await?;
        let unreadable = |cause| DbError::Unreadable { table: R::META.table, cause };
        match rows.first().map(|row| row.at(0, FieldKind::Long)).transpose().map_err(unreadable)? {
            Some(Cell::Int(count)) => Ok(u64::try_from(count).unwrap_or(0)),
            _ => Ok(0),
        }
    }
}

fn read_all<R: Resource>(rows: &[DbRow]) -> Result<Vec<R>, DbError> {
    let read = |row: &DbRow| R::read(row).map_err(|cause| DbError::Unreadable { table: R::META.table, cause });
    rows.iter().map(read).collect()
}

//! Reads of whole rows of one declared resource, for stores. Clients' questions go through [`crate::query`].

use std::marker::PhantomData;

use cumulo_schema::{Column, FieldType, Resource};
use sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};

use super::{Db, DbError, DbRow, batch::equals, statement::to_value};

/// A read under construction.
#[derive(Debug)]
#[must_use = "a select reads nothing until `all`, `first` or `count`"]
pub struct Select<'d, R> {
    db: &'d Db,
    query: SelectStatement,
    resource: PhantomData<fn() -> R>,
}

impl<'d, R: Resource> Select<'d, R> {
    pub(super) fn new(db: &'d Db) -> Self {
        let mut query = Query::select();
        query.from(Alias::new(R::META.table));
        Self { db, query, resource: PhantomData }
    }

    /// Only rows where `column` equals `value`; `None` means NULL.
    pub fn eq<T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.query.and_where(equals(column.name, value.to_cell()));
        self
    }

    /// Only rows where `column` differs from `value`.
    pub fn ne<T: FieldType>(mut self, column: Column<R>, value: &T) -> Self {
        self.query.and_where(Expr::col(Alias::new(column.name)).ne(to_value(value.to_cell())));
        self
    }

    /// Only rows where `column` is one of `values`.
    pub fn one_of<T: FieldType>(mut self, column: Column<R>, values: &[T]) -> Self {
        self.query.and_where(Expr::col(Alias::new(column.name)).is_in(values.iter().map(|v| to_value(v.to_cell()))));
        self
    }

    /// Only rows where `column` is at most `most`.
    pub fn at_most(mut self, column: Column<R>, most: i64) -> Self {
        self.query.and_where(Expr::col(Alias::new(column.name)).lte(most));
        self
    }

    /// Only rows where `column` is at least `least`.
    pub fn at_least(mut self, column: Column<R>, least: i64) -> Self {
        self.query.and_where(Expr::col(Alias::new(column.name)).gte(least));
        self
    }

    /// Ascending by `column`.
    pub fn order_by(mut self, column: Column<R>) -> Self {
        self.query.order_by(Alias::new(column.name), Order::Asc);
        self
    }

    /// Descending by `column`.
    pub fn latest_by(mut self, column: Column<R>) -> Self {
        self.query.order_by(Alias::new(column.name), Order::Desc);
        self
    }

    /// At most `rows` rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.query.limit(rows);
        self
    }

    /// All matching rows.
    ///
    /// # Errors
    /// When the database fails or a row is unreadable.
    pub async fn all(self) -> Result<Vec<R>, DbError> {
        let (db, query) = self.whole_rows();
        read_all(&db.fetch(&query).await?)
    }

    /// The first matching row, if any. Ask for it by something that is indexed.
    ///
    /// # Errors
    /// As [`Select::all`].
    pub async fn first(self) -> Result<Option<R>, DbError> {
        let (db, query) = self.limit(1).whole_rows();
        Ok(read_all(&db.fetch(&query).await?)?.pop())
    }

    fn whole_rows(mut self) -> (&'d Db, SelectStatement) {
        self.query.columns(R::META.fields.iter().map(|field| Alias::new(field.column)));
        (self.db, self.query)
    }

    /// How many rows match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(mut self) -> Result<u64, DbError> {
        self.query.expr(Expr::val(1).count());
        let rows = self.db.fetch(&self.query).await?;
        let unreadable = |cause| DbError::Unreadable { table: R::META.table, cause };
        match rows.first().map(|row| row.at(0, cumulo_schema::FieldKind::Long)).transpose().map_err(unreadable)? {
            Some(cumulo_schema::Cell::Int(count)) => Ok(u64::try_from(count).unwrap_or(0)),
            _ => Ok(0),
        }
    }
}

fn read_all<R: Resource>(rows: &[DbRow]) -> Result<Vec<R>, DbError> {
    let read = |row: &DbRow| R::read(row).map_err(|cause| DbError::Unreadable { table: R::META.table, cause });
    rows.iter().map(read).collect()
}

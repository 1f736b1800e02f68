//! Statements on one table. Their text follows from their shape, which is everything but the values, and a node has a few
//! hundred shapes: so the query builder makes each text once, and it is kept.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use cumulo_schema::{Cell, FieldMeta, ResourceMeta};
use sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Order, Query, QueryStatementWriter};

use super::Dialect;

/// Values in a list up to which a text is kept; lists may have any length.
const LISTED: usize = 16;

static TEXTS: LazyLock<RwLock<HashMap<Shape, Arc<str>>>> = LazyLock::new(RwLock::default);

/// A statement under construction.
#[derive(Debug)]
pub(super) struct Draft {
    shape: Shape,
    /// What columns are set to.
    set: Vec<Cell>,
    /// What they are compared with.
    compared: Vec<Cell>,
    limit: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shape {
    dialect: Dialect,
    kind: Kind,
    table: &'static str,
    fields: Fields,
    parts: Vec<Part>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Reads whole rows.
    Read,
    /// Counts rows.
    Count,
    /// Adds a row.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
}

/// The fields of a declaration; the same are at the same place.
#[derive(Debug, Clone, Copy)]
struct Fields(&'static [FieldMeta]);

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Fields {}

impl Hash for Fields {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ptr().hash(state);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Set(&'static str),
    Add(&'static str),
    Is(&'static str),
    IsNull(&'static str),
    IsNot(&'static str),
    Among(&'static str, usize),
    AtMost(&'static str),
    AtLeast(&'static str),
    Ascending(&'static str),
    Descending(&'static str),
    Limit,
}

impl Draft {
    pub(super) fn new(dialect: Dialect, kind: Kind, meta: &'static ResourceMeta) -> Self {
        let shape =
            Shape { dialect, kind, table: meta.table, fields: Fields(meta.fields), parts: Vec::with_capacity(6) };
        Self { shape, set: Vec::new(), compared: Vec::new(), limit: None }
    }

    /// The row to be inserted.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.set = cells;
    }

    pub(super) fn set(&mut self, column: &'static str, value: Cell) {
        self.shape.parts.push(Part::Set(column));
        self.set.push(value);
    }

    pub(super) fn add(&mut self, column: &'static str, by: i64) {
        self.shape.parts.push(Part::Add(column));
        self.set.push(Cell::Int(by));
    }

    /// NULL is a value like any other.
    pub(super) fn is(&mut self, column: &'static str, value: Cell) {
        match value {
            Cell::Null => self.shape.parts.push(Part::IsNull(column)),
            value => self.compare(Part::Is(column), value),
        }
    }

    pub(super) fn is_not(&mut self, column: &'static str, value: Cell) {
        self.compare(Part::IsNot(column), value);
    }

    pub(super) fn among(&mut self, column: &'static str, values: impl Iterator<Item = Cell>) {
        let before = self.compared.len();
        self.compared.extend(values);
        self.shape.parts.push(Part::Among(column, self.compared.len() - before));
    }

    pub(super) fn at_most(&mut self, column: &'static str, most: i64) {
        self.compare(Part::AtMost(column), Cell::Int(most));
    }

    pub(super) fn at_least(&mut self, column: &'static str, least: Cell) {
        self.compare(Part::AtLeast(column), least);
    }

    fn compare(&mut self, part: Part, value: Cell) {
        self.shape.parts.push(part);
        self.compared.push(value);
    }

    pub(super) fn ascending(&mut self, column: &'static str) {
        self.shape.parts.push(Part::Ascending(column));
    }

    pub(super) fn descending(&mut self, column: &'static str) {
        self.shape.parts.push(Part::Descending(column));
    }

    /// The last one counts.
    pub(super) fn limit(&mut self, rows: u64) {
        if self.limit.replace(rows).is_none() {
            self.shape.parts.push(Part::Limit);
        }
    }

    pub(super) fn count(&mut self) {
        self.shape.kind = Kind::Count;
    }

    /// Text, and the values in their order in it.
    pub(super) fn finish(mut self) -> (Arc<str>, Vec<Cell>) {
        self.set.append(&mut self.compared);
        self.set.extend(self.limit.map(|rows| Cell::Int(i64::try_from(rows).unwrap_or(i64::MAX))));
        (self.shape.text(), self.set)
    }
}

impl Shape {
    fn text(self) -> Arc<str> {
        if let Some(text) = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&self) {
            return text.clone();
        }
        let text: Arc<str> = self.build().into();
        if self.parts.iter().all(|part| !matches!(part, Part::Among(_, values) if *values > LISTED)) {
            TEXTS.write().unwrap_or_else(PoisonError::into_inner).insert(self, text.clone());
        }
        text
    }

    fn build(&self) -> String {
        let columns = || self.fields.0.iter().map(|field| Alias::new(field.column));
        let table = Alias::new(self.table);
        match self.kind {
            Kind::Read => self.narrowed(Query::select().from(table).columns(columns())),
            Kind::Count => self.narrowed(Query::select().from(table).expr(Func::count(Expr::col(Asterisk)))),
            Kind::Insert => {
                let values = self.fields.0.iter().map(|_| any());
                self.dialect.text(Query::insert().into_table(table).columns(columns()).values_panic(values))
            }
            Kind::Update => {
                let mut query = Query::update();
                query.table(table);
                for part in &self.parts {
                    match *part {
                        Part::Set(column) => query.value(Alias::new(column), any()),
                        Part::Add(column) => query.value(Alias::new(column), col(column).add(any())),
                        part => query.and_where_option(part.condition()),
                    };
                }
                self.dialect.text(&query)
            }
            Kind::Delete => {
                let mut query = Query::delete();
                query.from_table(table);
                for part in &self.parts {
                    query.and_where_option(part.condition());
                }
                self.dialect.text(&query)
            }
        }
    }

    fn narrowed(&self, query: &mut sea_query::SelectStatement) -> String {
        for part in &self.parts {
            match *part {
                Part::Ascending(column) => query.order_by(Alias::new(column), Order::Asc),
                Part::Descending(column) => query.order_by(Alias::new(column), Order::Desc),
                Part::Limit => query.limit(1),
                part => query.and_where_option(part.condition()),
            };
        }
        self.dialect.text(query)
    }
}

impl Part {
    fn condition(self) -> Option<Expr> {
        match self {
            Part::Is(column) => Some(col(column).eq(any())),
            Part::IsNull(column) => Some(col(column).is_null()),
            Part::IsNot(column) => Some(col(column).ne(any())),
            // What the builder makes of an empty list has values of its own.
            Part::Among(_, 0) => Some(Expr::cust("1 = 0")),
            Part::Among(column, values) => Some(col(column).is_in((0..values).map(|_| 0))),
            Part::AtMost(column) => Some(col(column).lte(any())),
            Part::AtLeast(column) => Some(col(column).gte(any())),
            Part::Set(_) | Part::Add(_) | Part::Ascending(_) | Part::Descending(_) | Part::Limit => None,
        }
    }
}

fn col(column: &'static str) -> Expr {
    Expr::col(Alias::new(column))
}

/// Stands where a value will be.
fn any() -> Expr {
    Expr::val(0)
}

impl Dialect {
    fn text(self, query: &impl QueryStatementWriter) -> String {
        self.build(query).0
    }
}

#[cfg(test)]
mod tests {
    use cumulo_schema::Resource;

    use super::*;
    use crate::membership::RingEpoch;

    /// Text and values, the same when built and when kept.
    fn drawn(dialect: Dialect, kind: Kind, draw: impl Fn(&mut Draft)) -> (String, Vec<Cell>) {
        let finished = || {
            let mut draft = Draft::new(dialect, kind, RingEpoch::META);
            draw(&mut draft);
            draft.finish()
        };
        let (built, kept) = (finished(), finished());
        assert_eq!(built, kept);
        (built.0.to_string(), built.1)
    }

    fn ints(numbers: &[i64]) -> Vec<Cell> {
        numbers.iter().copied().map(Cell::Int).collect()
    }

    #[test]
    fn values_stand_where_the_text_has_their_places() {
        let update = drawn(Dialect::Sqlite, Kind::Update, |draft| {
            draft.is("a", Cell::Int(1));
            draft.set("b", Cell::Int(2));
            draft.is("c", Cell::Null);
            draft.add("d", 3);
            draft.at_least("e", Cell::Int(4));
        });
        let text = r#"UPDATE "ring_epoch" SET "b" = ?, "d" = "d" + ? WHERE "a" = ? AND "c" IS NULL AND "e" >= ?"#;
        assert_eq!(update, (text.to_owned(), ints(&[2, 3, 1, 4])));
        let count = drawn(Dialect::MySql, Kind::Count, |draft| {
            draft.limit(7);
            draft.is_not("a", Cell::Int(1));
            draft.at_most("b", 2);
            draft.limit(1);
            draft.descending("a");
        });
        let text = "SELECT COUNT(*) FROM `ring_epoch` WHERE `a` <> ? AND `b` <= ? ORDER BY `a` DESC LIMIT ?";
        assert_eq!(count, (text.to_owned(), ints(&[1, 2, 1])));
    }

    #[test]
    fn lists_of_any_length_have_a_place_for_each_value() {
        for length in [0, 1, LISTED, LISTED + 1, 100] {
            let (text, values) = drawn(Dialect::Sqlite, Kind::Delete, |draft| {
                draft.among("a", (0..length).map(|_| Cell::Int(1)));
                draft.is("b", Cell::Int(2));
            });
            assert_eq!((text.matches('?').count(), values.len()), (length + 1, length + 1), "{text}");
            assert_eq!(length == 0, text.contains("1 = 0"), "{text}");
            assert_eq!(values.last(), Some(&Cell::Int(2)));
        }
    }

    #[test]
    fn a_row_has_all_columns_of_its_declaration() {
        let fields = RingEpoch::META.fields;
        let (read, _) = drawn(Dialect::Sqlite, Kind::Read, |_| {});
        let (insert, values) = drawn(Dialect::Sqlite, Kind::Insert, |draft| draft.row(vec![Cell::Null; fields.len()]));
        assert!(fields.iter().all(|field| [&read, &insert].iter().all(|text| text.contains(field.column))));
        assert_eq!((insert.matches('?').count(), values.len()), (fields.len(), fields.len()));
    }
}

//! What a statement must find, worked out row by row. It shares nothing with the engine but the declarations.

use std::collections::{BTreeMap, BTreeSet};

use cumulo_schema::{Cell, FieldKind, Resource, ResourceMeta, Timestamp, Uuid};
use serde_json::{Map, Value};

use super::library::{Book, BookTheme, Hall, Museum, Rows, Shelf};

/// A row by wire names.
pub(crate) type Row = BTreeMap<&'static str, Cell>;

/// A condition, as the generator made it.
#[derive(Debug, Clone)]
pub(crate) enum Cond {
    All(Vec<Cond>),
    Any(Vec<Cond>),
    Test(Vec<String>, Test),
    /// Two fields, each of the target or of what is joined.
    Match(Vec<String>, &'static str, Vec<String>),
}

/// What is asked of a field.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// Operator and values.
    Values(&'static str, Vec<String>),
    Has(Vec<String>, bool),
    /// Target, path of the field, condition, whether it must not be among them.
    Within(&'static str, Vec<String>, Box<Cond>, bool),
}

/// All rows as the caller sees them.
pub(crate) struct Model<'r> {
    rows: &'r Rows,
    tables: BTreeMap<&'static str, Vec<Row>>,
}

/// The target's row, and what is joined to it: `None` where nothing is.
pub(crate) struct Joined<'m> {
    pub(crate) target: (&'static ResourceMeta, &'m Row),
    pub(crate) other: Option<(&'static ResourceMeta, Option<&'m Row>)>,
}

fn row<R: Resource>(resource: &R) -> Row {
    R::META.fields.iter().map(|field| field.wire).zip(resource.cells()).collect()
}

pub(crate) fn meta_of(name: &str) -> &'static ResourceMeta {
    super::library::RESOURCES.into_iter().find(|meta| meta.name == name).expect("declared")
}

fn levels(meta: &'static ResourceMeta) -> Vec<&'static ResourceMeta> {
    meta.parent.map(|parent| meta_of(parent.resource)).into_iter().chain([meta]).collect()
}

/// What kind of value the field holds.
pub(crate) fn kind_of(meta: &'static ResourceMeta, wire: &str) -> FieldKind {
    let field = levels(meta).into_iter().find_map(|meta| meta.field(wire));
    field.map_or(FieldKind::String, |field| field.kind)
}

impl<'r> Model<'r> {
    pub(crate) fn new(rows: &'r Rows, account: Uuid) -> Self {
        let sees = |uuid: Uuid| {
            account == Uuid::ADMIN || rows.owners.iter().any(|(owned, who)| *owned == uuid && *who == account)
        };
        let museums = rows.museums.iter().map(|museum| {
            let hall = rows.halls.iter().find(|hall| hall.uuid == museum.uuid).expect("its hall");
            row(hall).into_iter().chain(row(museum)).collect()
        });
        let tables = BTreeMap::from([
            (Hall::META.name, rows.halls.iter().map(row).collect()),
            (Museum::META.name, museums.collect()),
            (Shelf::META.name, rows.shelves.iter().filter(|shelf| sees(shelf.uuid)).map(row).collect()),
            (Book::META.name, rows.books.iter().filter(|book| sees(book.uuid)).map(row).collect()),
            (BookTheme::META.name, rows.themes.iter().map(row).collect()),
        ]);
        Self { rows, tables }
    }

    pub(crate) fn table(&self, meta: &ResourceMeta) -> &[Row] {
        &self.tables[meta.name]
    }

    pub(crate) fn holds(&self, cond: &Cond, at: &Joined<'_>) -> bool {
        match cond {
            Cond::All(parts) => parts.iter().all(|part| self.holds(part, at)),
            Cond::Any(parts) => parts.iter().any(|part| self.holds(part, at)),
            Cond::Test(path, test) => self.test(path, test, at),
            Cond::Match(left, operator, right) => {
                let (left, right) = (field(left, at), field(right, at));
                compare(&left, operator, &right)
            }
        }
    }

    fn test(&self, path: &[String], test: &Test, at: &Joined<'_>) -> bool {
        let (meta, row, rest) = side(path, at);
        match test {
            Test::Has(values, none) => {
                let has = |value: &String| self.reaches(meta, row, rest, &Test::Values("=", vec![value.clone()]));
                if *none { !values.iter().any(has) } else { values.iter().all(has) }
            }
            other => self.reaches(meta, row, rest, other),
        }
    }

    /// Whether a row that `path` leads to from `row` satisfies `test`.
    fn reaches(&self, meta: &'static ResourceMeta, row: Option<&Row>, path: &[String], test: &Test) -> bool {
        let [name] = path else { return self.step(meta, row, path, test) };
        if name == "themes" || name == "__userTag__" {
            let own = row.and_then(|row| row.get("uuid")).cloned();
            let members: Vec<String> = match name.as_str() {
                "themes" => {
                    let about = |theme: &&BookTheme| Some(Cell::Text(theme.book_uuid.to_string())) == own;
                    self.rows.themes.iter().filter(about).map(|theme| theme.theme.clone()).collect()
                }
                _ => {
                    let on = |tag: &&(Uuid, String)| Some(Cell::Text(tag.0.to_string())) == own;
                    self.rows.tags.iter().filter(on).map(|(_, tag)| tag.clone()).collect()
                }
            };
            let Test::Values(operator, values) = test else { return false };
            let (operator, none) = match *operator {
                "!=" => ("=", true),
                "not like" => ("like", true),
                "not in" => ("in", true),
                "is null" => ("is not null", true),
                other => (other, false),
            };
            let any =
                members.iter().any(|member| meets(&Cell::Text(member.clone()), FieldKind::String, operator, values));
            return any != none;
        }
        let cell = row.and_then(|row| row.get(name.as_str())).cloned().unwrap_or(Cell::Null);
        match test {
            Test::Values(operator, values) => meets(&cell, kind_of(meta, name), operator, values),
            Test::Within(target, path, cond, none) => {
                let found = self.values(meta_of(target), path, cond);
                match (found.is_empty(), &cell) {
                    (true, _) => *none,
                    (false, Cell::Null) => false,
                    (false, cell) => found.contains(&cell.to_string()) != *none,
                }
            }
            Test::Has(..) => false,
        }
    }

    fn step(&self, meta: &'static ResourceMeta, row: Option<&Row>, path: &[String], test: &Test) -> bool {
        let (first, rest) = path.split_first().expect("a path has parts");
        if let Some(alias) = levels(meta).iter().find_map(|meta| meta.aliases.iter().find(|alias| alias.name == first))
        {
            let long: Vec<String> = alias.path.split('.').map(str::to_owned).chain(rest.iter().cloned()).collect();
            return self.step(meta, row, &long, test);
        }
        self.neighbours(meta, row, first).iter().any(|(meta, row)| self.reaches(meta, Some(row), rest, test))
    }

    /// The rows that the join called `name` leads to.
    fn neighbours(
        &self,
        meta: &'static ResourceMeta,
        row: Option<&Row>,
        name: &str,
    ) -> Vec<(&'static ResourceMeta, &Row)> {
        let expand = levels(meta).into_iter().find_map(|meta| meta.expands.iter().find(|expand| expand.name == name));
        let expand = expand.unwrap_or_else(|| panic!("{} has no join {name}", meta.name));
        let next = meta_of(expand.resource);
        let from = row.and_then(|row| row.get(expand.from)).filter(|cell| **cell != Cell::Null);
        self.table(next)
            .iter()
            .filter(|row| from.is_some() && row.get(expand.to) == from)
            .map(|row| (next, row))
            .collect()
    }

    /// What a sub-query finds.
    fn values(&self, target: &'static ResourceMeta, path: &[String], cond: &Cond) -> BTreeSet<String> {
        let of_row = |row: &Row| self.holds(cond, &Joined { target: (target, row), other: None });
        let mut at: Vec<(&'static ResourceMeta, &Row)> =
            self.table(target).iter().filter(|row| of_row(row)).map(|row| (target, row)).collect();
        let (last, joins) = path.split_last().expect("a field");
        for join in joins {
            at = at.into_iter().flat_map(|(meta, row)| self.neighbours(meta, Some(row), join)).collect();
        }
        at.iter()
            .filter_map(|(_, row)| row.get(last.as_str()))
            .filter(|c| **c != Cell::Null)
            .map(Cell::to_string)
            .collect()
    }
}

/// Whose field a path begins with, and the rest of it.
fn side<'a>(path: &'a [String], at: &Joined<'a>) -> (&'static ResourceMeta, Option<&'a Row>, &'a [String]) {
    match (path.split_first(), &at.other) {
        (Some((first, rest)), Some((meta, row))) if !rest.is_empty() && first.eq_ignore_ascii_case(meta.name) => {
            (meta, *row, rest)
        }
        (Some((first, rest)), _) if !rest.is_empty() && first.eq_ignore_ascii_case(at.target.0.name) => {
            (at.target.0, Some(at.target.1), rest)
        }
        _ => (at.target.0, Some(at.target.1), path),
    }
}

/// The value of a field of the target or of what is joined.
pub(crate) fn field(path: &[String], at: &Joined<'_>) -> Cell {
    let (_, row, rest) = side(path, at);
    row.and_then(|row| row.get(rest[0].as_str())).cloned().unwrap_or(Cell::Null)
}

fn meets(cell: &Cell, kind: FieldKind, operator: &str, values: &[String]) -> bool {
    let typed = |text: &String| match kind {
        FieldKind::Integer | FieldKind::Long => Cell::Int(text.parse().expect("a number")),
        FieldKind::Boolean => Cell::Int(i64::from(text == "true")),
        FieldKind::Timestamp => Cell::Int(Timestamp::parse(text).expect("a time").0),
        _ => Cell::Text(text.clone()),
    };
    match operator {
        "is null" => *cell == Cell::Null,
        "is not null" => *cell != Cell::Null,
        _ if *cell == Cell::Null => false,
        "in" => values.iter().any(|value| *cell == typed(value)),
        "not in" => !values.iter().any(|value| *cell == typed(value)),
        "like" => like(cell, &values[0]),
        "not like" => !like(cell, &values[0]),
        plain => compare(cell, plain, &typed(&values[0])),
    }
}

fn compare(left: &Cell, operator: &str, right: &Cell) -> bool {
    let order = match (left, right) {
        (Cell::Int(left), Cell::Int(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        _ => return false,
    };
    match operator {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        other => panic!("no comparison {other}"),
    }
}

fn like(cell: &Cell, pattern: &str) -> bool {
    fn matches(text: &[u8], pattern: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'%', rest)), _) => (0..=text.len()).any(|skip| matches(&text[skip..], rest)),
            (Some((b'_', rest)), Some((_, text))) => matches(text, rest),
            (Some((wanted, rest)), Some((first, text))) => wanted == first && matches(text, rest),
            (Some(_), None) => false,
        }
    }
    matches!(cell, Cell::Text(text) if matches(text.as_bytes(), pattern.as_bytes()))
}

/// The cell as an answer shows it.
pub(crate) fn shown(kind: FieldKind, cell: &Cell) -> Option<Value> {
    Some(match (kind, cell) {
        (_, Cell::Null) => return None,
        (FieldKind::Boolean, Cell::Int(number)) => Value::Bool(*number != 0),
        (FieldKind::Timestamp, Cell::Int(number)) => Value::String(Timestamp(*number).to_string()),
        (_, Cell::Int(number)) => Value::from(*number),
        (_, Cell::Text(text)) => Value::from(text.clone()),
    })
}

/// The wanted members of a row.
pub(crate) fn inventory(meta: &'static ResourceMeta, row: &Row, fields: &[&'static str]) -> Map<String, Value> {
    let member = |wire: &&'static str| Some(((*wire).to_owned(), shown(kind_of(meta, wire), &row[wire])?));
    fields.iter().filter_map(member).collect()
}

//! What is in a database, whatever its tables.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use anyhow::Context;
use rusqlite::{Connection, OpenFlags, types::Value};

/// All rows of all tables.
pub(super) struct Snapshot {
    pub(super) tables: BTreeMap<String, Table>,
}

/// One table.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    /// Places of the columns of its key.
    pub(super) key: Vec<usize>,
    /// How many tables have to be written before it, one referring to the other.
    pub(super) depth: usize,
    /// By the text of their key.
    pub(super) rows: BTreeMap<String, Vec<Value>>,
}

impl Snapshot {
    /// Of the database at `path`, copied to `copy`.
    pub(super) fn take(path: &Path, copy: &Path) -> anyhow::Result<Self> {
        let copy = copy.to_str().context("a path of text")?;
        open(path)?.execute("VACUUM INTO ?", [copy])?;
        Self::of(Path::new(copy))
    }

    /// Of the database at `path`, which may be in use.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let mut connection = open(path)?;
        let moment = connection.transaction()?;
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let names: Vec<String> = moment.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut parents = BTreeMap::new();
        for name in &names {
            let sql = "SELECT \"table\" FROM pragma_foreign_key_list(?) WHERE \"table\" <> ?";
            let of: Vec<String> =
                moment.prepare(sql)?.query_map([name, name], |row| row.get(0))?.collect::<Result<_, _>>()?;
            parents.insert(name.clone(), of);
        }
        let mut tables = BTreeMap::new();
        for name in names {
            let depth = depth(&parents, &name, parents.len());
            tables.insert(name.clone(), read(&moment, &name, depth)?);
        }
        Ok(Self { tables })
    }

    /// Every id that stands anywhere in it.
    pub(super) fn ids(&self) -> HashSet<&str> {
        let cells = self.tables.values().flat_map(|table| table.rows.values().flatten());
        cells.filter_map(text).flat_map(|text| ids(text).map(|(_, id)| id)).collect()
    }
}

fn open(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).with_context(|| format!("{} cannot be read", path.display()))
}

fn read(connection: &Connection, table: &str, depth: usize) -> anyhow::Result<Table> {
    let sql = "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid";
    let columns: Vec<(String, i64)> =
        connection.prepare(sql)?.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut key: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].1 > 0).collect();
    if key.is_empty() {
        key = unique(connection, table)?;
    }
    if key.is_empty() {
        key = (0..columns.len()).collect();
    }
    let columns: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let mut rows = BTreeMap::new();
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let cells: Vec<Value> = (0..columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
        let name: Vec<String> = key.iter().map(|at| format!("{:?}", cells[*at])).collect();
        rows.insert(name.join(" "), cells);
    }
    Ok(Table { columns, key, depth, rows })
}

/// Places of the columns of a unique index of the table; none where it has no such index.
fn unique(connection: &Connection, table: &str) -> rusqlite::Result<Vec<usize>> {
    let sql = "SELECT cid FROM pragma_index_info((SELECT name FROM pragma_index_list(?) WHERE \"unique\" LIMIT 1))";
    connection.prepare(sql)?.query_map([table], |row| Ok(usize::from(row.get::<_, u16>(0)?)))?.collect()
}

/// How long the longest chain of references from `table` is, and at most `most`: they may go in a circle.
fn depth(parents: &BTreeMap<String, Vec<String>>, table: &str, most: usize) -> usize {
    let Some(next) = most.checked_sub(1) else { return 0 };
    let of = parents.get(table).into_iter().flatten();
    of.map(|parent| 1 + depth(parents, parent, next)).max().unwrap_or(0)
}

/// The text in a cell, if it is one.
pub(super) fn text(cell: &Value) -> Option<&str> {
    match cell {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The ids in a text, with their places: 32 hexadecimal digits with none before or after.
pub(super) fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let length = bytes[at..].iter().take_while(|byte| is_digit(**byte)).count();
            let begun = at;
            at += length.max(1);
            if length == 32 {
                return Some((begun, &text[begun..begun + length]));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_they_stand_alone() {
        let id = "0123456789abcdef0123456789abcdef";
        let text = format!("{{\"a\":\"{id}\",\"b\":\"{id}0\",\"c\":\"é{id}\"}}");
        let found: Vec<_> = ids(&text).collect();
        assert_eq!(found, [(6, id), (text.len() - 34, id)]);
    }

    #[test]
    fn references_in_a_circle_have_an_end() {
        let parents = [("a", vec!["b"]), ("b", vec!["a"]), ("c", vec!["a"])];
        let parents = parents.map(|(name, of)| (name.to_owned(), of.into_iter().map(str::to_owned).collect()));
        assert!(depth(&parents.into(), "c", 3) <= 3);
    }
}

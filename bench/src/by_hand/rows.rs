//! What changes in a database with a VM, so that the same can be written for any number of them.

use std::{collections::HashSet, net::Ipv4Addr, sync::Arc};

use anyhow::Context;
use cumulo_schema::Uuid;
use rusqlite::types::Value;

use super::snapshot::{Snapshot, Table, ids, text};

/// A statement and its values.
pub(super) type Bound = (Arc<str>, Vec<Value>);

/// From an address to the same one of the next network.
const ELSEWHERE: u32 = 1 << 16;

/// What is another one for each VM.
pub(super) struct Marks {
    /// Ids that were there before.
    known: HashSet<String>,
    ip: Ipv4Addr,
    mac: String,
}

impl Marks {
    /// Those of the VM that came between the two.
    pub(super) fn of(before: &Snapshot, with: &Snapshot) -> anyhow::Result<Self> {
        let known = before.ids().into_iter().map(str::to_owned).collect();
        let ip = new_cell(before, with, "used_ip", "ip").context("the VM took no address")?;
        let mac = new_cell(before, with, "vm_nic", "mac").context("the VM has no NIC")?;
        Ok(Self { known, ip: ip.parse()?, mac })
    }

    /// `cell` with its marks taken out.
    fn datum(&self, cell: &Value) -> Datum {
        let Some(text) = text(cell) else {
            return match cell {
                Value::Integer(number) if *number == i64::from(u32::from(self.ip)) => Datum::IpNumber(self.ip),
                other => Datum::Same(other.clone()),
            };
        };
        let ids = ids(text).filter(|(_, id)| !self.known.contains(*id));
        let mut marks: Vec<_> = ids.filter_map(|(at, id)| Some((at, id.len(), Piece::Id(id.parse().ok()?)))).collect();
        let ip = self.ip.to_string();
        marks.extend(text.match_indices(&ip).map(|(at, ip)| (at, ip.len(), Piece::Ip(self.ip))));
        marks.extend(text.match_indices(&self.mac).map(|(at, mac)| (at, mac.len(), Piece::Mac)));
        if marks.is_empty() {
            return Datum::Same(cell.clone());
        }
        marks.sort_by_key(|(at, ..)| *at);
        let (mut pieces, mut done) = (Vec::new(), 0);
        for (at, length, piece) in marks {
            pieces.push(Piece::Same(text[done..at].to_owned()));
            pieces.push(piece);
            done = at + length;
        }
        pieces.push(Piece::Same(text[done..].to_owned()));
        Datum::Text(pieces)
    }
}

/// The text in `column` of the row that is new in `table`.
fn new_cell(before: &Snapshot, with: &Snapshot, table: &str, column: &str) -> Option<String> {
    let (old, new) = (before.tables.get(table)?, with.tables.get(table)?);
    let (_, row) = new.rows.iter().find(|(key, _)| !old.rows.contains_key(*key))?;
    let at = new.columns.iter().position(|name| name == column)?;
    text(&row[at]).map(str::to_owned)
}

/// A value for each VM.
enum Datum {
    Same(Value),
    Text(Vec<Piece>),
    IpNumber(Ipv4Addr),
}

/// A part of a text.
enum Piece {
    Same(String),
    Id(Uuid),
    Ip(Ipv4Addr),
    Mac,
}

impl Datum {
    /// That of the VM `n`.
    fn of(&self, n: u32) -> Value {
        match self {
            Self::Same(value) => value.clone(),
            Self::IpNumber(ip) => Value::Integer(u32::from(address(*ip, n)).into()),
            Self::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Same(same) => text += same,
                        Piece::Id(id) => text += &id.derive(&n.to_string()).to_string(),
                        Piece::Ip(ip) => text += &address(*ip, n).to_string(),
                        Piece::Mac => text += &mac(n),
                    }
                }
                Value::Text(text)
            }
        }
    }
}

/// The address of the VM `n`: beyond the network of 65,536 in which the node gave the one that was recorded, and others.
pub(super) fn address(recorded: Ipv4Addr, n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(recorded).wrapping_add(ELSEWHERE + n))
}

/// The hardware address of the VM `n`.
pub(super) fn mac(n: u32) -> String {
    let [_, a, b, c] = n.to_be_bytes();
    format!("fa:00:ff:{a:02x}:{b:02x}:{c:02x}")
}

/// What is written, in an order that references allow.
pub(super) struct Changes(Vec<Change>);

struct Change {
    sql: Arc<str>,
    values: Vec<Datum>,
    /// Deletes first, from the leaves; then updates; then new rows, from the roots.
    order: (u8, usize),
}

impl Changes {
    /// What has to be done to the one database to become the other.
    pub(super) fn between(before: &Snapshot, after: &Snapshot, marks: &Marks) -> Self {
        let mut changes = Vec::new();
        for (name, new) in &after.tables {
            let Some(old) = before.tables.get(name) else { continue };
            for (key, row) in &new.rows {
                match old.rows.get(key) {
                    None => changes.push(insert(name, new, row, marks)),
                    Some(was) if was != row => changes.push(update(name, new, (was, row), marks)),
                    Some(_) => {}
                }
            }
            let gone = old.rows.iter().filter(|(key, _)| !new.rows.contains_key(*key));
            changes.extend(gone.map(|(_, row)| delete(name, old, row, marks)));
        }
        changes.sort_by_key(|change| change.order);
        Self(changes)
    }

    /// How many rows.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of the VM `n`, in so many parts of about the same size.
    pub(super) fn parts(&self, parts: usize, n: u32) -> Vec<Vec<Bound>> {
        let bound = |change: &Change| (change.sql.clone(), change.values.iter().map(|datum| datum.of(n)).collect());
        let size = self.0.len().div_ceil(parts).max(1);
        self.0.chunks(size).map(|part| part.iter().map(bound).collect()).collect()
    }
}

fn insert(name: &str, table: &Table, row: &[Value], marks: &Marks) -> Change {
    let columns: Vec<String> = table.columns.iter().map(|column| format!("\"{column}\"")).collect();
    let sql = format!("INSERT INTO \"{name}\" ({}) VALUES ({})", columns.join(", "), vec!["?"; row.len()].join(", "));
    let values = row.iter().map(|cell| marks.datum(cell)).collect();
    Change { sql: sql.into(), values, order: (2, table.depth) }
}

fn update(name: &str, table: &Table, (was, row): (&[Value], &[Value]), marks: &Marks) -> Change {
    let changed: Vec<usize> = (0..row.len()).filter(|at| was[*at] != row[*at]).collect();
    let list = |places: &[usize], between: &str| {
        let columns: Vec<String> = places.iter().map(|at| format!("\"{}\" = ?", table.columns[*at])).collect();
        columns.join(between)
    };
    let sql = format!("UPDATE \"{name}\" SET {} WHERE {}", list(&changed, ", "), list(&table.key, " AND "));
    let values = changed.iter().chain(&table.key).map(|at| marks.datum(&row[*at])).collect();
    Change { sql: sql.into(), values, order: (1, 0) }
}

fn delete(name: &str, table: &Table, row: &[Value], marks: &Marks) -> Change {
    let columns: Vec<String> = table.key.iter().map(|at| format!("\"{}\" IS ?", table.columns[*at])).collect();
    let sql = format!("DELETE FROM \"{name}\" WHERE {}", columns.join(" AND "));
    let values = table.key.iter().map(|at| marks.datum(&row[*at])).collect();
    Change { sql: sql.into(), values, order: (0, usize::MAX - table.depth) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "aaaaaaaabbbb4ccc8dddeeeeeeeeeeee";

    #[test]
    fn each_vm_has_ids_and_addresses_of_its_own() {
        let known = HashSet::from([OLD.to_owned()]);
        let marks = Marks { known, ip: Ipv4Addr::new(10, 50, 0, 12), mac: "fa:16:3e:00:00:01".to_owned() };
        let text =
            format!("{{\"vm\":\"{NEW}\",\"zone\":\"{OLD}\",\"ip\":\"10.50.0.12\",\"mac\":\"fa:16:3e:00:00:01\"}}");
        let datum = marks.datum(&Value::Text(text));
        let Value::Text(third) = datum.of(3) else { panic!("a text") };
        let id = NEW.parse::<Uuid>().expect("a uuid").derive("3");
        let expected =
            format!("{{\"vm\":\"{id}\",\"zone\":\"{OLD}\",\"ip\":\"10.51.0.15\",\"mac\":\"fa:00:ff:00:00:03\"}}");
        assert_eq!(third, expected);
        let number = i64::from(u32::from(Ipv4Addr::new(10, 50, 0, 12)));
        assert_eq!(marks.datum(&Value::Integer(number)).of(0), Value::Integer(number + 65_536));
        assert_eq!(marks.datum(&Value::Integer(7)).of(9), Value::Integer(7));
    }
}

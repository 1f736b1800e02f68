//! Rows as hosts tell them, and how they become rows of their VMs.

use std::collections::{BTreeMap, HashMap};

use cumulo_schema::Uuid;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{HostRow, RAW_ROW, StoreError, subjects};
use crate::{
    catalog::Kind,
    chunk::{Chunk, Detail},
    series::{Column, Measured, Point},
};

/// Hosts whose rows are dealt with in one slice.
const SLICE: u32 = 16;

#[derive(Clone, PartialEq, prost::Message)]
struct StoredRow {
    #[prost(message, repeated, tag = "1")]
    measured: Vec<StoredMeasured>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredMeasured {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(bytes = "vec", tag = "2")]
    uuid: Vec<u8>,
    #[prost(uint32, repeated, tag = "3")]
    metrics: Vec<u32>,
    #[prost(string, repeated, tag = "4")]
    devices: Vec<String>,
    #[prost(float, repeated, tag = "5")]
    values: Vec<f32>,
}

/// Appends a row.
pub(super) fn put(connection: &Connection, row: &HostRow) -> rusqlite::Result<()> {
    let host = row.host.as_bytes();
    let body = StoredRow { measured: row.measured.iter().map(stored).collect() }.encode_to_vec();
    connection
        .prepare_cached("INSERT INTO fresh (host, time, body) VALUES (?1, ?2, ?3)")?
        .execute(params![host, row.time, body])?;
    let mut place = connection.prepare_cached("INSERT OR IGNORE INTO place (subject, host) VALUES (?1, ?2)")?;
    for measured in row.measured.iter() {
        place.execute(params![measured.uuid.as_bytes(), host])?;
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "seven digits are more than a figure is worth")]
fn stored(measured: &Measured) -> StoredMeasured {
    StoredMeasured {
        kind: measured.kind.number(),
        uuid: measured.uuid.as_bytes().to_vec(),
        metrics: measured.values.iter().map(|(column, _)| column.metric).collect(),
        devices: measured.values.iter().map(|(column, _)| column.device.to_string()).collect(),
        values: measured.values.iter().map(|(_, value)| *value as f32).collect(),
    }
}

fn measured(stored: StoredMeasured) -> Option<Measured> {
    let (kind, uuid) = (Kind::of_number(stored.kind)?, subjects::uuid_of(&stored.uuid)?);
    let columns = stored.metrics.into_iter().zip(stored.devices);
    let columns = columns.map(|(metric, device)| Column { metric, device: device.into() });
    Some(Measured { kind, uuid, values: columns.zip(stored.values.into_iter().map(f64::from)).collect() })
}

/// What `host` told from `start` until before `end`.
pub(super) fn of_host(
    connection: &Connection,
    host: &[u8],
    start: i64,
    end: i64,
) -> Result<Vec<(i64, Vec<Measured>)>, StoreError> {
    let sql = "SELECT time, body FROM fresh WHERE host = ?1 AND time >= ?2 AND time < ?3 ORDER BY time";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![host, start, end])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let stored = StoredRow::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
        found.push((row.get(0)?, stored.measured.into_iter().filter_map(measured).collect()));
    }
    Ok(found)
}

/// The hosts on which `subject` was measured of late.
pub(super) fn hosts_of(connection: &Connection, subject: &Uuid) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT host FROM place WHERE subject = ?1")?;
    statement.query_map([subject.as_bytes()], |row| row.get(0))?.collect()
}

/// Makes rows of VMs of some hosts' rows whose ten minutes are over; whether there were any.
pub(super) fn compact_some(connection: &Connection, now: i64) -> Result<bool, StoreError> {
    let end = now.div_euclid(RAW_ROW) * RAW_ROW;
    let sql = "SELECT DISTINCT host FROM fresh WHERE time < ?1 ORDER BY time LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let hosts: Vec<Vec<u8>> =
        statement.query_map(params![end, SLICE], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for host in &hosts {
        compact(connection, host, end)?;
    }
    Ok(!hosts.is_empty())
}

/// What was measured of one subject in one row of time.
struct Gathered {
    kind: Kind,
    chunk: Chunk,
    columns: HashMap<Column, usize>,
}

impl Gathered {
    fn new(kind: Kind, chunk: Chunk) -> Self {
        let columns = chunk.columns.iter().enumerate().map(|(n, (column, _))| (column.clone(), n)).collect();
        Self { kind, chunk, columns }
    }

    fn add(&mut self, time: i64, values: Vec<(Column, f64)>) {
        let row = self.chunk.times.len();
        self.chunk.times.push(time);
        for (column, value) in values {
            let chunk = &mut self.chunk;
            let n = *self.columns.entry(column).or_insert_with_key(|column| {
                chunk.columns.push((column.clone(), Vec::new()));
                chunk.columns.len() - 1
            });
            let points = &mut chunk.columns[n].1;
            points.resize(row, None);
            points.push(Some(Point::sample(value)));
        }
    }

    fn finished(mut self) -> Chunk {
        for (_, points) in &mut self.chunk.columns {
            points.resize(self.chunk.times.len(), None);
        }
        self.chunk
    }
}

fn compact(connection: &Connection, host: &[u8], end: i64) -> Result<(), StoreError> {
    let mut gathered = BTreeMap::<(i64, Uuid), Gathered>::new();
    for (time, all) in of_host(connection, host, i64::MIN, end)? {
        let start = time.div_euclid(RAW_ROW) * RAW_ROW;
        for Measured { kind, uuid, values } in all {
            let of = gathered.entry((start, uuid)).or_insert_with(|| Gathered::new(kind, Chunk::default()));
            of.add(time, values);
        }
    }
    for ((start, uuid), of) in gathered {
        let subject = subjects::ensure(connection, of.kind, uuid.as_bytes(), start)?;
        let chunk = match raw(connection, subject, start)? {
            None => of.finished(),
            // It was on another host in the same minutes.
            Some(other) => other.followed_by(of.finished()),
        };
        connection
            .prepare_cached("INSERT OR REPLACE INTO raw (subject, start, body) VALUES (?1, ?2, ?3)")?
            .execute(params![subject, start, chunk.encode(Detail::Value)])?;
    }
    connection.prepare_cached("DELETE FROM fresh WHERE host = ?1 AND time < ?2")?.execute(params![host, end])?;
    // Who is still there is there again with the host's next row.
    connection.prepare_cached("DELETE FROM place WHERE host = ?1")?.execute([host])?;
    for (_, all) in of_host(connection, host, end, i64::MAX)? {
        let mut place = connection.prepare_cached("INSERT OR IGNORE INTO place (subject, host) VALUES (?1, ?2)")?;
        for Measured { uuid, .. } in all {
            place.execute(params![uuid.as_bytes(), host])?;
        }
    }
    Ok(())
}

fn raw(connection: &Connection, subject: i64, start: i64) -> Result<Option<Chunk>, StoreError> {
    let sql = "SELECT body FROM raw WHERE subject = ?1 AND start = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let body: Option<Vec<u8>> = statement.query_row(params![subject, start], |row| row.get(0)).optional()?;
    Ok(body.map(|body| Chunk::decode(&body)).transpose()?)
}

impl Chunk {
    /// Both, by time.
    fn followed_by(self, later: Chunk) -> Chunk {
        let mut rows = BTreeMap::<i64, Vec<(Column, f64)>>::new();
        for chunk in [self, later] {
            for (column, points) in chunk.columns {
                for (time, point) in chunk.times.iter().zip(points) {
                    if let Some(point) = point {
                        rows.entry(*time).or_default().push((column.clone(), point.average));
                    }
                }
            }
        }
        let mut both = Gathered::new(Kind::Vm, Chunk::default());
        for (time, values) in rows {
            both.add(time, values);
        }
        both.finished()
    }
}

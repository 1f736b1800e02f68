//! Hours of samples become minutes and five minutes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{HOUR, Level, RAW_ROW, StoreError};
use crate::{
    chunk::{Chunk, Detail},
    series::{Column, Point},
};

/// Subjects whose hour is dealt with in one slice.
const SLICE: u32 = 100;

/// All hours before this time are rolled up.
pub(super) fn until(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT until FROM rolled")?.query_row([], |row| row.get(0))
}

/// Rolls up the oldest hour that is over for some subjects; whether there was anything to do.
pub(super) fn roll_some(connection: &Connection, now: i64) -> Result<bool, StoreError> {
    let (done, last): (i64, i64) = connection
        .prepare_cached("SELECT until, subject FROM rolled")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let first: Option<i64> = connection
        .prepare_cached("SELECT min(start) FROM raw WHERE start >= ?1")?
        .query_row([done], |row| row.get(0))?;
    let Some(hour) = first.map(|first| first.div_euclid(HOUR) * HOUR) else { return Ok(false) };
    let end = hour + HOUR;
    let unread = "SELECT 1 FROM fresh WHERE time < ?1 LIMIT 1";
    if now < end || connection.prepare_cached(unread)?.query_row([end], |_| Ok(())).optional()?.is_some() {
        return Ok(false);
    }
    // Another hour than the one that was begun starts with its first subject.
    let last = if hour == done { last } else { 0 };
    let mut statement = connection.prepare_cached("SELECT id FROM subject WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let subjects: Vec<i64> =
        statement.query_map(params![last, SLICE], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for subject in &subjects {
        roll(connection, *subject, hour)?;
    }
    let next = match subjects.last() {
        Some(last) => (hour, *last),
        None => (end, 0),
    };
    connection.prepare_cached("UPDATE rolled SET until = ?1, subject = ?2")?.execute(params![next.0, next.1])?;
    Ok(true)
}

fn roll(connection: &Connection, subject: i64, hour: i64) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM raw WHERE subject = ?1 AND start >= ?2 AND start < ?3 ORDER BY start")?;
    let mut rows = statement.query(params![subject, hour, hour + HOUR])?;
    let mut chunks = Vec::with_capacity(usize::try_from(HOUR / RAW_ROW).unwrap_or(0));
    while let Some(row) = rows.next()? {
        chunks.push(Chunk::decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?);
    }
    if chunks.is_empty() {
        return Ok(());
    }
    let minutes = rolled(&chunks, Level::Minute.step());
    let fives = rolled(std::slice::from_ref(&minutes), Level::Five.step());
    for (level, chunk) in [(Level::Minute, minutes), (Level::Five, fives)] {
        connection
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO {} (subject, start, body) VALUES (?1, ?2, ?3)",
                level.table()
            ))?
            .execute(params![subject, hour, chunk.encode(Detail::Spread)])?;
    }
    Ok(())
}

/// The points of `chunks` by `step` seconds.
fn rolled(chunks: &[Chunk], step: i64) -> Chunk {
    let mut columns = BTreeMap::<&Column, BTreeMap<i64, Point>>::new();
    let mut times = BTreeSet::new();
    for chunk in chunks {
        for time in &chunk.times {
            times.insert(time.div_euclid(step) * step);
        }
        for (column, points) in &chunk.columns {
            let of = columns.entry(column).or_default();
            for (time, point) in chunk.times.iter().zip(points) {
                let Some(point) = point else { continue };
                let time = time.div_euclid(step) * step;
                of.entry(time).and_modify(|before| *before = before.and(*point)).or_insert(*point);
            }
        }
    }
    let times: Vec<i64> = times.into_iter().collect();
    let columns = columns
        .into_iter()
        .map(|(column, points)| (column.clone(), times.iter().map(|time| points.get(time).copied()).collect()));
    Chunk { columns: columns.collect(), times: times.clone() }
}

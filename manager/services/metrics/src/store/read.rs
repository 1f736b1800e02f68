//! Series out of rows: rolled up where hours are, from samples for the time since.

use std::{collections::BTreeMap, sync::Arc};

use cumulo_schema::Uuid;
use rusqlite::{Connection, params};

use super::{HOUR, Level, RAW_ROW, StoreError, fresh, rollup, subjects};
use crate::{
    catalog::Kind,
    chunk::Chunk,
    series::{Point, Series},
};

/// Which series are wanted.
#[derive(Debug)]
pub(crate) struct Question {
    /// Of what.
    pub(crate) kind: Kind,
    /// Of whom; who is something else has no series.
    pub(crate) subjects: Vec<Uuid>,
    /// [`crate::catalog::Metric::number`].
    pub(crate) metric: u32,
    /// From when on, seconds since 1970.
    pub(crate) start: i64,
    /// Until when, not included.
    pub(crate) end: i64,
    /// How fine.
    pub(crate) level: Level,
    /// Seconds from point to point, at least the level's.
    pub(crate) period: i64,
}

/// What was found of one subject, by device.
type Found = BTreeMap<Arc<str>, BTreeMap<i64, Point>>;

pub(super) fn series(connection: &Connection, question: &Question) -> Result<Vec<Series>, StoreError> {
    let rolled = match question.level {
        Level::Raw => i64::MIN,
        Level::Minute | Level::Five => rollup::until(connection)?,
    };
    let mut all = Vec::new();
    for uuid in &question.subjects {
        let mut found = Found::new();
        if let Some(subject) = subjects::id_of(connection, question.kind, uuid)? {
            if rolled > question.start {
                let rows = (question.start - HOUR, rolled.min(question.end));
                chunks(connection, question, subject, question.level, rows, &mut found)?;
            }
            let rows = ((question.start - RAW_ROW).max(rolled), question.end);
            chunks(connection, question, subject, Level::Raw, rows, &mut found)?;
        }
        for host in fresh::hosts_of(connection, uuid)? {
            for (time, measured) in fresh::of_host(connection, &host, question.start, question.end)? {
                for (column, value) in measured
                    .into_iter()
                    .filter(|of| of.uuid == *uuid && of.kind == question.kind)
                    .flat_map(|of| of.values)
                {
                    if column.metric == question.metric {
                        question.add(&mut found, column.device, time, Point::sample(value));
                    }
                }
            }
        }
        let of_subject = found.into_iter().map(|(device, points)| Series {
            uuid: *uuid,
            device,
            points: points.into_iter().collect(),
        });
        all.extend(of_subject);
    }
    Ok(all)
}

/// Adds the points of the rows of `level` that start within `rows`.
fn chunks(
    connection: &Connection,
    question: &Question,
    subject: i64,
    level: Level,
    rows: (i64, i64),
    found: &mut Found,
) -> Result<(), StoreError> {
    let sql = format!("SELECT body FROM {} WHERE subject = ?1 AND start >= ?2 AND start < ?3", level.table());
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![subject, rows.0, rows.1])?;
    while let Some(row) = rows.next()? {
        let chunk = Chunk::decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?;
        for (column, points) in chunk.columns {
            if column.metric != question.metric {
                continue;
            }
            for (time, point) in chunk.times.iter().zip(points) {
                let Some(point) = point.filter(|_| (question.start..question.end).contains(time)) else { continue };
                question.add(found, Arc::clone(&column.device), *time, point);
            }
        }
    }
    Ok(())
}

impl Question {
    fn add(&self, found: &mut Found, device: Arc<str>, time: i64, point: Point) {
        let time = time.div_euclid(self.period) * self.period;
        let points = found.entry(device).or_default();
        points.entry(time).and_modify(|before| *before = before.and(point)).or_insert(point);
    }
}

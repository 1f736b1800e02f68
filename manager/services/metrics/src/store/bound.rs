//! What is too old goes; and when the file grows too large, what is oldest.

use rusqlite::{Connection, params};

use super::{HOUR, Level, rollup};

/// Rows deleted in one slice.
const SLICE: u32 = 5_000;

/// Bytes in use.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Deletes some of what is too old or too much; whether there was any.
pub(super) fn cut(connection: &Connection, now: i64, most: u64) -> rusqlite::Result<bool> {
    // Samples stay until they are rolled up.
    let rolled = rollup::until(connection)?;
    let mut deleted = 0;
    for level in Level::ALL {
        let before = now - level.kept() - HOUR;
        deleted += delete(connection, level, if level == Level::Raw { before.min(rolled) } else { before }, SLICE)?;
    }
    let forgotten = now - Level::Five.kept() - HOUR;
    connection.prepare_cached("DELETE FROM subject WHERE seen < ?1")?.execute([forgotten])?;
    if deleted == 0 && size(connection)? > most {
        deleted += cut_oldest(connection)?;
    }
    Ok(deleted > 0)
}

/// The oldest tenth of the level that has the most.
fn cut_oldest(connection: &Connection) -> rusqlite::Result<usize> {
    let mut largest = (0, Level::Raw);
    for level in Level::ALL {
        let sql = format!("SELECT coalesce(max(id) - min(id) + 1, 0) FROM {}", level.table());
        let rows: i64 = connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
        // A row of minutes is as large as several others.
        let weight = if level == Level::Minute { 4 } else { 1 };
        largest = largest.max((rows * weight, level));
    }
    let (weighed, level) = largest;
    tracing::warn!(level = level.table(), "metrics take more space than they may; the oldest are deleted early");
    delete(connection, level, i64::MAX, u32::try_from(weighed / 10 + 1).unwrap_or(SLICE).min(SLICE))
}

/// Deletes at most `most` rows that start before `before`, oldest first.
fn delete(connection: &Connection, level: Level, before: i64, most: u32) -> rusqlite::Result<usize> {
    let table = level.table();
    let sql =
        format!("DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE start < ?1 ORDER BY start LIMIT ?2)");
    connection.prepare_cached(&sql)?.execute(params![before, most])
}

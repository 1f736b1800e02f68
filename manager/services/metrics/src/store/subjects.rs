//! Whose metrics there are.

use cumulo_schema::Uuid;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Level, StoreError};
use crate::catalog::Kind;

/// The subject's id, made where it has none.
pub(super) fn ensure(connection: &Connection, kind: Kind, uuid: &[u8], seen: i64) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO subject (kind, uuid, seen) VALUES (?1, ?2, ?3)
               ON CONFLICT (uuid) DO UPDATE SET seen = max(seen, excluded.seen) RETURNING id";
    connection.prepare_cached(sql)?.query_row(params![kind.number(), uuid, seen], |row| row.get(0))
}

pub(super) fn id(connection: &Connection, uuid: &Uuid) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM subject WHERE uuid = ?1";
    connection.prepare_cached(sql)?.query_row([uuid.as_bytes()], |row| row.get(0)).optional()
}

/// As [`id`], where it is of that kind.
pub(super) fn id_of(connection: &Connection, kind: Kind, uuid: &Uuid) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM subject WHERE uuid = ?1 AND kind = ?2";
    connection.prepare_cached(sql)?.query_row(params![uuid.as_bytes(), kind.number()], |row| row.get(0)).optional()
}

pub(super) fn all(connection: &Connection) -> Result<Vec<(Kind, Uuid)>, StoreError> {
    // Those new in the last ten minutes are in `place` only, where a host is measured on itself.
    let sql = "SELECT kind, uuid FROM subject UNION SELECT subject <> host, subject FROM place";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (kind, uuid) = row?;
        if let (Some(kind), Some(uuid)) = (Kind::of_number(kind), uuid_of(&uuid)) {
            found.push((kind, uuid));
        }
    }
    Ok(found)
}

/// Deletes everything of `gone`; what hosts told of them in the last minutes goes when it becomes due.
pub(super) fn forget(connection: &Connection, gone: &[Uuid]) -> rusqlite::Result<()> {
    for uuid in gone {
        if let Some(id) = id(connection, uuid)? {
            for level in Level::ALL {
                connection
                    .prepare_cached(&format!("DELETE FROM {} WHERE subject = ?1", level.table()))?
                    .execute([id])?;
            }
            connection.prepare_cached("DELETE FROM subject WHERE id = ?1")?.execute([id])?;
        }
        connection.prepare_cached("DELETE FROM place WHERE subject = ?1")?.execute([uuid.as_bytes()])?;
    }
    Ok(())
}

/// A uuid from its bytes.
pub(super) fn uuid_of(bytes: &[u8]) -> Option<Uuid> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.parse().ok()
}

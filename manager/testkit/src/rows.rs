//! What two looks at a node's rows have to have in common.

use serde_json::{Map, Value};

/// Rows without the rows of others in them: those are compared for themselves, and come in no order.
#[must_use]
pub fn alone(rows: &Value) -> Vec<Map<String, Value>> {
    let mut rows: Vec<Map<String, Value>> = rows
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| serde_json::from_str(row.as_str().expect("a text")).expect("a row"))
        .collect();
    rows.iter_mut().for_each(|row| row.retain(|_, value| !value.is_array()));
    rows.sort_by_key(|row| Value::Object(row.clone()).to_string());
    rows
}

/// Two answers of [`World::rows`](crate::World::rows) are of the same rows, and as much is owed.
pub fn assert_same(after: &Map<String, Value>, before: &Map<String, Value>, place: &str) {
    for (table, rows) in before {
        assert_eq!(alone(&after[table]), alone(rows), "{table} differs after failing at {place}");
    }
    assert_eq!(after["owed"], before["owed"], "something is owed after failing at {place}");
}

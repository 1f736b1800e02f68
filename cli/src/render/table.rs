//! Inventories as rows. The columns are the resource's declared fields, the telling ones first, as many as fit.

use comfy_table::{ContentArrangement, Table, presets};
use cumulo_schema::ResourceMeta;
use serde_json::{Map, Value};

use crate::{Catalog, console::Answer, render::printable};

/// Fields that say most about a resource, in this order, before all others.
const FIRST: [&str; 10] =
    ["name", "uuid", "state", "status", "type", "ip", "managementIp", "hypervisorType", "size", "value"];
/// Fields that say least.
const LAST: [&str; 3] = ["description", "createDate", "lastOpDate"];
/// Space between columns, with the border.
const GAP: usize = 3;

/// `answer` as a table of at most `width` columns; `None` when it holds nothing that has rows.
pub(super) fn of(catalog: Catalog, answer: &Answer, width: usize) -> Option<String> {
    if let Some(Value::Object(inventory)) = answer.body.get("inventory") {
        return Some(one(inventory));
    }
    let Some(Value::Array(rows)) = answer.body.get("inventories") else {
        let total = answer.body.get("total")?;
        return Some(format!("total: {total}"));
    };
    let rows: Vec<&Map<String, Value>> = rows.iter().map(Value::as_object).collect::<Option<_>>()?;
    let counted = answer.body.get("total").map_or_else(String::new, |total| format!(" of {total}"));
    if rows.is_empty() {
        return Some(format!("nothing found{counted}"));
    }
    let (columns, others) = if answer.fields.is_empty() {
        fitting(&candidates(catalog.answered(answer.api), &rows), &rows, width)
    } else {
        (answer.fields.clone(), Vec::new())
    };
    let mut table = empty();
    table.set_header(columns.iter().map(|name| printable(name)));
    for row in &rows {
        table.add_row(columns.iter().map(|column| cell(row.get(column))));
    }
    let more = if others.is_empty() { String::new() } else { format!("; fields= also has {}", others.join(", ")) };
    Some(format!("{table}\n{}{counted} found{more}", rows.len()))
}

fn empty() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// One inventory: a line for each member.
fn one(inventory: &Map<String, Value>) -> String {
    let mut names: Vec<String> = inventory.keys().cloned().collect();
    names.sort_by_key(|name| rank(name));
    let mut table = empty();
    for name in names {
        let shown = cell(inventory.get(&name));
        table.add_row([printable(&name), shown]);
    }
    table.to_string()
}

/// Every column there could be, the telling ones first.
fn candidates(resource: Option<&'static ResourceMeta>, rows: &[&Map<String, Value>]) -> Vec<String> {
    let declared = resource.into_iter().flat_map(|resource| resource.fields).filter(|field| !field.hidden);
    let mut names: Vec<String> = declared.map(|field| field.wire.to_owned()).collect();
    // A child resource declares only what it adds; the rest, and what is nested, shows in the rows.
    for name in rows.iter().flat_map(|row| row.keys()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names.retain(|name| rows.iter().any(|row| row.contains_key(name)));
    names.sort_by_key(|name| rank(name));
    names
}

/// Smaller is shown earlier; equal ranks keep their order.
fn rank(name: &str) -> usize {
    let place = |list: &[&str]| list.iter().position(|known| *known == name);
    match (place(&FIRST), place(&LAST)) {
        (Some(at), _) => at,
        (None, Some(at)) => 200 + at,
        (None, None) if name.ends_with("Uuid") => 150,
        (None, None) => 100,
    }
}

/// The candidates that fit side by side, and the rest. The first two always do.
fn fitting(candidates: &[String], rows: &[&Map<String, Value>], width: usize) -> (Vec<String>, Vec<String>) {
    let mut used = 0;
    let mut fits = |index: usize, name: &String| {
        let widths = rows.iter().map(|row| cell(row.get(name)).chars().count());
        let needed = widths.max().unwrap_or_default().max(name.len()) + GAP;
        let fits = index < 2 || used + needed <= width;
        used += if fits { needed } else { 0 };
        fits
    };
    let (kept, left): (Vec<_>, Vec<_>) = candidates.iter().enumerate().partition(|(index, name)| fits(*index, name));
    let names = |list: Vec<(usize, &String)>| list.into_iter().map(|(_, name)| name.clone()).collect();
    (names(kept), names(left))
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(items)) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(Value::Array(items)) => format!("({})", items.len()),
        Some(Value::Object(members)) => {
            let name = members.get("name").or_else(|| members.get("uuid"));
            name.map_or_else(|| "{…}".to_owned(), |name| cell(Some(name)))
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::catalog;

    fn table(body: Value, fields: &[&str], width: usize) -> Option<String> {
        let api = catalog().api("QueryZone").expect("declared");
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        of(catalog(), &Answer { api, body, fields }, width)
    }

    fn header(table: &str) -> Vec<&str> {
        table.lines().nth(1).expect("a header").split_whitespace().collect()
    }

    fn zones() -> Value {
        json!({"inventories": [
            {"createDate": "Nov 9, 2023 3:04:05 PM", "description": "d", "uuid": "u1", "name": "one", "state": "Enabled", "racks": [{}, {}]},
            {"createDate": "Nov 9, 2023 3:04:05 PM", "uuid": "u2", "name": "t\u{1b}wo", "clusterUuids": ["a", "b"]}
        ]})
    }

    #[test]
    fn the_telling_columns_come_first_and_as_many_as_fit() {
        let wide = table(zones(), &[], 200).expect("a table");
        assert_eq!(header(&wide), ["name", "uuid", "state", "racks", "clusterUuids", "description", "createDate"]);
        assert!(wide.contains("(2)") && wide.contains("a,b"), "{wide}");
        let narrow = table(zones(), &[], 30).expect("a table");
        assert_eq!(header(&narrow), ["name", "uuid", "state"]);
        assert!(narrow.ends_with("2 found; fields= also has racks, clusterUuids, description, createDate"), "{narrow}");
        assert_eq!(header(&table(zones(), &[], 1).expect("a table")), ["name", "uuid"]);
    }

    #[test]
    fn fields_asked_for_are_the_columns_in_that_order() {
        let asked = table(zones(), &["state", "name"], 10).expect("a table");
        assert_eq!(header(&asked), ["state", "name"]);
    }

    #[test]
    fn control_characters_stay_out() {
        assert!(!table(zones(), &[], 200).expect("a table").contains('\u{1b}'));
    }

    #[test]
    fn counts_and_nothing_are_said() {
        assert_eq!(table(json!({"total": 7}), &[], 80).as_deref(), Some("total: 7"));
        assert_eq!(table(json!({"inventories": [], "total": 7}), &[], 80).as_deref(), Some("nothing found of 7"));
        assert_eq!(table(json!({"valid": true}), &[], 80), None);
        let single = table(json!({"inventory": {"uuid": "u", "name": "n"}}), &[], 80).expect("a table");
        assert!(single.find("name") < single.find("uuid"), "{single}");
    }
}

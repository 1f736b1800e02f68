//! The table that a declaration stands for, as the first migration of a new resource writes it.
//!
//! The text is in the subset that SQLite reads as it stands and the migrator renders for MariaDB. It is for the author of a migration, and for the test that holds declarations against the migrated
//! schema; a running node only applies migrations.

use std::fmt::Write;

use crate::{FieldKind, FieldMeta, ResourceMeta};

/// `CREATE TABLE` and `CREATE INDEX` statements for `meta`, each ended by `;` and a line break. `resources` are looked
/// through for what fields refer to.
#[must_use]
pub fn create_table(meta: &ResourceMeta, resources: &[&'static ResourceMeta]) -> String {
    let column_of = |wire: &'static str| meta.field(wire).map_or(wire, |field| field.column);
    let mut lines: Vec<String> = meta.fields.iter().map(|field| column(meta, field)).collect();
    if meta.key().unique {
        lines.push(format!("PRIMARY KEY (\"{}\")", meta.key().column));
    }
    for field in meta.fields.iter().filter(|field| field.unique && field.column != meta.key().column) {
        lines.push(format!("UNIQUE (\"{}\")", field.column));
    }
    for unique in meta.uniques {
        let columns: Vec<String> = unique.iter().map(|wire| format!("\"{}\"", column_of(wire))).collect();
        lines.push(format!("UNIQUE ({})", columns.join(", ")));
    }
    let find = |name: &str| resources.iter().find(|resource| resource.name == name);
    for field in meta.fields {
        if let Some(target) = field.references.and_then(find) {
            let key = target.key().column;
            lines.push(format!("FOREIGN KEY (\"{}\") REFERENCES \"{}\" (\"{key}\")", field.column, target.table));
        }
    }
    if let Some(parent) = meta.parent.and_then(|parent| find(parent.resource)) {
        let (own, key) = (meta.key().column, parent.key().column);
        lines.push(format!("FOREIGN KEY (\"{own}\") REFERENCES \"{}\" (\"{key}\") ON DELETE CASCADE", parent.table));
    }
    let mut sql = format!("CREATE TABLE \"{}\" (\n    {}\n);\n", meta.table, lines.join(",\n    "));
    for field in meta.fields.iter().filter(|field| field.indexed && !field.unique) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            sql,
            "CREATE INDEX \"ix_{table}_{column}\" ON \"{table}\" (\"{column}\");",
            table = meta.table,
            column = field.column
        );
    }
    sql
}

fn column(meta: &ResourceMeta, field: &FieldMeta) -> String {
    // MariaDB has no unique keys over texts without a bound, and indexes only their beginnings.
    let keyed = field.indexed || field.unique || meta.uniques.iter().any(|unique| unique.contains(&field.wire));
    let kind = match field.kind {
        FieldKind::Uuid => "CHAR(32)",
        FieldKind::String if field.long || !keyed => "TEXT",
        FieldKind::String => "VARCHAR(255)",
        FieldKind::Integer => "INTEGER",
        FieldKind::Long | FieldKind::Timestamp => "BIGINT",
        FieldKind::Boolean => "SMALLINT",
        FieldKind::Json => "TEXT",
    };
    let null = if field.nullable { "NULL" } else { "NOT NULL" };
    format!("\"{}\" {kind} {null}", field.column)
}

#[cfg(test)]
mod tests {
    use cumulo_derive::resource;

    use super::*;
    use crate::{Json, Resource, Uuid, system};

    /// A page of a document.
    #[resource(
        table = "page",
        java = "org.example.PageInventory",
        vo = "PageVO",
        parent(ManagementNode = "page"),
        unique(accountUuid, number)
    )]
    struct Page {
        #[field(unique)]
        uuid: Uuid,
        #[field(indexed, references = "UserTag")]
        account_uuid: Option<Uuid>,
        number: String,
        #[field(indexed, long)]
        text: String,
        margins: Json<Vec<i64>>,
    }

    #[test]
    fn a_declaration_becomes_a_table_with_keys_and_indexes() {
        let text = create_table(Page::META, system::RESOURCES);
        let wanted = r#"CREATE TABLE "page" (
    "uuid" CHAR(32) NOT NULL,
    "account_uuid" CHAR(32) NULL,
    "number" VARCHAR(255) NOT NULL,
    "text" TEXT NOT NULL,
    "margins" TEXT NOT NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("account_uuid", "number"),
    FOREIGN KEY ("account_uuid") REFERENCES "user_tag" ("uuid"),
    FOREIGN KEY ("uuid") REFERENCES "management_node" ("uuid") ON DELETE CASCADE
);
CREATE INDEX "ix_page_account_uuid" ON "page" ("account_uuid");
CREATE INDEX "ix_page_text" ON "page" ("text");
"#;
        assert_eq!(text, wanted);
    }
}

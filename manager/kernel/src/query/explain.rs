//! What the database would be asked, and how it would go about it.

use cumulo_schema::{Cell, ErrorCode, FieldKind};
use sea_query::SelectStatement;
use serde::Serialize;
use serde_json::Value;

use super::{QueryEngine, Select};
use crate::{bus::Caller, db::Dialect};

/// One statement of a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// What it reads: `rows`, `groups` or `count`.
    pub reads: &'static str,
    /// Its text; nothing a client wrote is in it.
    pub sql: String,
    /// The values bound to it.
    pub bindings: Vec<Value>,
    /// The database's own words, a line a step.
    pub plan: Vec<String>,
}

impl QueryEngine {
    /// The statements that [`QueryEngine::run`] begins with. Nested lists are read after them, by key.
    ///
    /// # Errors
    /// As [`QueryEngine::run`].
    pub async fn explain(&self, caller: &Caller, select: &Select) -> Result<Vec<Explained>, ErrorCode> {
        let plan = self.plan(caller, select).await?;
        let statements = [
            ("rows", plan.page.map(|page| page.query)),
            ("groups", plan.groups.map(|groups| groups.query)),
            ("count", plan.count),
        ];
        let mut explained = Vec::new();
        for (reads, statement) in statements {
            if let Some(statement) = statement {
                explained.push(self.explain_statement(reads, &statement).await?);
            }
        }
        Ok(explained)
    }

    async fn explain_statement(
        &self,
        reads: &'static str,
        statement: &SelectStatement,
    ) -> Result<Explained, ErrorCode> {
        let (sql, cells) = self.db.dialect().build(statement);
        let (question, column) = match self.db.dialect() {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", 3),
            Dialect::MySql => ("EXPLAIN FORMAT=JSON", 0),
        };
        let rows = self.db.fetch_sql(format!("{question} {sql}"), cells.clone()).await?;
        let line = |cell: Result<Cell, _>| match cell {
            Ok(Cell::Text(text)) => text,
            _ => String::new(),
        };
        let plan = rows.iter().map(|row| line(row.at(column, FieldKind::String)));
        let plan = plan.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        let bindings = cells.into_iter().map(|cell| match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::from(number),
            Cell::Text(text) => Value::from(text),
        });
        Ok(Explained { reads, sql, bindings: bindings.collect(), plan })
    }
}

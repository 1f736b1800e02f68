//! Trying a batch: it runs, says what it touched, and is rolled back. For plans.

use cumulo_schema::{Cell, FieldKind, ResourceMeta};

use super::{Batch, Db, DbError, backend::How, statement::Statement};

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Makes one.
    Insert,
    /// Changes some.
    Update,
    /// Removes some.
    Delete,
}

/// What a statement of a batch touched before it was taken back.
#[derive(Debug)]
pub(crate) struct Tried {
    /// In words: `insert into zone`.
    pub(crate) what: String,
    /// What it does to rows of what.
    pub(crate) target: Option<(Verb, &'static ResourceMeta)>,
    /// How many rows.
    pub(crate) count: usize,
    /// What names those that are made or removed.
    pub(crate) rows: Vec<String>,
}

impl Db {
    /// Runs `batch` and takes it back.
    ///
    /// # Errors
    /// As [`Db::commit`].
    pub(crate) async fn try_out(&self, mut batch: Batch) -> Result<Vec<Tried>, DbError> {
        batch.trial = true;
        let mut tried = Vec::with_capacity(batch.statements.len());
        for statement in &batch.statements {
            let rows = self.rows_named(statement).await?;
            tried.push(Tried { what: statement.what.clone(), target: statement.target, count: 0, rows });
        }
        for (tried, count) in
            tried.iter_mut().zip(self.commit_alone(None, batch, How { durable: false, surely: false }).await.1?)
        {
            tried.count = usize::try_from(count).unwrap_or(usize::MAX);
        }
        Ok(tried)
    }

    async fn rows_named(&self, statement: &Statement) -> Result<Vec<String>, DbError> {
        let Some((verb, meta)) = statement.target else { return Ok(vec![]) };
        let key = crate::cascade::row_key(meta);
        match verb {
            Verb::Update => Ok(vec![]),
            Verb::Insert => {
                // Values are bound in the order of the declaration.
                let at = |field: &&&_| meta.fields.iter().position(|own| std::ptr::eq(own, **field));
                let cells = key.iter().filter_map(|field| statement.args.get(at(&field)?).cloned());
                Ok(vec![cells.map(text).collect::<Vec<_>>().join("/")])
            }
            Verb::Delete => {
                let quote = self.dialect().quote();
                let columns: Vec<String> = key.iter().map(|field| format!("{quote}{}{quote}", field.column)).collect();
                let Some(rest) = statement.sql.strip_prefix("DELETE ") else { return Ok(vec![]) };
                let sql = format!("SELECT {} {rest}", columns.join(", "));
                let kinds: Vec<FieldKind> = key.iter().map(|field| field.kind).collect();
                let unreadable = |cause| DbError::Unreadable { table: meta.table, cause };
                let found = self.fetch_sql(sql, statement.args.clone()).await?;
                let name = |row: &super::DbRow| {
                    let cells = kinds.iter().enumerate().map(|(at, kind)| row.at(at, *kind).map(text));
                    cells.collect::<Result<Vec<_>, _>>().map(|cells| cells.join("/")).map_err(unreadable)
                };
                found.iter().map(name).collect()
            }
        }
    }
}

/// A cell as it is written in the name of a row.
pub(crate) fn text(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text,
        Cell::Int(number) => number.to_string(),
        Cell::Null => String::new(),
    }
}

//! Questions over declared resources: any field, collection or tag is a condition, through joins of any depth.
//!
//! A Query API call (`request`) and a ZQL statement (`zql`) become the same [`Select`]; the select becomes SQL with every
//! value bound (`sql`), and the rows become inventories with their nested lists (`render`). No resource has query code of
//! its own, and who sees what is decided in one place (`visibility`).

mod ast;
mod condition;
mod explain;
mod hint;
mod metrics;
mod render;
mod request;
mod schema;
mod sql;
mod value;
mod visibility;
mod zql;

use std::{collections::HashSet, sync::Arc};

use cumulo_schema::{Cell, CellError, ErrorCode, Resource, ResourceMeta, Uuid};
use serde_json::{Map, Value};

pub use ast::{
    Aggregate, Answer, Filter, Join, JoinKind, Measure, Name, Op, Place, Restriction, RowFilterCall, Scalar, Select,
    Sort, SortKey, SubSelect,
};
pub use condition::parse_condition;
pub use explain::Explained;
pub use metrics::{LabelFilter, LabelOp, MetricFunction, MetricPoint, MetricQuery, MetricSource, RowFilter};
pub use request::{RequestError, parse_request};
pub use schema::{Schema, Target};

use crate::{
    bus::Caller,
    db::{Db, DbError},
    registry::Registry,
};

/// Answers questions; cheap to clone.
#[derive(Clone)]
pub struct QueryEngine {
    db: Db,
    schema: Arc<Schema>,
    registry: Arc<Registry>,
}

impl std::fmt::Debug for QueryEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryEngine").field("db", &self.db).finish_non_exhaustive()
    }
}

/// One group of rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// What its rows have in common, by field.
    pub key: Map<String, Value>,
    /// The figures asked for, in their order; null where there is nothing to compute from.
    pub figures: Vec<Value>,
}

/// What a question found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The inventories, where rows were asked for.
    pub inventories: Option<Vec<Map<String, Value>>>,
    /// The groups, where figures were asked for.
    pub groups: Option<Vec<Group>>,
    /// How many rows there are without limit and start, when asked for.
    pub total: Option<u64>,
}

impl QueryEngine {
    pub(crate) fn new(db: Db, schema: Arc<Schema>, registry: Arc<Registry>) -> Self {
        Self { db, schema, registry }
    }

    /// The declarations questions are asked over.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Answers `select` as `caller` may see it.
    ///
    /// # Errors
    /// SYS.1000 for a name that is not declared, SYS.1007 for a value that is none of the field's type.
    pub async fn run(&self, caller: &Caller, select: &Select) -> Result<Found, ErrorCode> {
        let plan = self.plan(caller, select).await?;
        let mut found = Found::default();
        if let Some(count) = plan.count {
            found.total = Some(render::count(&self.db, &count).await?);
        }
        if let Some(groups) = plan.groups {
            found.groups = Some(render::groups(&self.db, select.target.table, &groups).await?);
        }
        if let Some(page) = plan.page {
            let rows =
                render::page(&self.db, visibility::Sight::new(&self.schema, *caller), &page, select.fields.as_deref())
                    .await?;
            found.inventories = Some(self.filtered(select, rows).await?);
        }
        Ok(found)
    }

    /// Answers the statements of `text`, in their order, as members of ZStack's `results` (wire.md §4). With `explain`
    /// the SQL, its bindings and the database's plan are answered, and nothing is run.
    ///
    /// # Errors
    /// SYS.1007 with line and column when `text` is no ZQL; otherwise as [`QueryEngine::run`].
    pub async fn zql(&self, caller: &Caller, text: &str, explain: bool) -> Result<Vec<Value>, ErrorCode> {
        zql::answer(self, caller, text, explain).await
    }

    /// The statements for `select`; reads the row that it goes on after, if it does.
    async fn plan(&self, caller: &Caller, select: &Select) -> Result<sql::Plan, ErrorCode> {
        let planner = sql::Planner::new(&self.schema, caller);
        let Some((query, fields)) = planner.anchor(select)? else { return planner.plan(select, &[]) };
        let rows = self.db.fetch(&query).await?;
        let Some(row) = rows.first() else {
            return Err(ErrorCode::not_found(select.target.name, select.after.as_deref().unwrap_or_default()));
        };
        let cells: Result<Vec<Cell>, CellError> =
            fields.iter().enumerate().map(|(index, field)| row.at(index, field.kind)).collect();
        let cells = cells.map_err(|cause| DbError::Unreadable { table: select.target.table, cause })?;
        planner.plan(select, &cells)
    }

    /// The rows that pass the installed filters that `select` calls.
    async fn filtered(
        &self,
        select: &Select,
        mut rows: Vec<Map<String, Value>>,
    ) -> Result<Vec<Map<String, Value>>, ErrorCode> {
        let key = select.target.key().wire;
        for call in &select.filters {
            let filter = self.registry.driver::<dyn RowFilter>("query filter", &call.name)?;
            let uuids: Vec<String> =
                rows.iter().filter_map(|row| row.get(key).and_then(Value::as_str)).map(str::to_owned).collect();
            let kept: HashSet<String> =
                filter.keep(select.target, &uuids, &call.condition).await?.into_iter().collect();
            rows.retain(|row| row.get(key).and_then(Value::as_str).is_some_and(|uuid| kept.contains(uuid)));
        }
        Ok(rows)
    }

    /// The inventory of the `R` whose key is `uuid`, as the admin sees it.
    ///
    /// # Errors
    /// SYS.1003 when it is not there.
    pub async fn inventory<R: Resource>(&self, uuid: &Uuid) -> Result<Value, ErrorCode> {
        self.inventory_of(R::META, uuid).await
    }

    /// As [`QueryEngine::inventory`], for code that knows the resource only as data. A resource of a kind that has a
    /// declaration of its own is shown as that kind.
    ///
    /// # Errors
    /// SYS.1003 when it is not there.
    pub async fn inventory_of(&self, meta: &'static ResourceMeta, uuid: &Uuid) -> Result<Value, ErrorCode> {
        let mut select = Select::of(meta);
        select.filter = Filter::equals(meta.key().wire, uuid.to_string());
        let found = self.run(&Caller::SYSTEM, &select).await?;
        let first = found.inventories.unwrap_or_default().into_iter().next();
        first.map(Value::Object).ok_or_else(|| ErrorCode::not_found(meta.name, uuid))
    }
}

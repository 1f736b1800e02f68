//! Questions over declared resources: any field, collection or tag is a condition, through joins of any depth.
//!
//! A Query API call becomes a [`Select`] (`request`), the select becomes one SQL statement with every value bound (`sql`),
//! and the rows become inventories with their nested lists (`render`). No resource has query code of its own. ZQL will be
//! a second way to write the same [`Select`].

mod ast;
mod condition;
mod render;
mod request;
mod schema;
mod sql;

use cumulo_schema::{ErrorCode, Resource, ResourceMeta, Uuid};
use serde_json::{Map, Value};

pub use ast::{Filter, Op, Select, Sort};
pub use condition::parse_condition;
pub use request::{RequestError, parse_request};
pub use schema::{Schema, Target};

use crate::{bus::Caller, db::Db};

/// Answers questions; cheap to clone.
#[derive(Debug, Clone)]
pub struct QueryEngine {
    db: Db,
    schema: std::sync::Arc<Schema>,
}

/// What a question found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The inventories; `None` when only the count was asked for.
    pub inventories: Option<Vec<Map<String, Value>>>,
    /// How many there are without limit and start, when asked for.
    pub total: Option<u64>,
}

impl QueryEngine {
    pub(crate) fn new(db: Db, schema: std::sync::Arc<Schema>) -> Self {
        Self { db, schema }
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
        let plan = sql::Planner::new(&self.schema).plan(caller, select)?;
        let mut found = Found::default();
        if let Some(count) = plan.count {
            found.total = Some(render::count(&self.db, &count).await?);
        }
        if let Some(page) = plan.page {
            let rows = render::page(&self.db, &self.schema, &page, select.fields.as_deref()).await?;
            found.inventories = Some(rows);
        }
        Ok(found)
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

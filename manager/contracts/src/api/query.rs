//! Questions in ZQL; those of one resource each stand with the resource.

use cumulo_derive::{api, reply};
use serde_json::Value;

/// Answers statements in ZQL, the language in which any field of any resource is a condition.
#[api(get "/zql", group = "query", service = "query", package = "org.zstack.query", reply = ZQLQueryReply)]
pub struct ZQLQuery {
    /// The statements, with `;` between them: query vminstance where vmNics.ip = '10.0.0.1'
    pub zql: Option<String>,
    /// Answer the SQL, its bindings and the database's plan instead of rows.
    pub explain: Option<bool>,
}

/// What [`ZQLQuery`] answers.
#[reply(members)]
pub struct ZQLQueryReply {
    /// One element a statement, in order: `inventories`, `inventoryCounts`, `inventoryAggregateFunctions`, `total`,
    /// `returnWith`, `name`, `explain`, as far as they were asked for.
    #[member(of = "List<ZQLQueryReturn>")]
    pub results: Vec<Value>,
}

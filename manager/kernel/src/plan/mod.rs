//! Plans: what a call would do, without doing it (`dryRun=true`).
//!
//! A planned call is handled as any other, its checks included. What is different is the doors through which effects leave a
//! handler: a batch is tried and rolled back, a flow and a cascade say what they would do, agents are not asked, nothing is
//! sent or published. The first door a call comes to ends it; what was noted there is the plan. So there is no second
//! description of any API that could go wrong by itself, and an API that nobody thought of has a plan too.
//!
//! The alternative, a `plan` beside each handler, doubles every API and is true only as long as somebody keeps it so.

mod explain;
mod planning;

use cumulo_schema::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use planning::{Planning, door};

/// The parameter that asks for a plan.
pub(crate) const PARAM: &str = "dryRun";

/// Whether a call with `params` asks for one.
pub(crate) fn is_wanted(params: &Map<String, Value>) -> bool {
    params.get(PARAM) == Some(&Value::Bool(true))
}

/// What a call would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The API.
    pub api: String,
    /// What is done, in this order.
    pub steps: Vec<PlanStep>,
    /// What is touched, each kind and effect once.
    pub resources: Vec<Touched>,
    /// Why it would be refused or would stop.
    pub vetoes: Vec<ErrorCode>,
    /// How choices are made: under `hosts`, for each host which filter refuses it and by how much.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub explanations: Map<String, Value>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// The flow's step, or `delete VmInstanceVO`.
    pub name: String,
    /// What it does, or why.
    pub description: String,
    /// How many resources it is done to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
}

/// Resources of one kind that the same happens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    /// The kind (VO name).
    pub resource: String,
    /// `created`, `changed`, `removed`, or what a cascade says: `stopped`.
    pub effect: String,
    /// How many.
    pub count: usize,
    /// Which ones, where rows can be named: by id, or by what makes a row of a relation unique, with slashes between.
    pub uuids: Vec<String>,
}

/// What happens to rows.
pub mod effect {
    /// They are made.
    pub const CREATED: &str = "created";
    /// They get other values.
    pub const CHANGED: &str = "changed";
    /// They go.
    pub const REMOVED: &str = "removed";
}

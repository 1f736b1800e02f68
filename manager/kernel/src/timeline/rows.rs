//! The table.

use cumulo_derive::resource;
use cumulo_schema::{ErrorCode, Json, Timestamp, Uuid, wire_enum};
use serde::{Deserialize, Serialize};

use crate::bus::CallContext;

/// Characters kept of what went wrong.
const TEXT: usize = 1000;

wire_enum! {
    /// What a row is about.
    pub(crate) enum EntryKind { Api, Flow, Command, State }
}

/// Something that happened to a resource.
#[resource(table = "timeline", java = "org.cumulo.timeline.TimelineInventory", vo = "TimelineVO", internal)]
pub(crate) struct TimelineRow {
    /// The row.
    #[field(unique)]
    pub uuid: Uuid,
    /// To what; of a command, the agent.
    #[field(indexed)]
    pub resource_uuid: Uuid,
    /// What it is.
    pub kind: EntryKind,
    /// The call, or background round, that it belongs to.
    #[field(indexed)]
    pub trace: Uuid,
    /// The API, chain or command.
    pub name: String,
    /// Who called.
    pub account_uuid: Option<Uuid>,
    /// Where.
    pub node_uuid: Uuid,
    /// How it ended.
    pub result: String,
    /// The rest.
    pub detail: Json<Detail>,
    /// When it began.
    pub start_date: Timestamp,
    /// When it ended.
    #[field(indexed)]
    pub end_date: Timestamp,
}

impl TimelineRow {
    /// What ends now on `node` and began now, as part of the current call, and failed if there is an `error`.
    pub(super) fn now(node: Uuid, resource: Uuid, kind: EntryKind, name: &str, error: Option<&ErrorCode>) -> Self {
        let now = Timestamp::now();
        Self {
            uuid: Uuid::random(),
            resource_uuid: resource,
            kind,
            trace: CallContext::current().trace,
            name: name.to_owned(),
            account_uuid: None,
            node_uuid: node,
            result: if error.is_none() { "Succeeded" } else { "Failed" }.to_owned(),
            detail: Detail::of_error(error).into(),
            start_date: now,
            end_date: now,
        }
    }
}

/// What only some rows have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The flow that it is, or belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flow: Option<Uuid>,
    /// Of a flow that was taken up, the step where this part of it began; otherwise the step that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) states: Option<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entries: Vec<TrailEntry>,
    /// How many more entries there were.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) dropped: u64,
}

/// What happened in a flow. Names are short: there are dozens of these in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrailEntry {
    #[serde(rename = "k")]
    pub(crate) kind: TrailKind,
    #[serde(rename = "n")]
    pub(crate) name: String,
    /// The step that it belongs to.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// Epoch milliseconds.
    #[serde(rename = "t")]
    pub(crate) at: i64,
    /// Milliseconds; absent while it is under way.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) took: Option<i64>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<Uuid>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<Uuid>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub(crate) states: Option<(String, String)>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TrailKind {
    Step,
    Undo,
    Command,
    State,
}

impl Detail {
    pub(crate) fn of_error(error: Option<&ErrorCode>) -> Self {
        Self { error: error.map(in_short), ..Self::default() }
    }
}

impl From<Detail> for Json<Detail> {
    fn from(detail: Detail) -> Self {
        Json(detail)
    }
}

/// Code and sentence of `error`.
pub(crate) fn in_short(error: &ErrorCode) -> String {
    error.to_string().chars().take(TEXT).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

//! The reference as types. Unknown members are refused where they could be a rule that nobody compares.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

pub(crate) static REFERENCE: LazyLock<Reference> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/zstack-api.json");
    let text = std::fs::read_to_string(path).expect("the reference is in the repository");
    serde_json::from_str(&text).expect("the reference has the form described here")
});

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) apis: Vec<Api>,
    pub(crate) inventories: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) inventory_meta: BTreeMap<String, InventoryMeta>,
    pub(crate) queries: BTreeMap<String, Query>,
}

impl Reference {
    pub(crate) fn api(&self, name: &str) -> Option<&Api> {
        self.apis.iter().find(|api| api.name == name)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Api {
    pub(crate) name: String,
    pub(crate) java_class: String,
    /// Absent where nobody in the reference's open part answers.
    pub(crate) service: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) optional_paths: Vec<String>,
    pub(crate) body_key: Option<String>,
    pub(crate) need_session: bool,
    pub(crate) need_poll: bool,
    pub(crate) is_query: bool,
    #[serde(default)]
    pub(crate) is_create: bool,
    #[serde(default)]
    pub(crate) is_delete: bool,
    pub(crate) rbac: Option<String>,
    pub(crate) group: String,
    pub(crate) default_timeout_seconds: Option<u64>,
    pub(crate) params: Vec<Param>,
    pub(crate) response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Param {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) required: bool,
    #[serde(rename = "in")]
    pub(crate) location: Option<String>,
    pub(crate) max_length: Option<usize>,
    #[serde(default)]
    pub(crate) valid_values: Vec<String>,
    pub(crate) valid_regex_values: Option<String>,
    pub(crate) number_range: Option<(i64, i64)>,
    #[serde(default)]
    pub(crate) nonempty: bool,
    pub(crate) empty_string: Option<bool>,
    pub(crate) resource_type: Option<String>,
    #[serde(default)]
    pub(crate) success_if_resource_not_existing: bool,
    #[serde(default)]
    pub(crate) check_account: bool,
    #[serde(default)]
    pub(crate) operation_target: bool,
    #[serde(default)]
    pub(crate) sensitive: bool,
    pub(crate) default: Option<Value>,
    /// The words after a number in the text of a refusal; ours has its own text.
    #[serde(rename = "numberRangeUnit")]
    _number_range_unit: Option<Value>,
    /// Says that `checkAccount` is left out on purpose.
    #[serde(rename = "noOwnerCheck")]
    _no_owner_check: Option<Value>,
    #[serde(rename = "deprecated")]
    _deprecated: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    pub(crate) fields_to: Option<Vec<String>>,
    pub(crate) fields: Vec<ResponseField>,
}

#[derive(Deserialize)]
pub(crate) struct ResponseField {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// `success` and `error`, which every reply has.
    #[serde(default)]
    pub(crate) base: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InventoryMeta {
    pub(crate) java_class: String,
    pub(crate) vo: Option<String>,
    pub(crate) type_field: Option<String>,
    #[serde(default)]
    pub(crate) parent_type: Vec<ParentType>,
    #[serde(default)]
    pub(crate) no_see: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct ParentType {
    pub(crate) inventory: String,
    #[serde(rename = "type")]
    pub(crate) type_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    pub(crate) inventory: String,
    pub(crate) zql_entity: String,
    pub(crate) type_field: Option<String>,
    pub(crate) tag_fields: Vec<String>,
    pub(crate) primitive_fields: BTreeMap<String, String>,
    pub(crate) queryable_collections: BTreeMap<String, QueryCollection>,
    pub(crate) unqueryable: Vec<String>,
    pub(crate) expanded_queries: Vec<Expanded>,
    pub(crate) aliases: Vec<QueryAlias>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryCollection {
    pub(crate) mapping_class: String,
    pub(crate) join_column: Option<String>,
    pub(crate) column: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expanded {
    pub(crate) expanded_field: String,
    pub(crate) inventory_class: String,
    pub(crate) foreign_key: String,
    pub(crate) expanded_inventory_key: String,
    pub(crate) hidden: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryAlias {
    pub(crate) alias: String,
    pub(crate) expanded_field: String,
}

//! `GetResourceNames`: names for ids, of whatever kind. Each kind is asked as the caller would ask it, so nobody learns of what
//! it does not see.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::api::identity::{GetResourceNames, GetResourceNamesReply};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Name, Op, Select},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde_json::{Value, json};

use crate::Identity;

/// Ids in one call.
const MOST: usize = 1_000;

#[async_trait]
impl HandleApi<GetResourceNames> for Identity {
    async fn handle(&self, cx: &ApiCx, api: GetResourceNames) -> Result<GetResourceNamesReply, ErrorCode> {
        if api.uuids.len() > MOST {
            return Err(ErrorCode::invalid(format!(
                "field[uuids] may name {MOST} resources at most; ask again for the rest"
            )));
        }
        // What is no id names nothing, like an id that nothing has.
        let uuids: Vec<String> =
            api.uuids.iter().filter_map(|text| text.parse::<Uuid>().ok()).map(|uuid| uuid.to_string()).collect();
        let mut found: BTreeMap<String, Value> = BTreeMap::new();
        for meta in self.kernel.query().schema().resources() {
            let named = meta.field("uuid").is_some() && meta.field("name").is_some();
            if meta.internal || meta.parent.is_some() || !named || uuids.is_empty() {
                continue;
            }
            let filter = Filter::Compare { path: Name::new("uuid"), op: Op::In, values: uuids.clone() };
            let fields = Some(vec!["uuid".to_owned(), "name".to_owned()]);
            let select = Select { filter, fields, limit: MOST as u64, ..Select::of(meta) };
            for row in self.kernel.query().run(&cx.caller, &select).await?.inventories.unwrap_or_default() {
                let uuid = row["uuid"].as_str().unwrap_or_default().to_owned();
                let named = json!({ "uuid": uuid, "resourceName": row["name"], "resourceType": meta.vo,
                                    "concreteResourceType": meta.vo });
                found.insert(uuid, named);
            }
        }
        Ok(GetResourceNamesReply { inventories: uuids.iter().filter_map(|uuid| found.remove(uuid)).collect() })
    }
}

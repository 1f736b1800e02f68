//! Which resources a call is about, from its declaration.

use cumulo_schema::{ApiKind, ApiMeta, ParamIn, Uuid};
use serde_json::{Map, Value};

/// Rows of one call; who names more gets the first.
const MOST: usize = 16;

/// What `params` of `meta` name: what the call creates, what its path names, and all it names where it creates nothing. A
/// VM is about none of the image, the networks and the offering that it is made from.
pub(crate) fn about(meta: &ApiMeta, params: &Map<String, Value>, created: Uuid) -> Vec<Uuid> {
    let creates = meta.kind == ApiKind::Create;
    let mut about: Vec<Uuid> = Vec::from_iter(creates.then_some(created));
    for param in meta.params {
        let counts = param.resource.is_some() || param.name == "uuid";
        if !counts || (creates && param.location != ParamIn::Path) {
            continue;
        }
        for uuid in uuids(params.get(param.name)) {
            if !about.contains(&uuid) {
                about.push(uuid);
            }
        }
    }
    about.truncate(MOST);
    about
}

fn uuids(value: Option<&Value>) -> Vec<Uuid> {
    match value {
        Some(Value::String(text)) => text.parse().ok().into_iter().collect(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).filter_map(|text| text.parse().ok()).collect()
        }
        _ => Vec::new(),
    }
}

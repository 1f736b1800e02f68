//! `GET /zstack/v1/openapi.json`: the APIs that this node answers, as OpenAPI 3.1.

use cumulo_schema::openapi;
use serde_json::Value;

use crate::Kernel;

pub(super) fn document(kernel: &Kernel) -> Value {
    let mut resources: Vec<_> = kernel.query().schema().resources().collect();
    resources.sort_by_key(|meta| meta.name);
    openapi::document(&kernel.apis().supported(), &resources)
}

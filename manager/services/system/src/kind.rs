//! What a resource is, told from its id alone: some calls name resources of any kind.

use cumulo_kernel::Kernel;
use cumulo_schema::{ErrorCode, FieldKind, ResourceMeta, Uuid, codes};

/// The declaration of the resource called `uuid`; of a kind's row, that of its parent.
///
/// # Errors
/// SYS.1003 when nothing is called so.
pub(crate) async fn kind_of(kernel: &Kernel, uuid: Uuid) -> Result<&'static ResourceMeta, ErrorCode> {
    let query = kernel.query();
    let mut metas: Vec<&'static ResourceMeta> = query.schema().resources().filter(|meta| has_ids(meta)).collect();
    metas.sort_by_key(|meta| meta.name);
    for meta in metas {
        match query.inventory_of(meta, &uuid).await {
            Ok(_) => return Ok(meta),
            Err(error) if error.is(codes::RESOURCE_NOT_FOUND) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorCode::not_found("Resource", uuid))
}

/// Whether its rows have ids that are nobody else's.
fn has_ids(meta: &ResourceMeta) -> bool {
    let key = meta.key();
    key.wire == "uuid" && key.unique && key.kind == FieldKind::Uuid && key.part_of.is_empty() && meta.parent.is_none()
}

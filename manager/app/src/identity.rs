//! Which node this is: an id made at the first start and kept in the data directory.

use std::path::Path;

use anyhow::Context;
use cumulo_schema::Uuid;

/// The id of the node whose data is in `dir`.
///
/// # Errors
/// When the file cannot be read or made, or holds something else.
pub(crate) fn node_uuid(dir: &Path) -> anyhow::Result<Uuid> {
    let path = dir.join("node");
    if !path.exists() {
        let uuid = Uuid::random();
        std::fs::write(&path, format!("{uuid}\n")).with_context(|| format!("{} cannot be written", path.display()))?;
        return Ok(uuid);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    text.trim().parse().with_context(|| format!("{} does not hold the id of a node", path.display()))
}

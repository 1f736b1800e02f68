//! Space on a file system.

use std::path::Path;

use cumulo_proto::StorageCapacity;
use nix::sys::statvfs::statvfs;

use super::StorageError;

/// Total and available bytes of the file system that holds `root`.
pub(super) fn of(root: &Path) -> Result<StorageCapacity, StorageError> {
    let stat = statvfs(root).map_err(|errno| StorageError::io("read the capacity of", root)(errno.into()))?;
    let block = stat.fragment_size();
    Ok(StorageCapacity {
        path: root.display().to_string(),
        total: stat.blocks() * block,
        // What others than root can still use.
        available: stat.blocks_available() * block,
    })
}

//! The agent's own section of its configuration, `[storage]`.

use std::path::PathBuf;

use serde::Deserialize;

/// ```toml
/// [storage]
/// state_dir = "/var/lib/cumulo/storage-agent"
/// file_url_dirs = ["/srv/images"]              # where `file://` URLs may point, besides the storage itself
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// Where the agent keeps what it must know after a restart.
    pub state_dir: PathBuf,
    /// Folders whose files may become images by a `file://` URL. Not any file: whoever may add an image could read the
    /// host's secrets through one.
    pub file_url_dirs: Vec<PathBuf>,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self { state_dir: PathBuf::from("/var/lib/cumulo/storage-agent"), file_url_dirs: Vec::new() }
    }
}

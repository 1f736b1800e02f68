//! The host: its doors, and what the agent remembers about it.

use std::sync::Arc;

use cumulo_agent_rt::storage::{Disks, Roots};
use tokio::sync::Notify;

use crate::origin::Origin;

/// What commands work on.
pub struct StorageHost {
    /// The agent's id.
    pub agent_id: String,
    /// The host's name.
    pub hostname: String,
    /// Fingerprints of the host's SSH keys, `SHA256:…`.
    pub ssh_host_keys: Vec<String>,
    /// Image files.
    pub disks: Arc<dyn Disks>,
    /// The folders they may be in.
    pub roots: Roots,
    /// Where images come from.
    pub origin: Arc<dyn Origin>,
    /// Fires when a command changed what reports tell.
    pub changed: Arc<Notify>,
}

//! Asked of the backup storage service.

use cumulo_schema::{Uuid, message};
use serde::{Deserialize, Serialize};

/// Read the size of a backup storage anew: something was put there or taken away. Repeatable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshBackupStorage {
    /// The backup storage.
    pub backup_storage: Uuid,
}
message!(RefreshBackupStorage => (), service = "storage.backup", key = backup_storage);

//! What others keep for VMs.

use cumulo_schema::ResourceMeta;

/// Rows that somebody keeps for a VM only while it is on a host, and that go when it leaves: named in plans. Who keeps them
/// removes them when the VM service asks to release or unserve.
pub trait KeptWhileUp: Send + Sync {
    /// The rows' declaration.
    fn rows(&self) -> &'static ResourceMeta;
    /// The column that names the VM.
    fn vm_column(&self) -> &'static str;
}

//! System tags on resources that exist.

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid};

/// A service's say in the system tags that clients put on its resources: a declared pattern knows the form of a tag, its
/// service what it would do. Asked before the tag is written; tags that come with a new resource its service checks itself.
#[async_trait]
pub trait SystemTagGuard: Send + Sync {
    /// The VO of the resources it minds.
    fn resource(&self) -> &'static str;
    /// An `Err` refuses the tag; its text is shown to the user. `replaced` is the tag whose place it takes.
    async fn check(&self, resource: Uuid, tag: &str, replaced: Option<Uuid>) -> Result<(), ErrorCode>;
}

//! Whether the resource exists and the caller may put tags on it. The declarations say only "some resource", so the
//! kernel's own check cannot.

use cumulo_kernel::{bus::Caller, ownership};
use cumulo_schema::{ErrorCode, ResourceMeta, Uuid, codes};

use super::Tags;

impl Tags {
    /// The declaration of the resource `uuid` of the VO `vo`, which `caller` may change.
    pub(super) async fn resource(
        &self,
        caller: &Caller,
        vo: &str,
        uuid: Uuid,
    ) -> Result<&'static ResourceMeta, ErrorCode> {
        let known = self.kernel.query().schema().by_vo(vo);
        let meta = known.ok_or_else(|| {
            let shown: String = vo.chars().take(80).collect();
            ErrorCode::invalid(format!("there is no resource type '{shown}'"))
        })?;
        self.kernel.query().inventory_of(meta, &uuid).await?;
        self.check_owner(caller, uuid).await?;
        Ok(meta)
    }

    /// Refuses callers that are neither the admin nor the owner. What nobody owns is the admin's.
    pub(super) async fn check_owner(&self, caller: &Caller, resource: Uuid) -> Result<(), ErrorCode> {
        if caller.is_admin() || ownership::owner(self.kernel.db(), resource).await? == Some(caller.account) {
            return Ok(());
        }
        let details = format!("the resource {resource} does not belong to the account {}", caller.account);
        Err(ErrorCode::new(codes::PERMISSION_DENIED, details))
    }
}

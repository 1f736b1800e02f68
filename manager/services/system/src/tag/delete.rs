//! `DeleteTag`: of either kind, or a pattern with the tags made from it. One that is gone is fine.

use async_trait::async_trait;
use cumulo_contracts::api::tag::DeleteTag;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid, system::TagPattern};

use super::Tags;

#[async_trait]
impl HandleApi<DeleteTag> for Tags {
    async fn handle(&self, cx: &ApiCx, api: DeleteTag) -> Result<Empty, ErrorCode> {
        let shown: String = api.uuid.chars().take(80).collect();
        let uuid: Uuid = api.uuid.parse().map_err(|_| ErrorCode::not_found("Tag", shown))?;
        if self.store.pattern(uuid).await?.is_some() {
            self.check_owner(&cx.caller, uuid).await?;
            self.kernel.cascade().remove(TagPattern::META, &[uuid]).await?;
            return Ok(Empty {});
        }
        let system = self.store.system_tag(uuid).await?;
        if system.as_ref().is_some_and(|tag| tag.inherent) {
            return Err(ErrorCode::operation(format!("system tag {uuid} is inherent and cannot be deleted")));
        }
        let resource = match system {
            Some(tag) => Some(tag.resource_uuid),
            None => self.store.user_tag(uuid).await?.map(|tag| tag.resource_uuid),
        };
        if let Some(resource) = resource {
            self.check_owner(&cx.caller, resource).await?;
            self.store.remove(uuid).await?;
        }
        Ok(Empty {})
    }
}

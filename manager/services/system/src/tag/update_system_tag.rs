//! `UpdateSystemTag`: another text of a declared pattern.

use async_trait::async_trait;
use cumulo_contracts::api::tag::UpdateSystemTag;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, codes, system::SystemTag};

use super::Tags;

#[async_trait]
impl HandleApi<UpdateSystemTag> for Tags {
    async fn handle(&self, cx: &ApiCx, api: UpdateSystemTag) -> Result<Inventory<SystemTag>, ErrorCode> {
        let missing = || ErrorCode::not_found("SystemTag", api.uuid);
        let tag = self.store.system_tag(api.uuid).await?.ok_or_else(missing)?;
        self.check_owner(&cx.caller, tag.resource_uuid).await?;
        if tag.inherent {
            return Err(ErrorCode::operation(format!("system tag {} is inherent and cannot be changed", tag.uuid)));
        }
        self.check_system(&tag.resource_type, &api.tag)?;
        let changing = async {
            let same = self.store.system_tag_of(tag.resource_uuid, &api.tag).await?;
            if same.is_some_and(|same| same.uuid != tag.uuid) {
                let details = format!("the resource {} has that system tag already", tag.resource_uuid);
                return Err(ErrorCode::new(codes::DUPLICATED_TAG, details));
            }
            self.ask_guards(&tag.resource_type, tag.resource_uuid, &api.tag, Some(tag.uuid)).await?;
            Ok(self.store.set_system_tag(tag.uuid, &api.tag).await?)
        };
        self.alone(tag.resource_uuid, changing).await?;
        cx.inventory::<SystemTag>(&tag.uuid).await
    }
}

//! `CreateUserTag`.

use async_trait::async_trait;
use cumulo_contracts::api::tag::CreateUserTag;
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory, codes, system::UserTag};

use super::{Tags, new_id};

#[async_trait]
impl HandleApi<CreateUserTag> for Tags {
    async fn handle(&self, cx: &ApiCx, api: CreateUserTag) -> Result<Inventory<UserTag>, ErrorCode> {
        let meta = self.resource(&cx.caller, &api.resource_type, api.resource_uuid).await?;
        if api.tag.is_empty() {
            return Err(ErrorCode::invalid("a tag must not be empty"));
        }
        let uuid = new_id(cx, 0);
        let creating = async {
            match self.store.user_tag_of(api.resource_uuid, &api.tag).await? {
                // This very call made it before a crash.
                Some(there) if there.uuid == uuid => Ok(()),
                Some(_) => {
                    let details = format!("{}[uuid:{}] has that user tag already", meta.name, api.resource_uuid);
                    Err(ErrorCode::new(codes::DUPLICATED_TAG, details))
                }
                None => {
                    let tag = ownership::user_tag(meta.vo, api.resource_uuid, &api.tag);
                    Ok(self.store.insert_user_tag(&UserTag { uuid, ..tag }).await?)
                }
            }
        };
        self.alone(api.resource_uuid, creating).await?;
        cx.inventory::<UserTag>(&uuid).await
    }
}

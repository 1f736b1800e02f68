//! `CreateSystemTags`: all of them or none.

use async_trait::async_trait;
use cumulo_contracts::api::tag::{CreateSystemTags, CreateSystemTagsReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, system::SystemTag};

use super::{Tags, new_id};

#[async_trait]
impl HandleApi<CreateSystemTags> for Tags {
    async fn handle(&self, cx: &ApiCx, api: CreateSystemTags) -> Result<CreateSystemTagsReply, ErrorCode> {
        let meta = self.resource(&cx.caller, &api.resource_type, api.resource_uuid).await?;
        let tags: Vec<_> = api.tags.into_iter().enumerate().map(|(index, tag)| (new_id(cx, index), tag)).collect();
        self.create_system(meta, api.resource_uuid, &tags).await?;
        let mut inventories = Vec::with_capacity(tags.len());
        for (uuid, _) in &tags {
            inventories.push(cx.inventory::<SystemTag>(uuid).await?.inventory);
        }
        Ok(CreateSystemTagsReply { inventories })
    }
}

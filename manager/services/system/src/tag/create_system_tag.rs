//! `CreateSystemTag`: of a declared pattern, or refused.

use async_trait::async_trait;
use cumulo_contracts::api::tag::CreateSystemTag;
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory, ResourceMeta, Uuid, codes, system::SystemTag};

use super::{Tags, new_id};

#[async_trait]
impl HandleApi<CreateSystemTag> for Tags {
    async fn handle(&self, cx: &ApiCx, api: CreateSystemTag) -> Result<Inventory<SystemTag>, ErrorCode> {
        let meta = self.resource(&cx.caller, &api.resource_type, api.resource_uuid).await?;
        let uuid = new_id(cx, 0);
        self.create_system(meta, api.resource_uuid, &[(uuid, api.tag)]).await?;
        cx.inventory::<SystemTag>(&uuid).await
    }
}

impl Tags {
    /// Puts all of `tags`, with the ids they shall have, on `resource`, or none. Those with their ids there are left as
    /// they are: the call made them before a crash.
    pub(super) async fn create_system(
        &self,
        meta: &ResourceMeta,
        resource: Uuid,
        tags: &[(Uuid, String)],
    ) -> Result<(), ErrorCode> {
        tags.iter().try_for_each(|(_, tag)| self.check_system(meta.vo, tag))?;
        let creating = async {
            let mut new: Vec<SystemTag> = Vec::new();
            for (uuid, tag) in tags {
                let there = self.store.system_tag_of(resource, tag).await?.map(|there| there.uuid);
                if there.is_some_and(|there| there != *uuid) || new.iter().any(|other| other.tag == *tag) {
                    let details = format!("{}[uuid:{resource}] has that system tag already", meta.name);
                    return Err(ErrorCode::new(codes::DUPLICATED_TAG, details));
                }
                if there.is_none() {
                    self.ask_guards(meta.vo, resource, tag, None).await?;
                    new.push(SystemTag { uuid: *uuid, ..ownership::system_tag(meta.vo, resource, tag, false) });
                }
            }
            Ok(self.store.insert_system_tags(&new).await?)
        };
        self.alone(resource, creating).await
    }
}

//! `AttachTagToResources` and `DetachTagFromResources`: user tags made from a pattern.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::api::tag::{AttachTagToResources, AttachTagToResourcesReply, DetachTagFromResources};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{
    Empty, ErrorCode,
    system::{TagPattern, UserTag},
};

use super::Tags;
use crate::kind::kind_of;

#[async_trait]
impl HandleApi<AttachTagToResources> for Tags {
    async fn handle(&self, cx: &ApiCx, api: AttachTagToResources) -> Result<AttachTagToResourcesReply, ErrorCode> {
        let pattern = self.store.pattern(api.tag_uuid).await?;
        let pattern = pattern.ok_or_else(|| ErrorCode::not_found("TagPattern", api.tag_uuid))?;
        let text = filled_in(&pattern, &api.tokens.unwrap_or_default())?;
        let mut tags = Vec::with_capacity(api.resource_uuids.len());
        for resource in &api.resource_uuids {
            let meta = kind_of(&self.kernel, *resource).await?;
            self.check_owner(&cx.caller, *resource).await?;
            // From a pattern and a resource: attaching twice is attaching once, with the tokens given last.
            let uuid = pattern.uuid.derive(&format!("tag/{resource}"));
            let tag = ownership::user_tag(meta.vo, *resource, &text);
            tags.push(UserTag { uuid, tag_pattern_uuid: Some(pattern.uuid), ..tag });
        }
        self.store.put_patterned(&tags).await?;
        let mut inventories = Vec::with_capacity(tags.len());
        for tag in &tags {
            inventories.push(cx.inventory::<UserTag>(&tag.uuid).await?.inventory);
        }
        Ok(AttachTagToResourcesReply { inventories })
    }
}

#[async_trait]
impl HandleApi<DetachTagFromResources> for Tags {
    async fn handle(&self, cx: &ApiCx, api: DetachTagFromResources) -> Result<Empty, ErrorCode> {
        for resource in &api.resource_uuids {
            self.check_owner(&cx.caller, *resource).await?;
        }
        self.store.remove_patterned(api.tag_uuid, &api.resource_uuids).await?;
        Ok(Empty {})
    }
}

/// The text of a tag of `pattern`, every token given and none too many.
fn filled_in(pattern: &TagPattern, tokens: &BTreeMap<String, String>) -> Result<String, ErrorCode> {
    let mut left: Vec<&str> = tokens.keys().map(String::as_str).collect();
    let part = |part: &str| match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => Ok(part.to_owned()),
        Some(name) => {
            left.retain(|token| *token != name);
            let missing =
                || ErrorCode::invalid(format!("field[tokens] lacks '{name}' of the pattern '{}'", pattern.value));
            tokens.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(missing)
        }
    };
    let parts: Vec<String> = pattern.value.split("::").map(part).collect::<Result<_, _>>()?;
    match left.first() {
        Some(odd) => Err(ErrorCode::invalid(format!("the pattern '{}' has no token '{odd}'", pattern.value))),
        None => Ok(parts.join("::")),
    }
}

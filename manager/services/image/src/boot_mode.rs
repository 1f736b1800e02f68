//! `SetImageBootMode`: what boots the VMs that are made of an image, as a system tag of it that they inherit.

use std::collections::HashMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::SetImageBootMode,
    resource::{BootMode, Image},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
    tag::TagDef,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid, system::SystemTag};

use crate::Images;

const BOOT_MODE: TagDef = TagDef {
    resource: "ImageVO",
    pattern: "bootMode::{bootMode}",
    doc: "What boots VMs that are made of the image: Legacy, which is a BIOS, or UEFI.",
    check: check_tokens,
};

pub(crate) const TAGS: &[TagDef] = &[BOOT_MODE];

fn check_tokens(tokens: &HashMap<String, String>) -> Result<(), String> {
    mode(&tokens["bootMode"]).map(drop)
}

fn mode(name: &str) -> Result<BootMode, String> {
    name.parse()
        .map_err(|_| format!("'{name}' is no boot mode of this system; it has {}", BootMode::NAMES.join(" and ")))
}

#[async_trait]
impl HandleApi<SetImageBootMode> for Images {
    async fn handle(&self, _: &ApiCx, api: SetImageBootMode) -> Result<Empty, ErrorCode> {
        let mode = mode(&api.boot_mode).map_err(|why| ErrorCode::invalid(format!("field[bootMode]: {why}")))?;
        // Two calls at once would both find the tag of before, and leave one each.
        self.kernel.queues().run(&format!("image-boot-mode:{}", api.uuid), 1, self.replace(api.uuid, mode)).await?;
        Ok(Empty {})
    }
}

impl Images {
    async fn replace(&self, image: Uuid, mode: BootMode) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let tags = db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &image).all().await?;
        let old: Vec<Uuid> =
            tags.iter().filter(|tag| BOOT_MODE.tokens(&tag.tag).is_some()).map(|tag| tag.uuid).collect();
        let new = BOOT_MODE.instantiate(&[("bootMode", mode.as_str())]);
        let mut batch = db.batch();
        batch.delete::<SystemTag>().one_of(SystemTag::UUID, &old).any();
        batch.insert(&ownership::system_tag(Image::META.vo, image, &new, false));
        Ok(db.commit(batch).await.map(drop)?)
    }
}

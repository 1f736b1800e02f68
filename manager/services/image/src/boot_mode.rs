//! `SetImageBootMode`: what boots the VMs that are made of an image, as a system tag of it that they inherit.

use std::collections::HashMap;

use async_trait::async_trait;
use cumulo_contracts::{api::image::SetImageBootMode, resource::BootMode};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    tag::TagDef,
};
use cumulo_schema::{Empty, ErrorCode};

use crate::Images;

pub(crate) const BOOT_MODE: TagDef = TagDef {
    resource: "ImageVO",
    pattern: "bootMode::{bootMode}",
    doc: "What boots VMs that are made of the image: Legacy, which is a BIOS, or UEFI.",
    check: check_tokens,
};

pub(crate) const TAGS: &[TagDef] = &[BOOT_MODE];

fn check_tokens(tokens: &HashMap<String, String>) -> Result<(), String> {
    BootMode::named(&tokens["bootMode"]).map(drop)
}

#[async_trait]
impl HandleApi<SetImageBootMode> for Images {
    async fn handle(&self, _: &ApiCx, api: SetImageBootMode) -> Result<Empty, ErrorCode> {
        let wrong = |why| ErrorCode::invalid(format!("field[bootMode]: {why}"));
        let mode = BootMode::named(&api.boot_mode).map_err(wrong)?;
        let tag = BOOT_MODE.instantiate(&[("bootMode", mode.as_str())]);
        BOOT_MODE.set(&self.kernel, api.uuid, Some(&tag)).await?;
        Ok(Empty {})
    }
}

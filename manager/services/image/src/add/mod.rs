//! `AddImage`: what is asked for is checked here; [`flow`] does it.

pub(crate) mod flow;

use std::collections::HashSet;

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::AddImage,
    resource::{BackupStorage, Image, ImageMediaType, ResourceState, StorageStatus},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Uuid, codes};

use crate::{
    Images,
    draft::{Copy, Draft},
    url,
};
use flow::NewImage;

pub(crate) const TYPE: &str = "zstack";
const FORMATS: [&str; 3] = ["qcow2", "raw", "iso"];

#[async_trait]
impl HandleApi<AddImage> for Images {
    async fn handle(&self, cx: &ApiCx, api: AddImage) -> Result<Inventory<Image>, ErrorCode> {
        url::check(&api.url)?;
        if let Some(other) = api.r#type.as_deref().filter(|kind| *kind != TYPE) {
            return Err(ErrorCode::invalid(format!("field[type] is {TYPE} for images, not '{other}'; leave it out")));
        }
        let (media_type, format) = kind(&api)?;
        let (image, account) = (cx.resource_uuid, cx.caller.account);
        let mut copies = Vec::new();
        for storage in self.storages(&api.backup_storage_uuids).await? {
            let path = self.driver(&storage.r#type)?.image_path(&storage, account, image, &format);
            copies.push(Copy { storage: storage.uuid, install_path: path, stored: None });
        }
        if self.store.find(image).await?.is_some() {
            return Err(taken(image));
        }
        let draft = Draft {
            image,
            account,
            since: cx.now().0,
            name: api.name,
            description: api.description,
            guest_os_type: api.guest_os_type,
            architecture: Some(api.architecture.unwrap_or_else(|| "x86_64".to_owned())),
            platform: Some(api.platform.unwrap_or_else(|| "Linux".to_owned())),
            system: api.system,
            virtio: api.virtio,
            tags: cx.tags.clone(),
        };
        let sealed_url = self.kernel.vault().seal(&api.url);
        let context = NewImage { draft, sealed_url, media_type, format, copies };
        cx.run_flow("add-image", context).await
    }
}

pub(crate) fn taken(image: Uuid) -> ErrorCode {
    let text = format!("image {image} exists already; choose another resourceUuid");
    ErrorCode::new(codes::CREATE_RESOURCE, text)
}

/// Media type and format, each from the other or from the URL where it is not given.
fn kind(api: &AddImage) -> Result<(ImageMediaType, String), ErrorCode> {
    let format = api.format.as_ref().filter(|text| !text.is_empty()).map(|text| text.to_ascii_lowercase());
    if let Some(other) = format.as_deref().filter(|format| !FORMATS.contains(format)) {
        return Err(ErrorCode::invalid(format!("field[format] must be one of {}, not '{other}'", FORMATS.join(", "))));
    }
    let media_type: Option<ImageMediaType> = match api.media_type.as_deref().map(str::parse) {
        Some(Err(bad)) => return Err(ErrorCode::invalid(format!("field[mediaType] {bad}"))),
        Some(Ok(media_type)) => Some(media_type),
        None => None,
    };
    let format = match (format, media_type) {
        (Some(format), _) => format,
        (None, Some(ImageMediaType::Iso)) => "iso".to_owned(),
        (None, _) => url::format(&api.url).to_owned(),
    };
    let media_type = media_type.unwrap_or(match format.as_str() {
        "iso" => ImageMediaType::Iso,
        _ => ImageMediaType::RootVolumeTemplate,
    });
    if (media_type == ImageMediaType::Iso) != (format == "iso") {
        let text = format!("field[format] {format} does not go with mediaType {media_type}; an ISO has the format iso");
        return Err(ErrorCode::invalid(text));
    }
    Ok((media_type, format))
}

impl Images {
    /// The backup storages named, each once and fit to take an image.
    pub(crate) async fn storages(&self, named: &[Uuid]) -> Result<Vec<BackupStorage>, ErrorCode> {
        let mut seen = HashSet::new();
        let mut storages = Vec::new();
        for uuid in named {
            if !seen.insert(*uuid) {
                return Err(ErrorCode::invalid(format!("field[backupStorageUuids] names {uuid} twice")));
            }
            let storage = self.store.backup_storage(*uuid).await?;
            let name = format!("backup storage {}[uuid:{uuid}]", storage.name);
            if storage.state != ResourceState::Enabled {
                return Err(ErrorCode::operation(format!("{name} is {}; enable it or take another", storage.state)));
            }
            if storage.status != StorageStatus::Connected {
                let text = format!("{name} is {}; reconnect it or take another", storage.status);
                return Err(ErrorCode::operation(text));
            }
            storages.push(storage);
        }
        Ok(storages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(media_type: Option<&str>, format: Option<&str>, url: &str) -> Result<(ImageMediaType, String), ErrorCode> {
        let mut api =
            serde_json::json!({"name": "i", "url": url, "backupStorageUuids": [], "system": false, "virtio": true});
        for (name, value) in [("mediaType", media_type), ("format", format)] {
            if let Some(value) = value {
                api[name] = value.into();
            }
        }
        kind(&serde_json::from_value(api).expect("parameters"))
    }

    #[test]
    fn media_type_and_format_follow_from_each_other() {
        let template = |format: &str| Ok((ImageMediaType::RootVolumeTemplate, format.to_owned()));
        assert_eq!(asked(None, None, "http://a/x"), template("qcow2"));
        assert_eq!(asked(None, Some("QCOW2"), "http://a/x.iso"), template("qcow2"));
        assert_eq!(asked(Some("RootVolumeTemplate"), None, "http://a/x.img"), template("raw"));
        assert_eq!(asked(None, None, "http://a/x.iso"), Ok((ImageMediaType::Iso, "iso".to_owned())));
        assert_eq!(asked(Some("ISO"), None, "http://a/x"), Ok((ImageMediaType::Iso, "iso".to_owned())));
        for (media_type, format) in [("ISO", "qcow2"), ("RootVolumeTemplate", "iso"), ("ISO", "vmdk")] {
            assert!(asked(Some(media_type), Some(format), "http://a/x").is_err(), "{media_type} {format}");
        }
    }
}

//! What all ways of making an image share: what is to be recorded of it, where it is to be, and the steps that record it
//! before its file is made and afterwards.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::StoredImage,
    message::backup_storage::RefreshBackupStorage,
    resource::{BackupStorage, Image, ImageMediaType, ImageStatus, ResourceState},
};
use cumulo_kernel::{
    db::DbError,
    flow::{Flow, Step, StepCx},
    ownership::NewTags,
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::{
    Images,
    add::{TYPE, taken},
};

/// An image that is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Draft {
    /// The image.
    pub image: Uuid,
    /// Who owns it.
    pub account: Uuid,
    /// When it is made, in epoch milliseconds: tells ours from one that was there before.
    pub since: i64,
    /// Its name.
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The operating system in it.
    pub guest_os_type: Option<String>,
    /// Processor architecture.
    pub architecture: Option<String>,
    /// The family of the operating system.
    pub platform: Option<String>,
    /// Whether it serves the system itself.
    pub system: bool,
    /// Whether the guest has virtio drivers.
    pub virtio: bool,
    /// Tags to create with it.
    pub tags: NewTags,
}

impl Draft {
    /// The row as it is before there is a file.
    pub(crate) fn row(&self, status: ImageStatus, url: String, media_type: ImageMediaType, format: &str) -> Image {
        let since = Timestamp(self.since);
        Image {
            uuid: self.image,
            name: self.name.clone(),
            description: self.description.clone(),
            state: ResourceState::Enabled,
            status,
            size: 0,
            actual_size: 0,
            md5_sum: None,
            url,
            media_type,
            guest_os_type: self.guest_os_type.clone(),
            r#type: TYPE.to_owned(),
            platform: self.platform.clone(),
            architecture: self.architecture.clone(),
            format: format.to_owned(),
            system: self.system,
            virtio: self.virtio,
            create_date: since,
            last_op_date: since,
            sha256: None,
        }
    }
}

/// One copy of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Copy {
    /// The backup storage.
    pub storage: Uuid,
    /// Where on it.
    pub install_path: String,
    /// What it is, once it is there.
    pub stored: Option<StoredImage>,
}

/// A flow that makes an image.
pub(crate) trait Making: Flow {
    /// What the image is while there is no file.
    const STATUS: ImageStatus;

    fn draft(&self) -> &Draft;

    /// The row as it is before there is a file.
    fn row(&self, images: &Images) -> Result<Image, ErrorCode>;

    /// Where it is to be.
    fn copies(&self) -> Vec<&Copy>;
}

/// Records the image with its references, so that it can be asked about from now on.
pub(crate) struct Record(pub(crate) Arc<Images>);

#[async_trait]
impl<F: Making> Step<F> for Record {
    fn name(&self) -> &'static str {
        "record-image"
    }

    fn describe(&self) -> &'static str {
        "records the image and its copies"
    }

    async fn foresee(&self, cx: &StepCx<F>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(Image::META.vo, effect::CREATED, [cx.draft().image]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<F>) -> Result<(), ErrorCode> {
        let (row, draft) = (cx.row(&self.0)?, cx.draft());
        let copies = cx.copies().into_iter().map(|copy| (copy.storage, copy.install_path.as_str()));
        match self.0.store.insert(&row, copies, draft.account, &draft.tags).await {
            Err(DbError::Conflict { .. }) if self.is_ours(draft).await? => Ok(()),
            Err(DbError::Conflict { .. }) => Err(taken(draft.image)),
            inserted => Ok(inserted?),
        }
    }

    async fn undo(&self, cx: &mut StepCx<F>) -> Result<(), ErrorCode> {
        let draft = cx.draft();
        if self.is_ours(draft).await? {
            self.0.kernel.cascade().remove(Image::META, &[draft.image]).await?;
        }
        Ok(())
    }
}

impl Record {
    async fn is_ours(&self, draft: &Draft) -> Result<bool, ErrorCode> {
        let there = self.0.store.find(draft.image).await?;
        Ok(there.is_some_and(|there| there.create_date == Timestamp(draft.since)))
    }
}

/// Records what the image turned out to be. Copies that failed lose their reference and whatever they left.
pub(crate) struct MarkReady(pub(crate) Arc<Images>);

#[async_trait]
impl<F: Making> Step<F> for MarkReady {
    fn name(&self) -> &'static str {
        "mark-ready"
    }

    fn describe(&self) -> &'static str {
        "records what came, and that it can be used"
    }

    async fn run(&self, cx: &mut StepCx<F>) -> Result<(), ErrorCode> {
        let (image, copies) = (cx.draft().image, cx.copies());
        let stored = copies.iter().find_map(|copy| copy.stored.as_ref());
        let stored = stored.ok_or_else(|| ErrorCode::internal("an image that is nowhere is not ready"))?;
        for copy in copies.iter().filter(|copy| copy.stored.is_none()) {
            self.0.remove_copy(copy.storage, image, &copy.install_path, cx.task(&copy.storage.to_string())).await?;
        }
        self.0.store.ready(image, stored).await?;
        for copy in copies {
            self.0.kernel.bus().send(RefreshBackupStorage { backup_storage: copy.storage });
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<F>) -> Result<(), ErrorCode> {
        Ok(self.0.store.unready(cx.draft().image, F::STATUS).await?)
    }
}

impl Images {
    /// Removes what a step of `cx` left on the backup storages, whole or half.
    pub(crate) async fn remove_files<F: Making>(&self, cx: &StepCx<F>) -> Result<(), ErrorCode> {
        let image = cx.draft().image;
        let removals = cx
            .copies()
            .into_iter()
            .map(|copy| self.remove_file(copy.storage, image, &copy.install_path, cx.task(&copy.storage.to_string())));
        join_all(removals).await.into_iter().collect()
    }
}

/// What went wrong, with where.
pub(crate) fn on(storage: &BackupStorage, cause: ErrorCode) -> ErrorCode {
    let text = format!("on backup storage {}[uuid:{}]: {}", storage.name, storage.uuid, cause.details);
    ErrorCode::operation(text).because(cause)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{NewImage, NewTemplate};

    /// Flows outlive the program that began them.
    #[test]
    fn flows_journaled_before_there_were_drafts_are_read() {
        let id = "0123456789ab4def8123456789abcdef";
        let mut image = json!({
            "image": id, "account": id, "since": 7, "name": "n", "description": null, "guest_os_type": null,
            "architecture": null, "platform": "Linux", "system": false, "virtio": true,
            "tags": { "system": [], "user": [], "patterns": [] },
            "copies": [{ "storage": id, "install_path": "p", "stored": null }],
        });
        let mut template = image.clone();
        for (name, value) in [("sealed_url", "s"), ("media_type", "ISO"), ("format", "iso")] {
            image[name] = value.into();
        }
        let image: NewImage = serde_json::from_value(image).expect("a context");
        assert_eq!((image.draft.since, image.draft.name.as_str(), image.copies.len()), (7, "n", 1));
        template["from"] = json!({
            "storage": id, "zone": id, "vm": id, "format": "qcow2", "transports": [],
            "place": { "volume": id, "host": id, "install_path": "v" },
        });
        template["flat"] = json!(null);
        template["copies"][0]["to"] = json!(null);
        template["copies"][0]["sha256"] = json!("00");
        let template: NewTemplate = serde_json::from_value(template).expect("a context");
        let copy = &template.copies[0];
        assert_eq!((copy.copy.install_path.as_str(), copy.sha256.as_deref()), ("p", Some("00")));
        assert_eq!(template.draft.platform.as_deref(), Some("Linux"));
    }
}

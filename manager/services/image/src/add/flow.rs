//! Adding an image, step by step. It succeeds when at least one backup storage has the image; the others lose their
//! reference, and the reason is logged.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::StoredImage,
    message::backup_storage::RefreshBackupStorage,
    resource::{Image, ImageMediaType, ImageStatus, ResourceState},
};
use cumulo_kernel::{
    db::DbError,
    flow::{Flow, FlowReply, Step, StepCx},
    ownership::NewTags,
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::{TYPE, taken};
use crate::{Images, url};

/// The flow's context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewImage {
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
    /// Where it comes from, sealed, since it may carry a password.
    pub sealed_url: String,
    /// What is in it.
    pub media_type: ImageMediaType,
    /// What the file must be.
    pub format: String,
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
    /// Where it is to be.
    pub copies: Vec<Copy>,
}

/// One copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Copy {
    /// The backup storage.
    pub storage: Uuid,
    /// Where on it.
    pub install_path: String,
    /// What it is, once it is there.
    pub stored: Option<StoredImage>,
}

impl Flow for NewImage {
    const NAME: &'static str = "add-image";

    fn resource(&self) -> Uuid {
        self.image
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("Image", self.image)
    }
}

impl NewImage {
    /// The row as it is before the download, `url` as given.
    fn row(&self, url: String) -> Image {
        let since = Timestamp(self.since);
        Image {
            uuid: self.image,
            name: self.name.clone(),
            description: self.description.clone(),
            state: ResourceState::Enabled,
            status: ImageStatus::Downloading,
            size: 0,
            actual_size: 0,
            md5_sum: None,
            url,
            media_type: self.media_type,
            guest_os_type: self.guest_os_type.clone(),
            r#type: TYPE.to_owned(),
            platform: self.platform.clone(),
            architecture: self.architecture.clone(),
            format: self.format.clone(),
            system: self.system,
            virtio: self.virtio,
            create_date: since,
            last_op_date: since,
            sha256: None,
        }
    }
}

/// Records the image with its references, so that it can be asked about from now on.
pub(crate) struct Record(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewImage> for Record {
    fn name(&self) -> &'static str {
        "record-image"
    }

    fn describe(&self) -> &'static str {
        "records the image and its copies"
    }

    async fn foresee(&self, cx: &StepCx<NewImage>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(Image::META.vo, effect::CREATED, [cx.image]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        let row = cx.row(url::shown(&self.0.kernel.vault().unseal(&cx.sealed_url)?));
        let copies = cx.copies.iter().map(|copy| (copy.storage, copy.install_path.as_str()));
        match self.0.store.insert(&row, copies, cx.account, &cx.tags).await {
            Err(DbError::Conflict { .. }) if self.is_ours(cx).await? => Ok(()),
            Err(DbError::Conflict { .. }) => Err(taken(cx.image)),
            inserted => Ok(inserted?),
        }
    }

    async fn undo(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        if self.is_ours(cx).await? {
            self.0.kernel.cascade().remove(Image::META, &[cx.image]).await?;
        }
        Ok(())
    }
}

impl Record {
    async fn is_ours(&self, cx: &NewImage) -> Result<bool, ErrorCode> {
        let there = self.0.store.find(cx.image).await?;
        Ok(there.is_some_and(|there| there.create_date == Timestamp(cx.since)))
    }
}

/// Downloads the image to all its backup storages at once.
pub(crate) struct Download(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewImage> for Download {
    fn name(&self) -> &'static str {
        "download-image"
    }

    fn describe(&self) -> &'static str {
        "fetches the image to each backup storage"
    }

    async fn run(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        let image = cx.row(self.0.kernel.vault().unseal(&cx.sealed_url)?);
        let downloads = cx.copies.iter().map(|copy| self.download(&image, copy, cx.task(&copy.storage.to_string())));
        let outcomes = join_all(downloads).await;
        let mut failures = Vec::new();
        for (copy, outcome) in cx.copies.iter_mut().zip(outcomes) {
            match outcome {
                Ok(stored) => copy.stored = Some(stored),
                Err(error) => failures.push(error),
            }
        }
        if failures.len() < cx.copies.len() {
            for error in failures {
                tracing::warn!(image = %cx.image, %error, "an image is on fewer backup storages than asked for");
            }
            return Ok(());
        }
        let reasons: Vec<&str> = failures.iter().map(|error| error.details.as_str()).collect();
        let text = format!("image {}[uuid:{}] could not be added: {}", cx.name, cx.image, reasons.join("; "));
        let error = ErrorCode::operation(text);
        Err(failures.into_iter().next().map_or(error.clone(), |first| error.because(first)))
    }

    async fn undo(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        let removals = cx.copies.iter().map(|copy| {
            self.0.remove_file(copy.storage, cx.image, &copy.install_path, cx.task(&copy.storage.to_string()))
        });
        join_all(removals).await.into_iter().collect()
    }
}

impl Download {
    async fn download(&self, image: &Image, copy: &Copy, task: Uuid) -> Result<StoredImage, ErrorCode> {
        let storage = self.0.store.backup_storage(copy.storage).await?;
        let driver = self.0.driver(&storage.r#type)?;
        driver.download(&storage, image, &copy.install_path, task).await.map_err(|cause| {
            let text = format!("on backup storage {}[uuid:{}]: {}", storage.name, storage.uuid, cause.details);
            ErrorCode::operation(text).because(cause)
        })
    }
}

/// Records what was downloaded. Copies that failed lose their reference and whatever they left.
pub(crate) struct MarkReady(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewImage> for MarkReady {
    fn name(&self) -> &'static str {
        "mark-ready"
    }

    fn describe(&self) -> &'static str {
        "records what came, and that it can be used"
    }

    async fn run(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        let stored = cx.copies.iter().find_map(|copy| copy.stored.clone());
        let stored = stored.ok_or_else(|| ErrorCode::internal("an image that is nowhere is not ready"))?;
        for copy in cx.copies.iter().filter(|copy| copy.stored.is_none()) {
            self.0.remove_copy(copy.storage, cx.image, &copy.install_path, cx.task(&copy.storage.to_string())).await?;
        }
        self.0.store.ready(cx.image, &stored).await?;
        for copy in &cx.copies {
            self.0.kernel.bus().send(RefreshBackupStorage { backup_storage: copy.storage });
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        Ok(self.0.store.unready(cx.image, ImageStatus::Downloading).await?)
    }
}

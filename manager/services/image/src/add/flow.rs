//! Adding an image, step by step. It succeeds when at least one backup storage has the image; the others lose their
//! reference, and the reason is logged.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::StoredImage,
    resource::{Image, ImageMediaType, ImageStatus},
};
use cumulo_kernel::flow::{Flow, FlowReply, Step, StepCx};
use cumulo_schema::{ErrorCode, Uuid};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::{
    Images,
    draft::{Copy, Draft, Making, on},
    url,
};

/// The flow's context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewImage {
    /// What is to be recorded of it.
    #[serde(flatten)]
    pub draft: Draft,
    /// Where it comes from, sealed, since it may carry a password.
    pub sealed_url: String,
    /// What is in it.
    pub media_type: ImageMediaType,
    /// What the file must be.
    pub format: String,
    /// Where it is to be.
    pub copies: Vec<Copy>,
}

impl Flow for NewImage {
    const NAME: &'static str = "add-image";

    fn resource(&self) -> Uuid {
        self.draft.image
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("Image", self.draft.image)
    }
}

impl Making for NewImage {
    const STATUS: ImageStatus = ImageStatus::Downloading;

    fn draft(&self) -> &Draft {
        &self.draft
    }

    fn row(&self, images: &Images) -> Result<Image, ErrorCode> {
        Ok(self.row_of(url::shown(&images.kernel.vault().unseal(&self.sealed_url)?)))
    }

    fn copies(&self) -> Vec<&Copy> {
        self.copies.iter().collect()
    }
}

impl NewImage {
    fn row_of(&self, url: String) -> Image {
        self.draft.row(Self::STATUS, url, self.media_type, &self.format)
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
        let image = cx.row_of(self.0.kernel.vault().unseal(&cx.sealed_url)?);
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
                tracing::warn!(image = %cx.draft.image, %error, "an image is on fewer backup storages than asked for");
            }
            return Ok(());
        }
        let reasons: Vec<&str> = failures.iter().map(|error| error.details.as_str()).collect();
        let text =
            format!("image {}[uuid:{}] could not be added: {}", cx.draft.name, cx.draft.image, reasons.join("; "));
        let error = ErrorCode::operation(text);
        Err(failures.into_iter().next().map_or(error.clone(), |first| error.because(first)))
    }

    async fn undo(&self, cx: &mut StepCx<NewImage>) -> Result<(), ErrorCode> {
        self.0.remove_files(cx).await
    }
}

impl Download {
    async fn download(&self, image: &Image, copy: &Copy, task: Uuid) -> Result<StoredImage, ErrorCode> {
        let storage = self.0.store.backup_storage(copy.storage).await?;
        let driver = self.0.driver(&storage.r#type)?;
        driver.download(&storage, image, &copy.install_path, task).await.map_err(|cause| on(&storage, cause))
    }
}

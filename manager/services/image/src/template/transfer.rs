//! From the volume to the backup storages: one file beside the volume, room for it on each storage, the file there, and a
//! look at what came. The same file goes to all of them at once; where one fails, all do.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{ImageReceiver, StoredImage, Uploaded},
    message::volume::{DropFlatVolume, MakeFlatVolume, RootVolume, UploadFlatVolume},
    resource::BackupStorage,
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    gc::GcRunner,
};
use cumulo_schema::{ErrorCode, Uuid};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::flow::{NewTemplate, TemplateCopy};
use crate::{Images, draft::on};

/// Runs the debts of flat files that could not be removed when their time had come.
pub(crate) const RUNNER: &str = "flat-volume";

/// Makes one file of the volume and what is below it.
pub(crate) struct Flatten(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewTemplate> for Flatten {
    fn name(&self) -> &'static str {
        "flatten-volume"
    }

    fn describe(&self) -> &'static str {
        "copies the volume, with the image below it, to one file beside it"
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let ask = MakeFlatVolume { image: cx.draft.image, from: cx.from.clone(), task: cx.task("flatten") };
        cx.flat = Some(self.0.kernel.bus().call(ask).await?);
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let ask = DropFlatVolume { image: cx.draft.image, from: cx.from.clone(), task: cx.task("drop") };
        self.0.kernel.bus().call(ask).await
    }
}

/// Makes room on the backup storages. What comes there later, half or whole, goes with the room.
pub(crate) struct Open(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewTemplate> for Open {
    fn name(&self) -> &'static str {
        "open-uploads"
    }

    fn describe(&self) -> &'static str {
        "makes room on each backup storage"
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let flat = cx.flat.as_ref().ok_or_else(nothing)?;
        let opened = cx.copies.iter().map(async |copy| {
            let (storage, receiver) = self.0.target(copy, &cx.from).await?;
            let task = cx.task(&copy.copy.storage.to_string());
            let opened = receiver.open(&storage, cx.draft.image, &copy.copy.install_path, flat, task).await;
            opened.map_err(|cause| on(&storage, cause))
        });
        let opened = try_join_all(opened).await?;
        for (copy, to) in cx.copies.iter_mut().zip(opened) {
            copy.to = Some(to);
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        self.0.remove_files(cx).await
    }
}

/// Brings the file to the backup storages.
pub(crate) struct Upload(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewTemplate> for Upload {
    fn name(&self) -> &'static str {
        "upload-image"
    }

    fn describe(&self) -> &'static str {
        "brings the file to each backup storage"
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let uploads = cx.copies.iter().map(async |copy| {
            let to = copy.to.clone().ok_or_else(nothing)?;
            let task = cx.task(&copy.copy.storage.to_string());
            let ask = UploadFlatVolume { image: cx.draft.image, from: cx.from.clone(), to, task };
            self.0.kernel.bus().call(ask).await
        });
        let sums = try_join_all(uploads).await?;
        for (copy, sum) in cx.copies.iter_mut().zip(sums) {
            copy.sha256 = Some(sum);
        }
        Ok(())
    }

    /// What was brought lies where room was made for it.
    async fn undo(&self, _: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Has each backup storage look at what came, and make an image of it.
pub(crate) struct Accept(pub(crate) Arc<Images>);

#[async_trait]
impl Step<NewTemplate> for Accept {
    fn name(&self) -> &'static str {
        "accept-image"
    }

    fn describe(&self) -> &'static str {
        "compares what came with what was sent, and makes it an image"
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let accepted = cx.copies.iter().map(|copy| self.accept(cx, copy));
        let accepted = try_join_all(accepted).await?;
        for (copy, stored) in cx.copies.iter_mut().zip(accepted) {
            copy.copy.stored = Some(stored);
        }
        Ok(())
    }

    /// As with what was brought.
    async fn undo(&self, _: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

impl Accept {
    async fn accept(&self, cx: &StepCx<NewTemplate>, copy: &TemplateCopy) -> Result<StoredImage, ErrorCode> {
        let (storage, receiver) = self.0.target(copy, &cx.from).await?;
        let (flat, sha256) = cx.flat.clone().zip(copy.sha256.clone()).ok_or_else(nothing)?;
        let (sent, task) = (Uploaded { flat, sha256 }, cx.task(&copy.copy.storage.to_string()));
        let accepted = receiver.accept(&storage, cx.draft.image, &copy.copy.install_path, &sent, task).await;
        accepted.map_err(|cause| on(&storage, cause))
    }
}

/// Removes the file beside the volume. The image is there by now, and it is not given up because its host cannot be reached:
/// what cannot be removed is owed.
pub(crate) struct DropFlat(pub(crate) Arc<Images>);

/// A flat file that must still go.
#[derive(Debug, Serialize, Deserialize)]
struct FlatDebt {
    image: Uuid,
    from: RootVolume,
}

#[async_trait]
impl Step<NewTemplate> for DropFlat {
    fn name(&self) -> &'static str {
        "drop-flat-volume"
    }

    fn describe(&self) -> &'static str {
        "removes the file beside the volume"
    }

    async fn run(&self, cx: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        let (image, from) = (cx.draft.image, cx.from.clone());
        let ask = DropFlatVolume { image, from: from.clone(), task: cx.task("drop") };
        let Err(error) = self.0.kernel.bus().call(ask).await else { return Ok(()) };
        let name = format!("remove the copy of volume {} that image {image} was made of", from.place.volume);
        let context = serde_json::to_string(&FlatDebt { image, from })
            .map_err(|cause| ErrorCode::internal("a debt cannot be stored").because_of(&cause))?;
        self.0.kernel.debts().record(image.derive("flat-debt"), name, RUNNER, context, image, &error).await
    }

    async fn undo(&self, _: &mut StepCx<NewTemplate>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

#[async_trait]
impl GcRunner for DropFlat {
    async fn run(&self, context: &str, _attempt: u64) -> Result<(), ErrorCode> {
        let FlatDebt { image, from } = serde_json::from_str(context)
            .map_err(|cause| ErrorCode::internal("a debt's context is unreadable").because_of(&cause))?;
        self.0.kernel.bus().call(DropFlatVolume { image, from, task: Uuid::random() }).await
    }
}

impl Images {
    async fn target(
        &self,
        copy: &TemplateCopy,
        from: &RootVolume,
    ) -> Result<(BackupStorage, Arc<dyn ImageReceiver>), ErrorCode> {
        let storage = self.store.backup_storage(copy.copy.storage).await?;
        let receiver = self.receiver(&storage, &from.transports)?;
        Ok((storage, receiver))
    }
}

fn nothing() -> ErrorCode {
    ErrorCode::internal("a step of making an image of a volume came before the one it needs")
}

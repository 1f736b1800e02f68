//! `ExpungeImage`, and how copies go: file and reference, and the image with its last one.

use async_trait::async_trait;
use cumulo_contracts::{
    api::image::ExpungeImage,
    message::backup_storage::RefreshBackupStorage,
    resource::{Image, ImageBackupStorageRef, ImageStatus},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    gc::GcRunner,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use crate::Images;

/// Runs the debts of files that outlived their record.
pub(crate) const RUNNER: &str = "image-file";

/// A file that must still go.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileDebt {
    backup_storage: Uuid,
    image: Uuid,
    install_path: String,
}

#[async_trait]
impl HandleApi<ExpungeImage> for Images {
    async fn handle(&self, cx: &ApiCx, api: ExpungeImage) -> Result<Empty, ErrorCode> {
        let copies = self.chosen(api.image_uuid, api.backup_storage_uuids.as_deref()).await?;
        if let Some(copy) = copies.iter().find(|copy| copy.status != ImageStatus::Deleted) {
            return Err(ErrorCode::operation(format!(
                "image {} on backup storage {} is {}; delete it before you expunge it",
                copy.image_uuid, copy.backup_storage_uuid, copy.status
            )));
        }
        self.expunge(&copies, cx.job).await?;
        Ok(Empty {})
    }
}

impl Images {
    /// The references of `image`, or those on `storages`.
    pub(crate) async fn chosen(
        &self,
        image: Uuid,
        storages: Option<&[Uuid]>,
    ) -> Result<Vec<ImageBackupStorageRef>, ErrorCode> {
        let mut copies = self.store.copies(image).await?;
        if let Some(storages) = storages {
            if let Some(other) =
                storages.iter().find(|uuid| copies.iter().all(|copy| copy.backup_storage_uuid != **uuid))
            {
                return Err(ErrorCode::operation(format!("image {image} is not on backup storage {other}")));
            }
            copies.retain(|copy| storages.contains(&copy.backup_storage_uuid));
        }
        Ok(copies)
    }

    /// Removes copies, files included; an image without any is removed too. `task` is a namespace.
    pub(crate) async fn expunge(&self, copies: &[ImageBackupStorageRef], task: Uuid) -> Result<(), ErrorCode> {
        for copy in copies {
            let (storage, image) = (copy.backup_storage_uuid, copy.image_uuid);
            let task = task.derive(&format!("expunge/{storage}/{image}"));
            self.remove_copy(storage, image, &copy.install_path, task).await?;
            self.kernel.bus().send(RefreshBackupStorage { backup_storage: storage });
            if self.store.copies(image).await?.is_empty() {
                self.kernel.cascade().remove(Image::META, &[image]).await?;
            }
        }
        Ok(())
    }

    /// Removes one copy's file and reference. A file that cannot be removed now is owed.
    pub(crate) async fn remove_copy(
        &self,
        storage: Uuid,
        image: Uuid,
        install_path: &str,
        task: Uuid,
    ) -> Result<(), ErrorCode> {
        if let Err(error) = self.remove_file(storage, image, install_path, task).await {
            let debt = FileDebt { backup_storage: storage, image, install_path: install_path.to_owned() };
            let context = serde_json::to_string(&debt)
                .map_err(|cause| ErrorCode::internal("a debt cannot be stored").because_of(&cause))?;
            let name = format!("remove image {image} from backup storage {storage}");
            let uuid = image.derive(&format!("file-debt/{storage}"));
            self.kernel.debts().record(uuid, name, RUNNER, context, image, &error).await?;
        }
        Ok(self.store.remove_ref(storage, image).await?)
    }

    /// Makes sure a file is gone. With its storage gone too, nobody can reach it, and it is nobody's.
    pub(crate) async fn remove_file(
        &self,
        storage: Uuid,
        image: Uuid,
        install_path: &str,
        task: Uuid,
    ) -> Result<(), ErrorCode> {
        let Some(storage) = self.store.find_backup_storage(storage).await? else { return Ok(()) };
        self.driver(&storage.r#type)?.delete(&storage, image, install_path, task).await
    }
}

#[async_trait]
impl GcRunner for Images {
    async fn run(&self, context: &str, _attempt: u64) -> Result<(), ErrorCode> {
        let debt: FileDebt = serde_json::from_str(context)
            .map_err(|cause| ErrorCode::internal("a debt's context is unreadable").because_of(&cause))?;
        self.remove_file(debt.backup_storage, debt.image, &debt.install_path, Uuid::random()).await
    }
}

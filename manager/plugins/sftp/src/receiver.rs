//! Images that hosts bring: the agent makes a file that the storage's account may write, and looks at what came.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{ImageReceiver, Stored, StoredImage, Transport, UploadTo, Uploaded},
    resource::BackupStorage,
};
use cumulo_proto::storage;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{
    Sftp,
    driver::{below, bytes},
};

#[async_trait]
impl ImageReceiver for Sftp {
    fn transport(&self) -> Transport {
        Transport::Sftp
    }

    async fn open(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        flat: &Stored,
        task: Uuid,
    ) -> Result<UploadTo, ErrorCode> {
        let mut file = self.file(storage, String::new()).await?;
        let command = storage::OpenUpload {
            header: None,
            image_uuid: image.to_string(),
            install_path: below(storage, install_path)?,
            storage_path: storage.url.clone(),
            username: file.username.clone(),
            size: u64::try_from(flat.actual_size).unwrap_or(0),
        };
        file.path = self.gateway.call(storage.uuid, task, command).await?.path;
        Ok(UploadTo::Sftp(file))
    }

    async fn accept(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        uploaded: &Uploaded,
        task: Uuid,
    ) -> Result<StoredImage, ErrorCode> {
        let command = storage::AcceptUpload {
            header: None,
            image_uuid: image.to_string(),
            install_path: below(storage, install_path)?,
            storage_path: storage.url.clone(),
            expected_format: uploaded.flat.format.clone(),
            expected_sha256: uploaded.sha256.clone(),
        };
        let reply = self.gateway.call(storage.uuid, task, command).await?;
        let stored = Stored { size: bytes(reply.size), actual_size: bytes(reply.actual_size), format: reply.format };
        Ok(StoredImage { stored, md5: reply.md5, sha256: reply.sha256 })
    }
}

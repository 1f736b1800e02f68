//! The driver: what the image and backup storage services ask, in words of the storage agent.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{BackupStorageDriver, Capacity, FetchFrom, SftpFile, Stored, StoredImage},
    resource::{BackupStorage, Image, SftpBackupStorage},
};
use cumulo_gateway::{AgentKind, Secret, SshTarget};
use cumulo_proto::{StorageCapacity, storage};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Sftp, store};

#[async_trait]
impl BackupStorageDriver for Sftp {
    async fn connect(&self, storage: &BackupStorage, deploy: bool) -> Result<Capacity, ErrorCode> {
        let row = store::get(self.kernel.db(), storage.uuid).await?;
        if deploy {
            self.gateway.deploy(storage.uuid, AgentKind::Storage, &self.target(&row)?).await?;
        }
        let reply = self.hello(storage).await?;
        // The agent is who its certificate says, so what it tells of its own machine is worth more than a first contact.
        // Hosts prefer the same kind of key as the agent names first.
        let key = reply.ssh_host_keys.into_iter().next();
        if key != row.host_key {
            store::set_host_key(self.kernel.db(), storage.uuid, &key).await?;
        }
        capacity(reply.capacity, storage)
    }

    async fn ping(&self, storage: &BackupStorage) -> Result<(), ErrorCode> {
        if self.gateway.ping(storage.uuid).await?.connected {
            return Ok(());
        }
        // An agent that was restarted does not know where to report to until it is told again.
        self.hello(storage).await.map(drop)
    }

    fn image_path(&self, storage: &BackupStorage, account: Uuid, image: Uuid, format: &str) -> String {
        let folder = if format == "iso" { "iso" } else { "rootVolumeTemplates" };
        format!("{}/{folder}/acct-{account}/{image}/{image}.{format}", storage.url)
    }

    async fn download(
        &self,
        storage: &BackupStorage,
        image: &Image,
        install_path: &str,
        task: Uuid,
    ) -> Result<StoredImage, ErrorCode> {
        let command = storage::DownloadImage {
            header: None,
            image_uuid: image.uuid.to_string(),
            url: image.url.clone(),
            install_path: below(storage, install_path)?,
            expected_format: image.format.clone(),
            expected_sha256: image.sha256.clone().unwrap_or_default(),
            expected_md5: image.md5_sum.clone().unwrap_or_default(),
            storage_path: storage.url.clone(),
        };
        let reply = self.gateway.call(storage.uuid, task, command).await?;
        let stored = Stored { size: bytes(reply.size), actual_size: bytes(reply.actual_size), format: reply.format };
        Ok(StoredImage { stored, md5: reply.md5, sha256: reply.sha256 })
    }

    async fn delete(
        &self,
        storage: &BackupStorage,
        image: Uuid,
        install_path: &str,
        task: Uuid,
    ) -> Result<(), ErrorCode> {
        let command = storage::DeleteImage {
            header: None,
            image_uuid: image.to_string(),
            install_path: below(storage, install_path)?,
            storage_path: storage.url.clone(),
        };
        self.gateway.call(storage.uuid, task, command).await.map(drop)
    }

    async fn fetch_from(&self, storage: &BackupStorage, install_path: &str) -> Result<FetchFrom, ErrorCode> {
        Ok(FetchFrom::Sftp(self.file(storage, install_path.to_owned()).await?))
    }

    async fn disconnect(&self, storage: Uuid) -> Result<(), ErrorCode> {
        self.gateway.forget(storage).await
    }
}

impl Sftp {
    /// Tells the agent which folder is the storage, and whom to report to.
    async fn hello(&self, storage: &BackupStorage) -> Result<storage::ConnectReply, ErrorCode> {
        let command = storage::Connect { header: None, agent_id: storage.uuid.to_string(), path: storage.url.clone() };
        // Sizes change, so each connection is a task of its own.
        self.gateway.greet(storage.uuid, Uuid::random(), command).await
    }

    /// A file of the storage as hosts reach it.
    pub(crate) async fn file(&self, storage: &BackupStorage, path: String) -> Result<SftpFile, ErrorCode> {
        let row = store::get(self.kernel.db(), storage.uuid).await?;
        Ok(SftpFile {
            hostname: row.hostname,
            port: row.ssh_port,
            username: row.username,
            sealed_password: row.password,
            host_key: row.host_key,
            path,
        })
    }

    fn target(&self, row: &SftpBackupStorage) -> Result<SshTarget, ErrorCode> {
        Ok(SshTarget {
            host: row.hostname.clone(),
            port: u16::try_from(row.ssh_port).unwrap_or(22),
            username: row.username.clone(),
            password: Secret::new(self.kernel.vault().unseal(&row.password)?),
        })
    }
}

/// `install_path` relative to the storage, as the agent wants it.
pub(crate) fn below(storage: &BackupStorage, install_path: &str) -> Result<String, ErrorCode> {
    let relative = install_path.strip_prefix(&storage.url).and_then(|rest| rest.strip_prefix('/'));
    relative.map(str::to_owned).ok_or_else(|| {
        let (name, uuid, url) = (&storage.name, storage.uuid, &storage.url);
        ErrorCode::internal(format!("{install_path} is not in the folder {url} of backup storage {name}[uuid:{uuid}]"))
    })
}

fn capacity(capacity: Option<StorageCapacity>, storage: &BackupStorage) -> Result<Capacity, ErrorCode> {
    let capacity = capacity.ok_or_else(|| {
        ErrorCode::operation(format!("the agent of backup storage {} told no size; reconnect it", storage.uuid))
    })?;
    Ok(Capacity { total: bytes(capacity.total), available: bytes(capacity.available) })
}

pub(crate) fn bytes(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

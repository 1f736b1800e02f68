//! Backup storage that hosts fetch from over SFTP: a folder on a machine with an SSH server.
//!
//! The storage's agent puts images into the folder and takes them out; hosts read them with the machine's own SFTP server,
//! and write those that are made of volumes ([`receiver`]), logging in as the operator said when the storage was added. The
//! agent's id is the storage's.

mod driver;
mod receiver;
mod store;

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::storage::{BackupStorageDriver, ImageReceiver},
    resource::{BackupStorage, StorageStatus},
};
use cumulo_gateway::{AgentWatch, Gateway};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::{ErrorCode, Uuid};

/// The backup storage type this plugin serves.
pub const TYPE: &str = "SftpBackupStorage";

struct Sftp {
    kernel: Kernel,
    gateway: Gateway,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    let sftp = Arc::new(Sftp { kernel: setup.kernel().clone(), gateway });
    setup
        .add::<dyn AgentWatch>(sftp.clone())
        .driver::<dyn BackupStorageDriver>(TYPE, sftp.clone())
        .driver::<dyn ImageReceiver>(TYPE, sftp);
}

#[async_trait]
impl AgentWatch for Sftp {
    async fn is_away(&self, agent: Uuid) -> Result<bool, ErrorCode> {
        let storage = self.kernel.db().find(BackupStorage::UUID, &agent).await?;
        Ok(storage.is_some_and(|storage| storage.status == StorageStatus::Disconnected))
    }
}

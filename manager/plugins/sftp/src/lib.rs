//! Backup storage that hosts fetch from over SFTP: a folder on a machine with an SSH server.
//!
//! The storage's agent puts images into the folder and takes them out; hosts read them with the machine's own SFTP server,
//! and write those that are made of volumes ([`receiver`]), logging in as the operator said when the storage was added. The
//! agent's id is the storage's.

mod driver;
mod receiver;
mod store;

use std::sync::Arc;

use cumulo_contracts::ext::storage::{BackupStorageDriver, ImageReceiver};
use cumulo_gateway::Gateway;
use cumulo_kernel::{Kernel, Setup};

/// The backup storage type this plugin serves.
pub const TYPE: &str = "SftpBackupStorage";

struct Sftp {
    kernel: Kernel,
    gateway: Gateway,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    let sftp = Arc::new(Sftp { kernel: setup.kernel().clone(), gateway });
    setup.driver::<dyn BackupStorageDriver>(TYPE, sftp.clone()).driver::<dyn ImageReceiver>(TYPE, sftp);
}

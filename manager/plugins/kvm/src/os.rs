//! Updating the packages of a host.

use async_trait::async_trait;
use cumulo_contracts::ext::hypervisor::{OsUpdate, OsUpdater};
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Uuid};

use crate::Kvm;

#[async_trait]
impl OsUpdater for Kvm {
    async fn update_os(&self, host: Uuid, task: Uuid, update: &OsUpdate) -> Result<(), ErrorCode> {
        let command = kvm::UpdateOs {
            packages: update.packages.clone(),
            excluded: update.excluded.clone(),
            release: update.release.clone().unwrap_or_default(),
            ..kvm::UpdateOs::default()
        };
        self.gateway.call(host, task, command).await.map(drop)
    }

    async fn settle_update(&self, host: Uuid, task: Uuid) -> Result<(), ErrorCode> {
        let command = kvm::UpdateOs { settle: true, ..kvm::UpdateOs::default() };
        self.gateway.settle(host, task, command).await
    }
}

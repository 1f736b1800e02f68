//! `AddSftpBackupStorage`: record it, deploy its agent, connect; or nothing of it remains.

mod check;

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::backup_storage::AddSftpBackupStorage,
    ext::storage::Capacity,
    resource::{BackupStorage, ResourceState, SftpBackupStorage, StorageStatus},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
    flow::{Flow, FlowReply, Step, StepCx},
    ownership::NewTags,
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Inventory, Resource, Timestamp, Uuid, codes};
use serde::{Deserialize, Serialize};

pub(crate) use check::{check_type, hostname, refuse_import, username};

use crate::BackupStorages;

const TYPE: &str = "SftpBackupStorage";

/// The flow's context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddBackupStorage {
    /// The backup storage.
    pub storage: Uuid,
    /// Who owns it.
    pub account: Uuid,
    /// When it is made, in epoch milliseconds: tells ours from one that was there before.
    pub since: i64,
    /// Its name.
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The folder.
    pub url: String,
    /// Tags to create with it.
    pub tags: NewTags,
    /// How it is reached.
    pub sftp: SftpLogin,
    /// Its size, once it is connected.
    pub capacity: Option<Capacity>,
}

/// How an SFTP backup storage is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SftpLogin {
    /// Name or address of the machine.
    pub hostname: String,
    /// The account used over SSH.
    pub username: String,
    /// The password of that account, sealed.
    pub sealed_password: String,
    /// The port of SSH.
    pub ssh_port: i32,
}

impl Flow for AddBackupStorage {
    const NAME: &'static str = "add-backup-storage";

    fn resource(&self) -> Uuid {
        self.storage
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("BackupStorage", self.storage)
    }
}

#[async_trait]
impl HandleApi<AddSftpBackupStorage> for BackupStorages {
    async fn handle(&self, cx: &ApiCx, api: AddSftpBackupStorage) -> Result<Inventory<BackupStorage>, ErrorCode> {
        check_type(api.r#type.as_deref(), TYPE)?;
        refuse_import(api.import_images)?;
        let url = check::folder(&api.url)?;
        hostname(&api.hostname)?;
        username(&api.username)?;
        // A machine has one storage agent.
        if let Some(other) = self.store.by_hostname(&api.hostname).await? {
            let text =
                format!("backup storage {other} is on {} already; use that one, or name another machine", api.hostname);
            return Err(ErrorCode::new(codes::CREATE_RESOURCE, text));
        }
        if self.store.find(cx.resource_uuid).await?.is_some() {
            return Err(taken(cx.resource_uuid));
        }
        let context = AddBackupStorage {
            storage: cx.resource_uuid,
            account: cx.caller.account,
            since: cx.now().0,
            name: api.name,
            description: api.description,
            url,
            tags: cx.tags.clone(),
            sftp: SftpLogin {
                hostname: api.hostname,
                username: api.username,
                sealed_password: self.kernel.vault().seal(&api.password),
                ssh_port: api.ssh_port,
            },
            capacity: None,
        };
        cx.run_flow(AddBackupStorage::NAME, context).await
    }
}

pub(crate) fn taken(storage: Uuid) -> ErrorCode {
    let text = format!("backup storage {storage} exists already; choose another resourceUuid");
    ErrorCode::new(codes::CREATE_RESOURCE, text)
}

/// Records the storage, so that it can be asked about from now on.
pub(crate) struct Record(pub(crate) Arc<BackupStorages>);

#[async_trait]
impl Step<AddBackupStorage> for Record {
    fn name(&self) -> &'static str {
        "record-backup-storage"
    }

    fn describe(&self) -> &'static str {
        "records the storage"
    }

    async fn foresee(&self, cx: &StepCx<AddBackupStorage>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(BackupStorage::META.vo, effect::CREATED, [cx.storage]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<AddBackupStorage>) -> Result<(), ErrorCode> {
        let since = Timestamp(cx.since);
        let storage = BackupStorage {
            uuid: cx.storage,
            name: cx.name.clone(),
            url: cx.url.clone(),
            description: cx.description.clone(),
            total_capacity: 0,
            available_capacity: 0,
            r#type: TYPE.to_owned(),
            state: ResourceState::Enabled,
            status: StorageStatus::Connecting,
            create_date: since,
            last_op_date: since,
        };
        let sftp = SftpBackupStorage {
            uuid: cx.storage,
            hostname: cx.sftp.hostname.clone(),
            username: cx.sftp.username.clone(),
            ssh_port: cx.sftp.ssh_port,
            password: cx.sftp.sealed_password.clone(),
            host_key: None,
        };
        match self.0.store.insert_sftp(&storage, &sftp, cx.account, &cx.tags).await {
            Err(DbError::Conflict { .. }) if self.is_ours(cx).await? => Ok(()),
            Err(DbError::Conflict { .. }) => Err(taken(cx.storage)),
            inserted => Ok(inserted?),
        }
    }

    async fn undo(&self, cx: &mut StepCx<AddBackupStorage>) -> Result<(), ErrorCode> {
        if self.is_ours(cx).await? {
            self.0.kernel.cascade().remove(BackupStorage::META, &[cx.storage]).await?;
        }
        Ok(())
    }
}

impl Record {
    async fn is_ours(&self, cx: &AddBackupStorage) -> Result<bool, ErrorCode> {
        let there = self.0.store.find(cx.storage).await?;
        Ok(there.is_some_and(|there| there.create_date == Timestamp(cx.since)))
    }
}

/// Deploys the agent and reads the size.
pub(crate) struct Connect(pub(crate) Arc<BackupStorages>);

#[async_trait]
impl Step<AddBackupStorage> for Connect {
    fn name(&self) -> &'static str {
        "connect-backup-storage"
    }

    fn describe(&self) -> &'static str {
        "installs the agent on the machine and connects to it"
    }

    async fn run(&self, cx: &mut StepCx<AddBackupStorage>) -> Result<(), ErrorCode> {
        let storage = self.0.store.get(cx.storage).await?;
        cx.capacity = Some(self.0.reach(&storage, true).await?);
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<AddBackupStorage>) -> Result<(), ErrorCode> {
        cx.capacity = None;
        self.0.driver(TYPE)?.disconnect(cx.storage).await
    }
}

/// Records that the storage can be used.
pub(crate) struct MarkConnected(pub(crate) Arc<BackupStorages>);

#[async_trait]
impl Step<AddBackupStorage> for MarkConnected {
    fn name(&self) -> &'static str {
        "mark-connected"
    }

    fn describe(&self) -> &'static str {
        "records the capacity, and that it can be used"
    }

    async fn run(&self, cx: &mut StepCx<AddBackupStorage>) -> Result<(), ErrorCode> {
        let capacity = cx.capacity.ok_or_else(|| ErrorCode::internal("a storage without a size is not connected"))?;
        Ok(self.0.store.connected(cx.storage, capacity).await?)
    }

    async fn undo(&self, cx: &mut StepCx<AddBackupStorage>) -> Result<(), ErrorCode> {
        Ok(self.0.store.set_status(cx.storage, StorageStatus::Disconnected).await?)
    }
}

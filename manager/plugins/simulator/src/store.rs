//! The pretended world: VMs that are on, storages and their files.

use cumulo_contracts::ext::storage::{Capacity, Stored};
use cumulo_derive::resource;
use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::{Timestamp, Uuid};

use crate::power::Power;

/// A VM that is on.
#[resource(table = "simulator_vm", java = "org.cumulo.simulator.SimulatorVmInventory", vo = "SimulatorVmVO")]
pub struct SimulatorVm {
    /// The VM.
    #[field(unique, part_of = "VmInstance")]
    pub vm_uuid: Uuid,
    /// The host it is on.
    #[field(indexed, part_of = "Host")]
    pub host_uuid: Uuid,
    /// What it is there.
    pub power: Power,
    /// Since when.
    pub create_date: Timestamp,
}

/// Something that a host did to a VM. As a real agent does, it does a task of one id once and answers it as often as it is
/// asked; so these are also what there is to count, where it matters that nothing was done twice.
#[resource(table = "simulator_task", java = "org.cumulo.simulator.SimulatorTaskInventory", vo = "SimulatorTaskVO")]
pub struct SimulatorTask {
    /// The task's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The VM.
    #[field(indexed, part_of = "VmInstance")]
    pub vm_uuid: Uuid,
    /// The host.
    #[field(indexed, part_of = "Host")]
    pub host_uuid: Uuid,
    /// `start`, `stop`, `reboot`, `pause`, `resume`, `destroy`, `attach-nic` or `detach-nic`.
    pub command: String,
    /// When it was done.
    pub create_date: Timestamp,
}

/// How full a storage is.
#[resource(
    table = "simulator_storage",
    java = "org.cumulo.simulator.SimulatorStorageInventory",
    vo = "SimulatorStorageVO"
)]
pub struct SimulatorStorage {
    /// The primary or backup storage.
    #[field(unique, part_of = "PrimaryStorage, BackupStorage")]
    pub uuid: Uuid,
    /// What its files take, and what was not free when it was added, in bytes.
    pub used: i64,
}

/// A file on a storage.
#[resource(table = "simulator_file", java = "org.cumulo.simulator.SimulatorFileInventory", vo = "SimulatorFileVO")]
pub struct SimulatorFile {
    /// Derived of the storage and of what the file holds, so that making it twice makes it once.
    #[field(unique)]
    pub uuid: Uuid,
    /// The volume or image it holds.
    #[field(indexed)]
    pub resource_uuid: Uuid,
    /// The storage it is on.
    #[field(indexed, part_of = "PrimaryStorage, BackupStorage")]
    pub storage_uuid: Uuid,
    /// Where on it.
    pub path: String,
    /// Size as the guest sees it, in bytes.
    pub size: i64,
    /// What it takes of the storage, in bytes.
    pub actual_size: i64,
    /// `qcow2`, `raw`, `iso`.
    pub format: String,
    /// When it was made.
    pub create_date: Timestamp,
}

/// A file to be made.
pub(crate) struct NewFile {
    /// The volume or image it will hold.
    pub(crate) resource: Uuid,
    pub(crate) storage: Uuid,
    pub(crate) path: String,
    pub(crate) stored: Stored,
}

/// A task that was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewTask {
    pub(crate) uuid: Uuid,
    pub(crate) host: Uuid,
    pub(crate) vm: Uuid,
    pub(crate) command: &'static str,
}

/// What a VM becomes on its host.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turned {
    On(Power),
    Off,
}

/// Reads and writes the pretended world.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// What `vm` is on `host`; `None` where it is off or elsewhere.
    pub(crate) async fn power(&self, host: Uuid, vm: Uuid) -> Result<Option<Power>, DbError> {
        let row = self.db.find(SimulatorVm::VM_UUID, &vm).await?;
        Ok(row.filter(|row| row.host_uuid == host).map(|row| row.power))
    }

    /// Whether `task` was done before.
    pub(crate) async fn is_done(&self, task: Uuid) -> Result<bool, DbError> {
        Ok(self.db.find(SimulatorTask::UUID, &task).await?.is_some())
    }

    /// Records that `task` was done and what the VM is on its host then, in place of what it was anywhere; `None` for what
    /// changes nothing about that.
    pub(crate) async fn done(&self, task: NewTask, power: Option<Turned>) -> Result<(), DbError> {
        let NewTask { uuid, host, vm, command } = task;
        let mut batch = self.db.batch();
        let now = Timestamp::now();
        match power {
            None => {}
            Some(Turned::On(power)) => {
                batch.delete::<SimulatorVm>().eq(SimulatorVm::VM_UUID, &vm).any();
                batch.insert(&SimulatorVm { vm_uuid: vm, host_uuid: host, power, create_date: now });
            }
            Some(Turned::Off) => {
                batch.delete::<SimulatorVm>().eq(SimulatorVm::VM_UUID, &vm).eq(SimulatorVm::HOST_UUID, &host).any();
            }
        }
        let command = command.to_owned();
        batch.insert(&SimulatorTask { uuid, vm_uuid: vm, host_uuid: host, command, create_date: now });
        match self.db.commit(batch).await {
            Err(DbError::Conflict { .. }) if self.is_done(uuid).await? => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    pub(crate) async fn forget_host(&self, host: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<SimulatorVm>().eq(SimulatorVm::HOST_UUID, &host).any();
        batch.delete::<SimulatorTask>().eq(SimulatorTask::HOST_UUID, &host).any();
        self.db.commit(batch).await.map(drop)
    }

    /// How large `storage` is and what is free. Seen for the first time, what is not `free` of `total` belongs to others.
    pub(crate) async fn space(&self, storage: Uuid, total: i64, free: i64) -> Result<Capacity, DbError> {
        let used = match self.db.find(SimulatorStorage::UUID, &storage).await? {
            Some(known) => known.used,
            None => {
                let used = (total - free).max(0);
                let mut batch = self.db.batch();
                batch.insert(&SimulatorStorage { uuid: storage, used });
                match self.db.commit(batch).await {
                    // Somebody else saw it for the first time too.
                    Ok(_) | Err(DbError::Conflict { .. }) => used,
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(Capacity { total, available: (total - used).max(0) })
    }

    /// Makes sure that a file is there and answers what it is. The storage's space must have been looked at before.
    pub(crate) async fn add_file(&self, new: NewFile) -> Result<Stored, DbError> {
        let NewFile { resource, storage, path, stored } = new;
        let mut batch = self.db.batch();
        batch.insert(&SimulatorFile {
            uuid: storage.derive(&resource.to_string()),
            resource_uuid: resource,
            storage_uuid: storage,
            path,
            size: stored.size,
            actual_size: stored.actual_size,
            format: stored.format.clone(),
            create_date: Timestamp::now(),
        });
        use_space(&mut batch, storage, stored.actual_size);
        match self.db.commit(batch).await {
            Ok(_) => Ok(stored),
            Err(DbError::Conflict { .. }) => Ok(self.file(storage, resource).await?.map_or(stored, |file| Stored {
                size: file.size,
                actual_size: file.actual_size,
                format: file.format,
            })),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that the file that holds `resource` is gone from `storage`.
    pub(crate) async fn remove_file(&self, storage: Uuid, resource: Uuid) -> Result<(), DbError> {
        let Some(file) = self.file(storage, resource).await? else { return Ok(()) };
        let mut batch = self.db.batch();
        batch.delete::<SimulatorFile>().eq(SimulatorFile::UUID, &file.uuid).expect("it was removed meanwhile");
        use_space(&mut batch, storage, -file.actual_size);
        match self.db.commit(batch).await {
            Ok(_) | Err(DbError::Unmet { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn file(&self, storage: Uuid, resource: Uuid) -> Result<Option<SimulatorFile>, DbError> {
        self.db.find(SimulatorFile::UUID, &storage.derive(&resource.to_string())).await
    }

    /// The files that hold any of `resources`, wherever.
    pub(crate) async fn files_of(&self, resources: &[Uuid]) -> Result<Vec<SimulatorFile>, DbError> {
        self.db.select().one_of(SimulatorFile::RESOURCE_UUID, resources).all().await
    }

    /// Removes all that is on `storages`.
    pub(crate) async fn forget_storages(&self, storages: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<SimulatorFile>().one_of(SimulatorFile::STORAGE_UUID, storages).any();
        batch.delete::<SimulatorStorage>().one_of(SimulatorStorage::UUID, storages).any();
        self.db.commit(batch).await.map(drop)
    }
}

fn use_space(batch: &mut cumulo_kernel::db::Batch, storage: Uuid, by: i64) {
    batch.update::<SimulatorStorage>().add(SimulatorStorage::USED, by).eq(SimulatorStorage::UUID, &storage).any();
}

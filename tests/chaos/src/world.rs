//! What is recorded and what is simulated, read once everything is quiet.

use cumulo_contracts::resource::{Host, Image, PrimaryStorage, UsedIp, VmInstance, VmNic, Volume};
use cumulo_kernel::{
    db::{Db, DbError},
    quota::QuotaClaim,
};
use cumulo_plugin_simulator::{SimulatorFile, SimulatorStorage, SimulatorTask, SimulatorVm};
use cumulo_schema::{
    Uuid,
    system::{AccountResourceRef, Quota, SystemTag},
};

/// All rows that a VM touches.
pub(crate) struct World {
    pub(crate) vms: Vec<VmInstance>,
    pub(crate) nics: Vec<VmNic>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) images: Vec<Image>,
    pub(crate) addresses: Vec<UsedIp>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) storages: Vec<PrimaryStorage>,
    pub(crate) owners: Vec<AccountResourceRef>,
    pub(crate) tags: Vec<SystemTag>,
    pub(crate) quotas: Vec<Quota>,
    pub(crate) claims: Vec<QuotaClaim>,
    pub(crate) guests: Vec<SimulatorVm>,
    pub(crate) files: Vec<SimulatorFile>,
    pub(crate) disks: Vec<SimulatorStorage>,
    pub(crate) tasks: Vec<SimulatorTask>,
}

impl World {
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn read(db: &Db) -> Result<Self, DbError> {
        Ok(Self {
            vms: db.select().all().await?,
            nics: db.select().all().await?,
            volumes: db.select().all().await?,
            images: db.select().all().await?,
            addresses: db.select().all().await?,
            hosts: db.select().all().await?,
            storages: db.select().all().await?,
            owners: db.select().all().await?,
            tags: db.select().all().await?,
            quotas: db.select().all().await?,
            claims: db.select().all().await?,
            guests: db.select().all().await?,
            files: db.select().all().await?,
            disks: db.select().all().await?,
            tasks: db.select().all().await?,
        })
    }

    pub(crate) fn vm(&self, uuid: Uuid) -> Option<&VmInstance> {
        self.vms.iter().find(|vm| vm.uuid == uuid)
    }
}

//! What is recorded and what is simulated, read once everything is quiet.

use cumulo_contracts::resource::{
    Host, Image, LocalStorageResourceRef, PrimaryStorage, UsedIp, VmInstance, VmNic, Volume,
};
use cumulo_kernel::{db::Db, quota::QuotaClaim};
use cumulo_schema::{
    Uuid,
    system::{AccountResourceRef, Quota, SystemTag},
};

use crate::{found::Found, machines::Look};

/// All rows that a VM touches, and what is there of it.
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
    /// On which host a volume is, where hosts have disks of their own.
    pub(crate) placed: Vec<LocalStorageResourceRef>,
    pub(crate) found: Found,
}

impl World {
    /// # Errors
    /// When the database cannot be read, or `machines` do not answer.
    pub(crate) async fn read(db: &Db, machines: Option<&dyn Look>) -> anyhow::Result<Self> {
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
            placed: db.select().all().await?,
            found: match machines {
                Some(machines) => Found::on_machines(machines).await?,
                None => Found::in_rows(db).await?,
            },
        })
    }

    pub(crate) fn vm(&self, uuid: Uuid) -> Option<&VmInstance> {
        self.vms.iter().find(|vm| vm.uuid == uuid)
    }
}

//! The primary storage service's rows: storages and attachments here, counters and reservations beside.

mod capacity;
mod reservation;

use std::collections::{HashMap, HashSet};

use cumulo_contracts::{
    api::primary_storage::UpdatePrimaryStorage,
    resource::{
        Host, HostStatus, PrimaryStorage, PrimaryStorageClusterRef, PrimaryStorageState, StorageStatus, VmInstance,
        VmState, Volume,
    },
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
};
use cumulo_schema::{ErrorCode, Timestamp, Uuid, system::UserTag};

pub(crate) use reservation::{Hold, Holding, StorageReservation, cache_reservation};

/// Reads and writes primary storages.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, storage: Uuid) -> Result<Option<PrimaryStorage>, DbError> {
        self.db.find(PrimaryStorage::UUID, &storage).await
    }

    /// As [`Store::find`], refusing one that is gone.
    pub(crate) async fn get(&self, storage: Uuid) -> Result<PrimaryStorage, ErrorCode> {
        self.find(storage).await?.ok_or_else(|| ErrorCode::not_found("PrimaryStorage", storage))
    }

    pub(crate) async fn all(&self) -> Result<Vec<PrimaryStorage>, DbError> {
        self.db.select::<PrimaryStorage>().all().await
    }

    pub(crate) async fn some(&self, storages: &[Uuid]) -> Result<Vec<PrimaryStorage>, DbError> {
        self.db.select::<PrimaryStorage>().one_of(PrimaryStorage::UUID, storages).all().await
    }

    /// Adds `storage` with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, cx: &ApiCx, storage: &PrimaryStorage) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(storage);
        cx.created::<PrimaryStorage>(&mut batch);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn update(&self, api: &UpdatePrimaryStorage) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<PrimaryStorage>()
            .set_some(PrimaryStorage::NAME, api.name.as_ref())
            .set_some(PrimaryStorage::DESCRIPTION, api.description.as_ref())
            .set_some(PrimaryStorage::URL, api.url.as_ref())
            .set_some(PrimaryStorage::MOUNT_PATH, api.url.as_ref())
            .eq(PrimaryStorage::UUID, &api.uuid)
            .expect(gone(api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_state(&self, storage: Uuid, state: PrimaryStorageState) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let update = batch.update::<PrimaryStorage>().set(PrimaryStorage::STATE, &state);
        update.eq(PrimaryStorage::UUID, &storage).expect(gone(storage));
        self.db.commit(batch).await.map(drop)
    }

    /// Records what a storage was seen to be; one that is gone is fine.
    pub(crate) async fn set_status(&self, storage: Uuid, status: StorageStatus) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let update = batch.update::<PrimaryStorage>().set(PrimaryStorage::STATUS, &status);
        update.eq(PrimaryStorage::UUID, &storage).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Attaches a storage to a cluster at `since`; [`DbError::Conflict`] when it is attached.
    pub(crate) async fn attach(&self, storage: Uuid, cluster: Uuid, since: Timestamp) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(&PrimaryStorageClusterRef {
            primary_storage_uuid: storage,
            cluster_uuid: cluster,
            create_date: since,
            last_op_date: since,
        });
        self.db.commit(batch).await.map(drop)
    }

    /// Detaches a storage from a cluster; where `since` is given, only the attachment made then. None is fine.
    pub(crate) async fn detach(&self, storage: Uuid, cluster: Uuid, since: Option<Timestamp>) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let mut delete = batch
            .delete::<PrimaryStorageClusterRef>()
            .eq(PrimaryStorageClusterRef::PRIMARY_STORAGE_UUID, &storage)
            .eq(PrimaryStorageClusterRef::CLUSTER_UUID, &cluster);
        if let Some(since) = since {
            delete = delete.eq(PrimaryStorageClusterRef::CREATE_DATE, &since);
        }
        delete.any();
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn attachment(
        &self,
        storage: Uuid,
        cluster: Uuid,
    ) -> Result<Option<PrimaryStorageClusterRef>, DbError> {
        let select = self.db.select().eq(PrimaryStorageClusterRef::PRIMARY_STORAGE_UUID, &storage);
        select.eq(PrimaryStorageClusterRef::CLUSTER_UUID, &cluster).first().await
    }

    pub(crate) async fn attachments(&self, storage: Uuid) -> Result<Vec<PrimaryStorageClusterRef>, DbError> {
        self.db.select().eq(PrimaryStorageClusterRef::PRIMARY_STORAGE_UUID, &storage).all().await
    }

    pub(crate) async fn attached_to(&self, clusters: &[Uuid]) -> Result<Vec<PrimaryStorageClusterRef>, DbError> {
        self.db.select().one_of(PrimaryStorageClusterRef::CLUSTER_UUID, clusters).all().await
    }

    pub(crate) async fn host(&self, host: Uuid) -> Result<Host, ErrorCode> {
        self.db.find(Host::UUID, &host).await?.ok_or_else(|| ErrorCode::not_found("Host", host))
    }

    pub(crate) async fn hosts_of(&self, clusters: &[Uuid]) -> Result<Vec<Host>, DbError> {
        self.db.select::<Host>().one_of(Host::CLUSTER_UUID, clusters).all().await
    }

    /// The hosts that can be asked to do something.
    pub(crate) async fn connected_hosts_of(&self, clusters: &[Uuid]) -> Result<Vec<Host>, DbError> {
        let hosts = self.db.select::<Host>().one_of(Host::CLUSTER_UUID, clusters);
        hosts.eq(Host::STATUS, &HostStatus::Connected).all().await
    }

    /// The user tags of `storages`.
    pub(crate) async fn user_tags(&self, storages: &[Uuid]) -> Result<HashMap<Uuid, HashSet<String>>, DbError> {
        let mut tags: HashMap<Uuid, HashSet<String>> = HashMap::new();
        for tag in self.db.select::<UserTag>().one_of(UserTag::RESOURCE_UUID, storages).all().await? {
            tags.entry(tag.resource_uuid).or_default().insert(tag.tag);
        }
        Ok(tags)
    }

    /// VMs that use a volume of `storage` at this moment; only those in `cluster` where that is given.
    pub(crate) async fn busy_vms(&self, storage: Uuid, cluster: Option<Uuid>) -> Result<Vec<VmInstance>, DbError> {
        let volumes = self.db.select::<Volume>().eq(Volume::PRIMARY_STORAGE_UUID, &Some(storage)).all().await?;
        let vms: Vec<Uuid> = volumes.into_iter().filter_map(|volume| volume.vm_instance_uuid).collect();
        let idle = |vm: &VmInstance| matches!(vm.state, VmState::Stopped | VmState::Destroyed | VmState::Created);
        let mut vms = self.db.select::<VmInstance>().one_of(VmInstance::UUID, &vms).all().await?;
        vms.retain(|vm| !idle(vm) && (cluster.is_none() || vm.cluster_uuid == cluster));
        Ok(vms)
    }
}

fn gone(storage: Uuid) -> String {
    format!("primary storage {storage} was deleted in the meantime")
}

//! The counters: how much a storage has, altogether and on each host.
//!
//! Where hosts have space of their own, the storage's row is the sum of theirs. Both change in one batch, and by
//! differences, so that nobody has to stop the world to add up.

use cumulo_contracts::{
    ext::storage::Capacity,
    resource::{LocalStorageHostRef, PrimaryStorage},
};
use cumulo_kernel::db::{Batch, DbError};
use cumulo_schema::{Timestamp, Uuid};

use super::{StorageReservation, Store, gone};

/// Tries at a change that others got ahead of. Each loss means that another change went through.
const TRIES: u32 = 64;
/// Hosts whose space is taken out by one batch.
pub(super) const HOSTS_AT_ONCE: usize = 500;

/// Differences of the four counters, in bytes.
#[derive(Debug, Clone, Copy)]
struct Shift {
    total: i64,
    available: i64,
    total_physical: i64,
    available_physical: i64,
}

impl Store {
    /// Counts in what `host` has of `storage`, or corrects it.
    pub(crate) async fn host_has(&self, storage: Uuid, host: Uuid, now: Capacity) -> Result<(), DbError> {
        for _ in 0..TRIES {
            let batch = match self.host_ref(storage, host).await? {
                None => self.host_joins(storage, host, now).await?,
                Some(before) => self.host_changes(&before, now),
            };
            match self.db.commit(batch).await {
                Ok(_) => return Ok(()),
                Err(DbError::Unmet { .. } | DbError::Conflict { .. }) if self.find(storage).await?.is_some() => {}
                Err(error) => return Err(error),
            }
        }
        Err(DbError::Unmet {
            what: format!("the capacity of primary storage {storage} changes too fast to be counted"),
        })
    }

    async fn host_joins(&self, storage: Uuid, host: Uuid, now: Capacity) -> Result<Batch, DbError> {
        // A host that comes back may have volumes from before. What they already take on the disk counts twice then;
        // better than promising the same space to two. Below zero is honest too: then the disk shrank meanwhile.
        let held: i64 = self.held_on(storage, host).await?;
        let available = now.available - held;
        let since = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&LocalStorageHostRef {
            primary_storage_uuid: storage,
            host_uuid: host,
            total_capacity: now.total,
            available_capacity: available,
            total_physical_capacity: now.total,
            available_physical_capacity: now.available,
            create_date: since,
            last_op_date: since,
        });
        let all = Shift { total: now.total, available, total_physical: now.total, available_physical: now.available };
        shift(&mut batch, storage, all);
        Ok(batch)
    }

    fn host_changes(&self, before: &LocalStorageHostRef, now: Capacity) -> Batch {
        let grown = now.total - before.total_capacity;
        let mut batch = self.db.batch();
        batch
            .update::<LocalStorageHostRef>()
            .add(LocalStorageHostRef::AVAILABLE_CAPACITY, grown)
            .set(LocalStorageHostRef::TOTAL_CAPACITY, &now.total)
            .set(LocalStorageHostRef::TOTAL_PHYSICAL_CAPACITY, &now.total)
            .set(LocalStorageHostRef::AVAILABLE_PHYSICAL_CAPACITY, &now.available)
            .eq(LocalStorageHostRef::PRIMARY_STORAGE_UUID, &before.primary_storage_uuid)
            .eq(LocalStorageHostRef::HOST_UUID, &before.host_uuid)
            .eq(LocalStorageHostRef::TOTAL_CAPACITY, &before.total_capacity)
            .eq(LocalStorageHostRef::TOTAL_PHYSICAL_CAPACITY, &before.total_physical_capacity)
            .eq(LocalStorageHostRef::AVAILABLE_PHYSICAL_CAPACITY, &before.available_physical_capacity)
            .expect("the host's capacity was read anew by somebody else");
        let difference = Shift {
            total: grown,
            available: grown,
            total_physical: now.total - before.total_physical_capacity,
            available_physical: now.available - before.available_physical_capacity,
        };
        shift(&mut batch, before.primary_storage_uuid, difference);
        batch
    }

    /// Takes out what `host` has of `storage`; what is held there stays held. Nothing there is fine.
    pub(crate) async fn host_leaves(&self, storage: Uuid, host: Uuid) -> Result<(), DbError> {
        self.take_out(storage, &[host], false).await
    }

    /// Takes out what `hosts`, which go for good, have of `storages`, and forgets what is held there.
    pub(crate) async fn hosts_go(&self, storages: &[Uuid], hosts: &[Uuid]) -> Result<(), DbError> {
        for storage in storages {
            for some in hosts.chunks(HOSTS_AT_ONCE) {
                self.take_out(*storage, some, true).await?;
            }
        }
        Ok(())
    }

    async fn take_out(&self, storage: Uuid, hosts: &[Uuid], forget: bool) -> Result<(), DbError> {
        for _ in 0..TRIES {
            let mut batch = self.db.batch();
            if forget {
                batch
                    .delete::<StorageReservation>()
                    .eq(StorageReservation::PRIMARY_STORAGE_UUID, &storage)
                    .one_of(StorageReservation::HOST_UUID, hosts)
                    .eq(StorageReservation::PER_HOST, &true)
                    .any();
            }
            let refs = self.db.select().eq(LocalStorageHostRef::PRIMARY_STORAGE_UUID, &storage);
            let refs = refs.one_of(LocalStorageHostRef::HOST_UUID, hosts).all().await?;
            let mut all = Shift { total: 0, available: 0, total_physical: 0, available_physical: 0 };
            for before in &refs {
                take_out_one(&mut batch, before);
                all.total -= before.total_capacity;
                all.available -= before.available_capacity;
                all.total_physical -= before.total_physical_capacity;
                all.available_physical -= before.available_physical_capacity;
            }
            if !refs.is_empty() {
                shift(&mut batch, storage, all);
            }
            match self.db.commit(batch).await {
                Ok(_) => return Ok(()),
                Err(DbError::Unmet { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DbError::Unmet { what: format!("hosts are in use on primary storage {storage} without a pause") })
    }

    /// Those of the storages that have space on `hosts`.
    pub(crate) async fn with_space_on(&self, hosts: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let mut storages = std::collections::BTreeSet::new();
        for some in hosts.chunks(HOSTS_AT_ONCE) {
            storages.extend(self.host_refs(some).await?.into_iter().map(|part| part.primary_storage_uuid));
        }
        Ok(storages.into_iter().collect())
    }

    /// Records the size of a storage that hosts share.
    pub(crate) async fn shared_has(&self, storage: &PrimaryStorage, now: Capacity) -> Result<(), DbError> {
        // Seen for the first time: what is not free belongs to others.
        let grown = match storage.total_capacity {
            0 => Shift { total: now.total, available: now.available, total_physical: 0, available_physical: 0 },
            total => Shift {
                total: now.total - total,
                available: now.total - total,
                total_physical: 0,
                available_physical: 0,
            },
        };
        let mut batch = self.db.batch();
        batch
            .update::<PrimaryStorage>()
            .add(PrimaryStorage::TOTAL_CAPACITY, grown.total)
            .add(PrimaryStorage::AVAILABLE_CAPACITY, grown.available)
            .set(PrimaryStorage::TOTAL_PHYSICAL_CAPACITY, &now.total)
            .set(PrimaryStorage::AVAILABLE_PHYSICAL_CAPACITY, &now.available)
            .eq(PrimaryStorage::UUID, &storage.uuid)
            .eq(PrimaryStorage::TOTAL_CAPACITY, &storage.total_capacity)
            .any();
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn host_ref(&self, storage: Uuid, host: Uuid) -> Result<Option<LocalStorageHostRef>, DbError> {
        let select = self.db.select().eq(LocalStorageHostRef::PRIMARY_STORAGE_UUID, &storage);
        select.eq(LocalStorageHostRef::HOST_UUID, &host).first().await
    }

    pub(crate) async fn host_refs(&self, hosts: &[Uuid]) -> Result<Vec<LocalStorageHostRef>, DbError> {
        self.db.select().one_of(LocalStorageHostRef::HOST_UUID, hosts).all().await
    }
}

fn take_out_one(batch: &mut Batch, before: &LocalStorageHostRef) {
    batch
        .delete::<LocalStorageHostRef>()
        .eq(LocalStorageHostRef::PRIMARY_STORAGE_UUID, &before.primary_storage_uuid)
        .eq(LocalStorageHostRef::HOST_UUID, &before.host_uuid)
        .eq(LocalStorageHostRef::TOTAL_CAPACITY, &before.total_capacity)
        .eq(LocalStorageHostRef::AVAILABLE_CAPACITY, &before.available_capacity)
        .eq(LocalStorageHostRef::TOTAL_PHYSICAL_CAPACITY, &before.total_physical_capacity)
        .eq(LocalStorageHostRef::AVAILABLE_PHYSICAL_CAPACITY, &before.available_physical_capacity)
        .expect("space of the host was taken or given back meanwhile");
}

fn shift(batch: &mut Batch, storage: Uuid, by: Shift) {
    batch
        .update::<PrimaryStorage>()
        .add(PrimaryStorage::TOTAL_CAPACITY, by.total)
        .add(PrimaryStorage::AVAILABLE_CAPACITY, by.available)
        .add(PrimaryStorage::TOTAL_PHYSICAL_CAPACITY, by.total_physical)
        .add(PrimaryStorage::AVAILABLE_PHYSICAL_CAPACITY, by.available_physical)
        .eq(PrimaryStorage::UUID, &storage)
        .expect(gone(storage));
}

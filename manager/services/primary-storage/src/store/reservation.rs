//! Reservations: who holds how much. A row and the counters it is taken from change in one batch.

use cumulo_contracts::resource::{LocalStorageHostRef, PrimaryStorage};
use cumulo_derive::resource;
use cumulo_kernel::db::{Batch, DbError};
use cumulo_schema::{Timestamp, Uuid};

use super::{Store, capacity::HOSTS_AT_ONCE, gone};

/// Space that is held.
#[resource(
    table = "storage_reservation",
    java = "org.cumulo.storage.StorageReservationInventory",
    vo = "StorageReservationVO"
)]
pub(crate) struct StorageReservation {
    /// The volume; for a cached image see [`cache_reservation`].
    #[field(unique, part_of = "Volume")]
    pub uuid: Uuid,
    /// The primary storage.
    #[field(indexed, references = "PrimaryStorage", part_of = "PrimaryStorage")]
    pub primary_storage_uuid: Uuid,
    /// The host that the space is for.
    #[field(indexed)]
    pub host_uuid: Uuid,
    /// Whether it is that host's own space.
    pub per_host: bool,
    /// Where on the storage.
    pub install_path: String,
    /// What is held, in bytes.
    pub size: i64,
    /// Since when.
    pub create_date: Timestamp,
    /// Last changed.
    pub last_op_date: Timestamp,
}

/// The id of what the copy of `image` holds on `host` in `storage`.
pub(crate) fn cache_reservation(storage: Uuid, host: Uuid, image: Uuid) -> Uuid {
    storage.derive(&format!("cache/{host}/{image}"))
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) uuid: Uuid,
    pub(crate) storage: Uuid,
    pub(crate) host: Uuid,
    pub(crate) per_host: bool,
    pub(crate) install_path: String,
    pub(crate) size: i64,
    /// What must be left after it.
    pub(crate) floor: i64,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// It is held now, or was before.
    Held,
    /// There is too little.
    Lacking,
}

/// Tries at giving back while the host joins or leaves.
const TRIES: u32 = 64;

impl Store {
    pub(crate) async fn reservation(&self, uuid: Uuid) -> Result<Option<StorageReservation>, DbError> {
        self.db.find(StorageReservation::UUID, &uuid).await
    }

    pub(crate) async fn reservations(&self, uuids: &[Uuid]) -> Result<Vec<StorageReservation>, DbError> {
        self.db.select().one_of(StorageReservation::UUID, uuids).all().await
    }

    pub(crate) async fn reserved_on(&self, storage: Uuid) -> Result<u64, DbError> {
        self.db.select().eq(StorageReservation::PRIMARY_STORAGE_UUID, &storage).count().await
    }

    pub(super) async fn held_on(&self, storage: Uuid, host: Uuid) -> Result<i64, DbError> {
        let select = self.db.select().eq(StorageReservation::PRIMARY_STORAGE_UUID, &storage);
        let held =
            select.eq(StorageReservation::HOST_UUID, &host).eq(StorageReservation::PER_HOST, &true).all().await?;
        Ok(held.iter().map(|held| held.size).sum())
    }

    /// What is held in `hosts`' own space.
    pub(crate) async fn held_by_hosts(&self, hosts: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let mut held = Vec::new();
        for some in hosts.chunks(HOSTS_AT_ONCE) {
            let rows = self.db.select().one_of(StorageReservation::HOST_UUID, some);
            held.extend(rows.eq(StorageReservation::PER_HOST, &true).all().await?.iter().map(|held| held.uuid));
        }
        Ok(held)
    }

    /// Takes the space off the counters, where there is enough. Held already is held, wherever that is.
    pub(crate) async fn hold(&self, hold: &Hold) -> Result<Holding, DbError> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&StorageReservation {
            uuid: hold.uuid,
            primary_storage_uuid: hold.storage,
            host_uuid: hold.host,
            per_host: hold.per_host,
            install_path: hold.install_path.clone(),
            size: hold.size,
            create_date: now,
            last_op_date: now,
        });
        let least = hold.size.saturating_add(hold.floor);
        if hold.per_host {
            batch
                .update::<LocalStorageHostRef>()
                .add(LocalStorageHostRef::AVAILABLE_CAPACITY, -hold.size)
                .eq(LocalStorageHostRef::PRIMARY_STORAGE_UUID, &hold.storage)
                .eq(LocalStorageHostRef::HOST_UUID, &hold.host)
                .at_least(LocalStorageHostRef::AVAILABLE_CAPACITY, least)
                .expect("too little space on the host");
            move_sum(&mut batch, hold.storage, -hold.size);
        } else {
            batch
                .update::<PrimaryStorage>()
                .add(PrimaryStorage::AVAILABLE_CAPACITY, -hold.size)
                .eq(PrimaryStorage::UUID, &hold.storage)
                .at_least(PrimaryStorage::AVAILABLE_CAPACITY, least)
                .expect("too little space");
        }
        match self.db.commit(batch).await {
            Ok(_) | Err(DbError::Conflict { .. }) => Ok(Holding::Held),
            Err(DbError::Unmet { .. }) => Ok(Holding::Lacking),
            Err(error) => Err(error),
        }
    }

    /// Gives back what `uuid` holds. Nothing held is fine.
    pub(crate) async fn give_back(&self, uuid: Uuid) -> Result<(), DbError> {
        for _ in 0..TRIES {
            let Some(held) = self.reservation(uuid).await? else { return Ok(()) };
            let mut batch = self.db.batch();
            batch
                .delete::<StorageReservation>()
                .eq(StorageReservation::UUID, &uuid)
                .expect("it was given back meanwhile");
            if !held.per_host {
                move_sum(&mut batch, held.primary_storage_uuid, held.size);
            } else if self.host_ref(held.primary_storage_uuid, held.host_uuid).await?.is_some() {
                batch
                    .update::<LocalStorageHostRef>()
                    .add(LocalStorageHostRef::AVAILABLE_CAPACITY, held.size)
                    .eq(LocalStorageHostRef::PRIMARY_STORAGE_UUID, &held.primary_storage_uuid)
                    .eq(LocalStorageHostRef::HOST_UUID, &held.host_uuid)
                    .expect("the host left meanwhile");
                move_sum(&mut batch, held.primary_storage_uuid, held.size);
            }
            match self.db.commit(batch).await {
                Ok(_) => return Ok(()),
                Err(DbError::Unmet { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DbError::Unmet { what: format!("the space that {uuid} holds could not be given back; try again") })
    }
}

fn move_sum(batch: &mut Batch, storage: Uuid, by: i64) {
    batch
        .update::<PrimaryStorage>()
        .add(PrimaryStorage::AVAILABLE_CAPACITY, by)
        .eq(PrimaryStorage::UUID, &storage)
        .expect(gone(storage));
}

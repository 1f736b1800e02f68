//! The volume table.

use cumulo_contracts::{
    ext::storage::Stored,
    message::{
        storage::VolumeSpace,
        volume::{CreateRootVolume, VolumeOnHost},
    },
    resource::{ResourceState, Volume, VolumeStatus, VolumeType},
};
use cumulo_kernel::{
    cascade::owned_by,
    db::{Db, DbError},
    ownership::{self, NewTags},
    quota::{self, Claim, QuotaDef},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid};

/// Volumes named in one statement.
const AT_ONCE: usize = 500;

const CAPACITY: &str = "volume.capacity";

pub(crate) const QUOTAS: &[QuotaDef] = &[QuotaDef {
    name: CAPACITY,
    description: "how much the volumes of a new account may hold, root volumes included, in bytes",
    default: "10995116277760",
}];

/// Reads and writes volumes.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, volume: Uuid) -> Result<Option<Volume>, DbError> {
        self.db.find(Volume::UUID, &volume).await
    }

    pub(crate) async fn get(&self, volume: Uuid) -> Result<Volume, ErrorCode> {
        self.find(volume).await?.ok_or_else(|| ErrorCode::not_found("Volume", volume))
    }

    pub(crate) async fn ready_of_vm(&self, vm: Uuid) -> Result<Vec<Volume>, DbError> {
        let volumes = self.db.select::<Volume>().eq(Volume::VM_INSTANCE_UUID, &Some(vm));
        volumes.eq(Volume::STATUS, &VolumeStatus::Ready).all().await
    }

    /// Records a root volume that is about to be made. Recorded already is fine.
    pub(crate) async fn insert_root(
        &self,
        ask: &CreateRootVolume,
        space: &VolumeSpace,
        size: i64,
    ) -> Result<(), DbError> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        batch.insert(&Volume {
            uuid: ask.volume,
            name: ask.name.clone(),
            description: Some(format!("Root volume for VM[uuid:{}]", ask.vm)),
            primary_storage_uuid: Some(space.primary_storage),
            vm_instance_uuid: Some(ask.vm),
            disk_offering_uuid: None,
            root_image_uuid: Some(ask.image),
            install_path: Some(space.install_path.clone()),
            r#type: VolumeType::Root,
            format: None,
            size,
            actual_size: None,
            device_id: Some(0),
            state: ResourceState::Enabled,
            status: VolumeStatus::Creating,
            create_date: now,
            last_op_date: now,
            is_shareable: false,
            volume_qos: None,
            last_detach_date: None,
            last_vm_instance_uuid: None,
            last_attach_date: Some(now),
            protocol: None,
        });
        ownership::created::<Volume>(&mut batch, ask.volume, ask.account, &NewTags::default());
        let claims = [Claim { quota: CAPACITY, amount: size }];
        quota::hold(&self.db, &mut batch, ask.account, ask.volume, &claims).await?;
        match self.db.commit(batch).await {
            Ok(_) | Err(DbError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Records that a volume is made, as it came out.
    pub(crate) async fn ready(&self, volume: Uuid, stored: &Stored) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Volume>()
            .set(Volume::STATUS, &VolumeStatus::Ready)
            .set(Volume::SIZE, &stored.size)
            .set(Volume::ACTUAL_SIZE, &Some(stored.actual_size))
            .set(Volume::FORMAT, &Some(stored.format.clone()))
            .eq(Volume::UUID, &volume)
            .expect(format!("volume {volume} was deleted while it was being made"));
        self.db.commit(batch).await.map(drop)
    }

    /// `volumes` in two: those on one of `storages`, and the others that there are.
    pub(crate) async fn split(&self, volumes: &[Uuid], storages: &[Uuid]) -> Result<(Vec<Uuid>, Vec<Uuid>), DbError> {
        let (mut on, mut elsewhere) = (Vec::new(), Vec::new());
        for some in volumes.chunks(AT_ONCE) {
            for volume in self.db.select::<Volume>().one_of(Volume::UUID, some).all().await? {
                let is_on = volume.primary_storage_uuid.is_some_and(|storage| storages.contains(&storage));
                if is_on { &mut on } else { &mut elsewhere }.push(volume.uuid);
            }
        }
        Ok((on, elsewhere))
    }

    pub(crate) async fn forget_offering(&self, volumes: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        for some in volumes.chunks(AT_ONCE) {
            let update = batch.update::<Volume>().set(Volume::DISK_OFFERING_UUID, &None::<Uuid>);
            update.one_of(Volume::UUID, some).any();
        }
        self.db.commit(batch).await.map(drop)
    }

    /// Records that `volume` is no VM's any more and is to go; gone is fine.
    pub(crate) async fn disown(&self, volume: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Volume>()
            .set(Volume::VM_INSTANCE_UUID, &None::<Uuid>)
            .set(Volume::STATUS, &VolumeStatus::Deleted)
            .eq(Volume::UUID, &volume)
            .any();
        self.db.commit(batch).await.map(drop)
    }

    /// Volumes of `accounts` that are in no VM.
    pub(crate) async fn detached_of(&self, accounts: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let owned = owned_by(&self.db, Volume::META.vo, accounts).await?;
        let volumes = self.db.select::<Volume>().one_of(Volume::UUID, &owned);
        Ok(ids(volumes.eq(Volume::VM_INSTANCE_UUID, &None::<Uuid>).all().await?))
    }
}

/// A recorded volume as a hypervisor needs to know it.
pub(crate) fn on_host(volume: &Volume) -> Result<VolumeOnHost, ErrorCode> {
    let missing = || ErrorCode::internal(format!("volume {} is ready, but nothing says where it is", volume.uuid));
    Ok(VolumeOnHost {
        volume: volume.uuid,
        path: volume.install_path.clone().ok_or_else(missing)?,
        format: volume.format.clone().ok_or_else(missing)?,
        device_id: volume.device_id.unwrap_or(0),
    })
}

fn ids(volumes: Vec<Volume>) -> Vec<Uuid> {
    volumes.into_iter().map(|volume| volume.uuid).collect()
}

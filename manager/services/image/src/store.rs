//! The image service's rows.

use std::collections::BTreeSet;

use cumulo_contracts::{
    api::image::UpdateImage,
    ext::storage::{Stored, StoredImage},
    resource::{
        BackupStorage, BackupStorageZoneRef, Cluster, Image, ImageBackupStorageRef, ImageMediaType, ImageStatus,
        L2NetworkClusterRef, L3Network, PrimaryStorage, PrimaryStorageClusterRef, ResourceState, VmInstance, Volume,
    },
};
use cumulo_kernel::{
    db::{Db, DbError},
    ownership::{self, NewTags},
    quota::{self, Claim, QuotaDef},
};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

/// Copies expunged in one round.
const ROUND: u64 = 256;

const NUMBER: &str = "image.num";

pub(crate) const QUOTAS: &[QuotaDef] =
    &[QuotaDef { name: NUMBER, description: "how many images a new account may have", default: "20" }];

/// Reads and writes images.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, image: Uuid) -> Result<Option<Image>, DbError> {
        self.db.find(Image::UUID, &image).await
    }

    pub(crate) async fn copies(&self, image: Uuid) -> Result<Vec<ImageBackupStorageRef>, DbError> {
        self.db.select().eq(ImageBackupStorageRef::IMAGE_UUID, &image).all().await
    }

    pub(crate) async fn find_backup_storage(&self, storage: Uuid) -> Result<Option<BackupStorage>, DbError> {
        self.db.find(BackupStorage::UUID, &storage).await
    }

    /// As [`Store::find_backup_storage`], refusing one that is gone.
    pub(crate) async fn backup_storage(&self, storage: Uuid) -> Result<BackupStorage, ErrorCode> {
        self.find_backup_storage(storage).await?.ok_or_else(|| ErrorCode::not_found("BackupStorage", storage))
    }

    pub(crate) async fn storages_of_zone(&self, zone: Uuid) -> Result<Vec<Uuid>, DbError> {
        let refs = self.db.select::<BackupStorageZoneRef>().eq(BackupStorageZoneRef::ZONE_UUID, &zone).all().await?;
        Ok(refs.into_iter().map(|at| at.backup_storage_uuid).collect())
    }

    pub(crate) async fn volume(&self, volume: Uuid) -> Result<Option<Volume>, DbError> {
        self.db.find(Volume::UUID, &volume).await
    }

    pub(crate) async fn vm(&self, vm: Uuid) -> Result<VmInstance, ErrorCode> {
        self.db.find(VmInstance::UUID, &vm).await?.ok_or_else(|| ErrorCode::not_found("VmInstance", vm))
    }

    pub(crate) async fn primary_storage(&self, storage: Uuid) -> Result<Option<PrimaryStorage>, DbError> {
        self.db.find(PrimaryStorage::UUID, &storage).await
    }

    /// The L2 networks of L3 networks.
    pub(crate) async fn l2s_of(&self, l3s: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let l3s = self.db.select::<L3Network>().one_of(L3Network::UUID, l3s).all().await?;
        Ok(l3s.into_iter().map(|l3| l3.l2_network_uuid).collect())
    }

    /// The clusters of the zone to which a primary storage is attached.
    pub(crate) async fn clusters_with_storage(&self, zone: Uuid) -> Result<Vec<Uuid>, DbError> {
        let clusters = self.db.select::<Cluster>().eq(Cluster::ZONE_UUID, &zone).all().await?;
        let mut clusters: Vec<Uuid> = clusters.into_iter().map(|cluster| cluster.uuid).collect();
        let column = PrimaryStorageClusterRef::CLUSTER_UUID;
        let attached = self.db.select::<PrimaryStorageClusterRef>().one_of(column, &clusters).all().await?;
        clusters.retain(|cluster| attached.iter().any(|at| at.cluster_uuid == *cluster));
        Ok(clusters)
    }

    /// Clusters with the L2 networks that are attached to them.
    pub(crate) async fn l2s_in(&self, clusters: &[Uuid]) -> Result<BTreeSet<(Uuid, Uuid)>, DbError> {
        let refs = self.db.select::<L2NetworkClusterRef>().one_of(L2NetworkClusterRef::CLUSTER_UUID, clusters);
        Ok(refs.all().await?.into_iter().map(|at| (at.cluster_uuid, at.l2_network_uuid)).collect())
    }

    /// Adds an image with references to where its copies will be, owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(
        &self,
        image: &Image,
        copies: impl Iterator<Item = (Uuid, &str)>,
        owner: Uuid,
        tags: &NewTags,
    ) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(image);
        for (storage, install_path) in copies {
            batch.insert(&ImageBackupStorageRef {
                image_uuid: image.uuid,
                backup_storage_uuid: storage,
                install_path: install_path.to_owned(),
                status: image.status,
                export_md5_sum: None,
                export_url: None,
                create_date: image.create_date,
                last_op_date: image.create_date,
            });
        }
        ownership::created::<Image>(&mut batch, image.uuid, owner, tags);
        quota::hold(&self.db, &mut batch, owner, image.uuid, &[Claim { quota: NUMBER, amount: 1 }]).await?;
        self.db.commit(batch).await.map(drop)
    }

    /// Records that an image can be used, and what it turned out to be.
    pub(crate) async fn ready(&self, image: Uuid, is: &StoredImage) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Image>()
            .set(Image::STATUS, &ImageStatus::Ready)
            .set(Image::SIZE, &is.stored.size)
            .set(Image::ACTUAL_SIZE, &is.stored.actual_size)
            .set(Image::FORMAT, &is.stored.format)
            .set(Image::MD5_SUM, &Some(is.md5.clone()))
            .set(Image::SHA256, &Some(is.sha256.clone()))
            .eq(Image::UUID, &image)
            .expect(gone(image));
        batch
            .update::<ImageBackupStorageRef>()
            .set(ImageBackupStorageRef::STATUS, &ImageStatus::Ready)
            .eq(ImageBackupStorageRef::IMAGE_UUID, &image)
            .any();
        self.db.commit(batch).await.map(drop)
    }

    /// Takes [`Store::ready`] back; an image that is gone is fine.
    pub(crate) async fn unready(&self, image: Uuid, status: ImageStatus) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.update::<Image>().set(Image::STATUS, &status).eq(Image::UUID, &image).any();
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_size(&self, image: Uuid, is: &Stored) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Image>()
            .set(Image::SIZE, &is.size)
            .set(Image::ACTUAL_SIZE, &is.actual_size)
            .eq(Image::UUID, &image)
            .expect(gone(image));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn update(&self, api: &UpdateImage, media_type: Option<ImageMediaType>) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Image>()
            .set_some(Image::NAME, api.name.as_ref())
            .set_some(Image::DESCRIPTION, api.description.as_ref())
            .set_some(Image::GUEST_OS_TYPE, api.guest_os_type.as_ref())
            .set_some(Image::MEDIA_TYPE, media_type.as_ref())
            .set_some(Image::FORMAT, api.format.as_ref())
            .set_some(Image::SYSTEM, api.system.as_ref())
            .set_some(Image::PLATFORM, api.platform.as_ref())
            .set_some(Image::ARCHITECTURE, api.architecture.as_ref())
            .set_some(Image::VIRTIO, api.virtio.as_ref())
            .eq(Image::UUID, &api.uuid)
            .expect(gone(api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_state(&self, image: Uuid, state: ResourceState) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.update::<Image>().set(Image::STATE, &state).eq(Image::UUID, &image).expect(gone(image));
        self.db.commit(batch).await.map(drop)
    }

    /// Marks the copies of `image` on `storages`. The image is what its best copy is: deleted when all are.
    pub(crate) async fn mark(&self, image: Uuid, storages: &[Uuid], status: ImageStatus) -> Result<(), DbError> {
        let others = self.copies(image).await?;
        let others = others.iter().filter(|copy| !storages.contains(&copy.backup_storage_uuid));
        let usable = status == ImageStatus::Ready || others.into_iter().any(|copy| copy.status == ImageStatus::Ready);
        let whole = if usable { ImageStatus::Ready } else { ImageStatus::Deleted };
        let mut batch = self.db.batch();
        batch
            .update::<ImageBackupStorageRef>()
            .set(ImageBackupStorageRef::STATUS, &status)
            .eq(ImageBackupStorageRef::IMAGE_UUID, &image)
            .one_of(ImageBackupStorageRef::BACKUP_STORAGE_UUID, storages)
            .any();
        batch.update::<Image>().set(Image::STATUS, &whole).eq(Image::UUID, &image).expect(gone(image));
        self.db.commit(batch).await.map(drop)
    }

    /// Copies that were deleted before `then`.
    pub(crate) async fn deleted_before(&self, then: Timestamp) -> Result<Vec<ImageBackupStorageRef>, DbError> {
        self.db
            .select()
            .eq(ImageBackupStorageRef::STATUS, &ImageStatus::Deleted)
            .at_most(ImageBackupStorageRef::LAST_OP_DATE, then.0)
            .limit(ROUND)
            .all()
            .await
    }

    pub(crate) async fn remove_ref(&self, storage: Uuid, image: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .delete::<ImageBackupStorageRef>()
            .eq(ImageBackupStorageRef::IMAGE_UUID, &image)
            .eq(ImageBackupStorageRef::BACKUP_STORAGE_UUID, &storage)
            .any();
        self.db.commit(batch).await.map(drop)
    }

    /// Images that have copies on `storages` and nowhere else.
    pub(crate) async fn only_on(&self, storages: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
        let mut images: Vec<Uuid> = self.on(storages).await?.into_iter().map(|copy| copy.image_uuid).collect();
        images.sort_unstable();
        images.dedup();
        let copies: Vec<ImageBackupStorageRef> =
            self.db.select().one_of(ImageBackupStorageRef::IMAGE_UUID, &images).all().await?;
        let elsewhere = copies.iter().filter(|copy| !storages.contains(&copy.backup_storage_uuid));
        let elsewhere: Vec<Uuid> = elsewhere.map(|copy| copy.image_uuid).collect();
        images.retain(|image| !elsewhere.contains(image));
        Ok(images)
    }

    async fn on(&self, storages: &[Uuid]) -> Result<Vec<ImageBackupStorageRef>, DbError> {
        self.db.select().one_of(ImageBackupStorageRef::BACKUP_STORAGE_UUID, storages).all().await
    }
}

fn gone(image: Uuid) -> String {
    format!("image {image} was deleted in the meantime")
}

//! What hosts can offer a volume: the question behind both placing a VM and holding space for its volume.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use cumulo_contracts::{
    ext::storage::{PrimaryStorageDriver, StorageTag},
    resource::{Image, PrimaryStorage, PrimaryStorageState, StorageStatus},
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{PrimaryStorages, config, size::mib, store::cache_reservation};

/// What is to be placed.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    /// What the volume will hold, in bytes, the over-provisioning factor applied.
    pub(crate) volume: i64,
    /// The image whose copy must be in the cache beside it.
    pub(crate) image: Option<Uuid>,
    /// Only this storage.
    pub(crate) only: Option<Uuid>,
    /// User tags that its storage should carry.
    pub(crate) tags: Vec<StorageTag>,
}

/// A storage as one host sees it.
pub(crate) struct Offer {
    pub(crate) storage: Arc<PrimaryStorage>,
    pub(crate) driver: Arc<dyn PrimaryStorageDriver>,
    /// Bytes left for volumes.
    available: i64,
}

/// What was found out about some hosts, read at once.
pub(crate) struct Offers {
    need: Need,
    /// Bytes that the image's copy takes where it is not cached.
    image_size: i64,
    /// Bytes that are never given away.
    pub(crate) floor: i64,
    storages: HashMap<Uuid, (Arc<PrimaryStorage>, Arc<dyn PrimaryStorageDriver>)>,
    /// Storages by cluster.
    attached: HashMap<Uuid, Vec<Uuid>>,
    /// By storage and host.
    parts: HashMap<(Uuid, Uuid), i64>,
    /// By storage and host.
    cached: HashSet<(Uuid, Uuid)>,
    /// User tags by storage; only read where some are wanted.
    carried: HashMap<Uuid, HashSet<String>>,
}

impl PrimaryStorages {
    /// Reads all that is needed to answer for `hosts`, each given with its cluster.
    pub(crate) async fn offers(&self, need: Need, hosts: &[(Uuid, Uuid)]) -> Result<Offers, ErrorCode> {
        let clusters: HashSet<Uuid> = hosts.iter().map(|(_, cluster)| *cluster).collect();
        let clusters: Vec<Uuid> = clusters.into_iter().collect();
        let mut attached: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for at in self.store.attached_to(&clusters).await? {
            attached.entry(at.cluster_uuid).or_default().push(at.primary_storage_uuid);
        }
        let wanted: HashSet<Uuid> = attached.values().flatten().copied().collect();
        let wanted: Vec<Uuid> = wanted.into_iter().collect();
        let mut storages = HashMap::new();
        for storage in self.store.some(&wanted).await? {
            let driver = self.driver(&storage.r#type)?;
            storages.insert(storage.uuid, (Arc::new(storage), driver));
        }
        let uuids: Vec<Uuid> = hosts.iter().map(|(host, _)| *host).collect();
        let parts = self.store.host_refs(&uuids).await?;
        let parts = parts.iter().map(|part| ((part.primary_storage_uuid, part.host_uuid), part.available_capacity));
        let carried = match need.tags.is_empty() {
            true => HashMap::new(),
            false => self.store.user_tags(&wanted).await?,
        };
        Ok(Offers {
            image_size: self.image_size(need.image).await?,
            floor: config::reserved(&self.kernel)?,
            parts: parts.collect(),
            cached: self.cached(need.image, &wanted, &uuids).await?,
            storages,
            attached,
            carried,
            need,
        })
    }

    async fn image_size(&self, image: Option<Uuid>) -> Result<i64, ErrorCode> {
        let Some(image) = image else { return Ok(0) };
        let image = self.kernel.db().find(Image::UUID, &image).await?;
        Ok(image.map_or(0, |image| image.actual_size))
    }

    /// Where the image is cached already.
    async fn cached(
        &self,
        image: Option<Uuid>,
        storages: &[Uuid],
        hosts: &[Uuid],
    ) -> Result<HashSet<(Uuid, Uuid)>, ErrorCode> {
        let Some(image) = image else { return Ok(HashSet::new()) };
        let places = storages.iter().flat_map(|storage| hosts.iter().map(|host| (*storage, *host)));
        let ids: HashMap<Uuid, (Uuid, Uuid)> =
            places.map(|(storage, host)| (cache_reservation(storage, host, image), (storage, host))).collect();
        let uuids: Vec<Uuid> = ids.keys().copied().collect();
        let held = self.store.reservations(&uuids).await?;
        Ok(held.iter().filter_map(|held| ids.get(&held.uuid).copied()).collect())
    }
}

impl Offers {
    /// The storages that can take what is needed on `host` of `cluster`, roomiest first; or why none can, storage by
    /// storage.
    pub(crate) fn of(&self, host: Uuid, cluster: Uuid) -> Result<Vec<Offer>, String> {
        let attached = self.attached.get(&cluster).map_or(&[][..], Vec::as_slice);
        let attached = attached.iter().filter_map(|uuid| self.storages.get(uuid));
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (storage, driver) in attached.filter(|(storage, _)| self.need.only.is_none_or(|only| only == storage.uuid))
        {
            match self.fits(storage, driver.as_ref(), host) {
                Ok(available) => good.push(Offer { storage: storage.clone(), driver: driver.clone(), available }),
                Err(why) => bad.push(format!("primary storage {}[uuid:{}] {why}", storage.name, storage.uuid)),
            }
        }
        // Roomiest first, and before that, those that carry what is preferred.
        good.sort_by_key(|offer| std::cmp::Reverse((self.preferred(offer.storage.uuid), offer.available)));
        match (good.is_empty(), bad.is_empty(), self.need.only) {
            (false, ..) => Ok(good),
            (true, false, _) => Err(bad.join("; ")),
            (true, true, Some(only)) => Err(format!("primary storage {only} is not attached to its cluster")),
            (true, true, None) => Err("no primary storage is attached to its cluster".to_owned()),
        }
    }

    fn carries(&self, storage: Uuid, tag: &str) -> bool {
        self.carried.get(&storage).is_some_and(|tags| tags.contains(tag))
    }

    /// How many of the tags that are preferred and not required it carries.
    fn preferred(&self, storage: Uuid) -> usize {
        let preferred = self.need.tags.iter().filter(|wanted| !wanted.required);
        preferred.filter(|wanted| self.carries(storage, &wanted.tag)).count()
    }

    /// Bytes left for volumes, or why it cannot be used.
    fn fits(&self, storage: &PrimaryStorage, driver: &dyn PrimaryStorageDriver, host: Uuid) -> Result<i64, String> {
        if storage.state != PrimaryStorageState::Enabled {
            return Err(format!("is {}", storage.state));
        }
        if storage.status != StorageStatus::Connected {
            return Err(format!("is {}", storage.status));
        }
        let required = self.need.tags.iter().filter(|wanted| wanted.required);
        if let Some(missing) = required.into_iter().find(|wanted| !self.carries(storage.uuid, &wanted.tag)) {
            return Err(format!("lacks the user tag '{}'", missing.tag));
        }
        let available = match driver.is_per_host() {
            true => *self.parts.get(&(storage.uuid, host)).ok_or("has no space on this host yet")?,
            false => storage.available_capacity,
        };
        let copy = if self.cached.contains(&(storage.uuid, host)) { 0 } else { self.image_size };
        let lacking = self.need.volume.saturating_add(copy).saturating_add(self.floor) - available;
        match lacking > 0 {
            true => Err(format!("lacks {} of space", mib(lacking))),
            false => Ok(available),
        }
    }
}

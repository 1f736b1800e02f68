//! The part of host allocation that is about space: a host must see a storage with enough of it, and a VM that has
//! volumes must go where they are.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::host::{HostCandidate, HostFilter, HostRequest},
    resource::PrimaryStorageState,
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{PrimaryStorages, config, offers::Need, store::StorageReservation};

#[async_trait]
impl HostFilter for PrimaryStorages {
    fn name(&self) -> &'static str {
        "primary-storage"
    }

    async fn refused(
        &self,
        request: &HostRequest,
        candidates: &[HostCandidate],
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let mut refused = BTreeMap::new();
        if !request.volumes.is_empty() {
            let volumes = self.store.reservations(&request.volumes).await?;
            let attached = self.clusters_by_storage(candidates).await?;
            let closed = self.in_maintenance(&volumes).await?;
            for candidate in candidates {
                let unreachable = || volumes.iter().find_map(|volume| unreachable_from(volume, candidate, &attached));
                if let Some(why) = closed.clone().or_else(unreachable) {
                    refused.insert(candidate.host, why);
                }
            }
        }
        if request.root_size > 0 || request.image.is_some() || request.primary_storage.is_some() {
            let volume = config::held(&self.kernel, request.root_size)?;
            let tags = request.storage_tags.clone();
            let need = Need { volume, image: request.image, only: request.primary_storage, tags };
            let hosts: Vec<(Uuid, Uuid)> = candidates.iter().map(|host| (host.host, host.cluster)).collect();
            let offers = self.offers(need, &hosts).await?;
            for (host, cluster) in hosts {
                if let Err(why) = offers.of(host, cluster) {
                    refused.entry(host).or_insert(why);
                }
            }
        }
        Ok(refused)
    }
}

impl PrimaryStorages {
    /// Why none of `volumes` can be used now: the VMs of a storage were stopped for its maintenance, and wait for its end.
    async fn in_maintenance(&self, volumes: &[StorageReservation]) -> Result<Option<String>, ErrorCode> {
        let storages: Vec<Uuid> = volumes.iter().map(|volume| volume.primary_storage_uuid).collect();
        let storages = self.store.some(&storages).await?;
        let closed = storages.iter().find(|storage| storage.state == PrimaryStorageState::Maintenance);
        Ok(closed.map(|storage| format!("primary storage '{}' ({}) is in maintenance", storage.name, storage.uuid)))
    }

    async fn clusters_by_storage(&self, candidates: &[HostCandidate]) -> Result<HashMap<Uuid, Vec<Uuid>>, ErrorCode> {
        let mut clusters: Vec<Uuid> = candidates.iter().map(|candidate| candidate.cluster).collect();
        clusters.sort_unstable();
        clusters.dedup();
        let mut by_storage: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for at in self.store.attached_to(&clusters).await? {
            by_storage.entry(at.primary_storage_uuid).or_default().push(at.cluster_uuid);
        }
        Ok(by_storage)
    }
}

fn unreachable_from(
    volume: &StorageReservation,
    candidate: &HostCandidate,
    attached: &HashMap<Uuid, Vec<Uuid>>,
) -> Option<String> {
    let storage = volume.primary_storage_uuid;
    if volume.per_host && volume.host_uuid != candidate.host {
        return Some(format!("volume {} is on the disk of host {}", volume.uuid, volume.host_uuid));
    }
    let seen = attached.get(&storage).is_some_and(|clusters| clusters.contains(&candidate.cluster));
    (!seen).then(|| {
        format!("volume {} is on primary storage {storage}, which is not attached to its cluster", volume.uuid)
    })
}

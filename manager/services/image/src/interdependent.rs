//! `GetInterdependentL3NetworksImages` and `GetInterdependentL3NetworksBackupStorages`: what can be chosen on the second page
//! of a form after something was chosen on the first.
//!
//! An image meets an L3 network in a cluster that has both the network and a primary storage, in a zone that has a
//! backup storage with the image. What the answer lists is what the caller may see of it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cumulo_contracts::{
    api::interdependent::{
        GetInterdependentL3NetworksBackupStorages, GetInterdependentL3NetworksBackupStoragesReply,
        GetInterdependentL3NetworksImages, GetInterdependentL3NetworksImagesReply,
    },
    resource::{BackupStorage, Image, L3Network},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Name, Op, Select},
};
use cumulo_schema::{ErrorCode, Resource, ResourceMeta, Uuid};
use serde_json::Value;

use crate::Images;

/// What a list consists of, or why it is empty.
type Found = Result<Vec<Value>, ErrorCode>;

#[async_trait]
impl HandleApi<GetInterdependentL3NetworksImages> for Images {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetInterdependentL3NetworksImages,
    ) -> Result<GetInterdependentL3NetworksImagesReply, ErrorCode> {
        let zone = api.zone_uuid;
        let found = match (api.l3_network_uuids, api.image_uuid) {
            (Some(l3s), None) => match self.storages_for(zone, &l3s).await? {
                Ok(storages) => self.images_on(cx, &storages).await?,
                Err(why) => Err(why),
            },
            (None, Some(image)) => {
                let storages = self.store.storages_of_zone(zone).await?;
                match self.store.copies(image).await?.iter().any(|copy| storages.contains(&copy.backup_storage_uuid)) {
                    true => self.l3s_with_storage(cx, zone).await?,
                    false => Err(empty(format!("image {image} is on no backup storage of zone {zone}"))),
                }
            }
            _ => return Err(ErrorCode::invalid("one of l3NetworkUuids and imageUuid must be given, and not both")),
        };
        let inventories = match found {
            Err(why) if api.raise_exception => return Err(why),
            found => found.unwrap_or_default(),
        };
        Ok(GetInterdependentL3NetworksImagesReply { inventories })
    }
}

#[async_trait]
impl HandleApi<GetInterdependentL3NetworksBackupStorages> for Images {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetInterdependentL3NetworksBackupStorages,
    ) -> Result<GetInterdependentL3NetworksBackupStoragesReply, ErrorCode> {
        let zone = api.zone_uuid;
        let found = match (api.l3_network_uuids, api.backup_storage_uuid) {
            (Some(l3s), None) => match self.storages_for(zone, &l3s).await? {
                Ok(storages) => self.list(cx, BackupStorage::META, vec![one_of("uuid", &storages)]).await?,
                Err(_) => vec![],
            },
            (None, Some(storage)) => match self.store.storages_of_zone(zone).await?.contains(&storage) {
                true => self.l3s_with_storage(cx, zone).await?.unwrap_or_default(),
                false => vec![],
            },
            _ => {
                let details = "one of l3NetworkUuids and backupStorageUuid must be given, and not both";
                return Err(ErrorCode::invalid(details));
            }
        };
        Ok(GetInterdependentL3NetworksBackupStoragesReply { inventories: found })
    }
}

fn empty(why: String) -> ErrorCode {
    ErrorCode::operation(why)
}

pub(crate) fn one_of(path: &str, uuids: &[Uuid]) -> Filter {
    Filter::Compare { path: Name::new(path), op: Op::In, values: uuids.iter().map(Uuid::to_string).collect() }
}

impl Images {
    /// The backup storages of the zone, if a cluster of it has all of `l3s` and a primary storage. The inner error says
    /// why there are none.
    async fn storages_for(&self, zone: Uuid, l3s: &[Uuid]) -> Result<Result<Vec<Uuid>, ErrorCode>, ErrorCode> {
        let l2s: BTreeSet<Uuid> = self.store.l2s_of(l3s).await?.into_iter().collect();
        let clusters = self.store.clusters_with_storage(zone).await?;
        let attached = self.store.l2s_in(&clusters).await?;
        let has_all = |cluster: &Uuid| l2s.iter().all(|l2| attached.contains(&(*cluster, *l2)));
        if !clusters.iter().any(has_all) {
            let details = format!(
                "no cluster of zone {zone} has all of these L3 networks and a primary storage; attach them to one"
            );
            return Ok(Err(empty(details)));
        }
        let storages = self.store.storages_of_zone(zone).await?;
        match storages.is_empty() {
            true => Ok(Err(empty(format!("zone {zone} has no backup storage; attach one")))),
            false => Ok(Ok(storages)),
        }
    }

    async fn images_on(&self, cx: &ApiCx, storages: &[Uuid]) -> Result<Found, ErrorCode> {
        let filters = vec![
            one_of("backupStorageRefs.backupStorageUuid", storages),
            Filter::equals("status", "Ready"),
            Filter::equals("state", "Enabled"),
        ];
        let images = self.list(cx, Image::META, filters).await?;
        match images.is_empty() {
            true => {
                Ok(Err(empty("the backup storages of the zone have no image that is ready and enabled".to_owned())))
            }
            false => Ok(Ok(images)),
        }
    }

    /// The L3 networks of clusters that have a primary storage.
    async fn l3s_with_storage(&self, cx: &ApiCx, zone: Uuid) -> Result<Found, ErrorCode> {
        let clusters = self.store.clusters_with_storage(zone).await?;
        let l2s: BTreeSet<Uuid> = self.store.l2s_in(&clusters).await?.into_iter().map(|(_, l2)| l2).collect();
        let l2s: Vec<Uuid> = l2s.into_iter().collect();
        let filters =
            vec![one_of("l2NetworkUuid", &l2s), Filter::equals("state", "Enabled"), Filter::equals("system", "false")];
        let l3s = if l2s.is_empty() { vec![] } else { self.list(cx, L3Network::META, filters).await? };
        match l3s.is_empty() {
            true => Ok(Err(empty(format!(
                "no cluster of zone {zone} has an L3 network that is enabled and a primary storage; attach them to one"
            )))),
            false => Ok(Ok(l3s)),
        }
    }

    pub(crate) async fn list(
        &self,
        cx: &ApiCx,
        target: &'static ResourceMeta,
        filters: Vec<Filter>,
    ) -> Result<Vec<Value>, ErrorCode> {
        let mut select = Select::of(target);
        select.filter = Filter::All(filters);
        let found = self.kernel.query().run(&cx.caller, &select).await?;
        Ok(found.inventories.unwrap_or_default().into_iter().map(Value::Object).collect())
    }
}

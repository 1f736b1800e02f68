//! `AddLocalPrimaryStorage`: the disks of hosts themselves. Nothing is touched until it is attached to a cluster.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::AddLocalPrimaryStorage,
    resource::{PrimaryStorage, PrimaryStorageState, StorageStatus},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::PrimaryStorages;

const TYPE: &str = "LocalStorage";

#[async_trait]
impl HandleApi<AddLocalPrimaryStorage> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, api: AddLocalPrimaryStorage) -> Result<Inventory<PrimaryStorage>, ErrorCode> {
        check_type(api.r#type.as_deref(), TYPE)?;
        let url = folder(&api.url)?;
        self.driver(TYPE)?;
        let now = cx.now();
        let storage = PrimaryStorage {
            uuid: cx.resource_uuid,
            zone_uuid: api.zone_uuid,
            name: api.name,
            url: url.clone(),
            description: api.description,
            total_capacity: 0,
            available_capacity: 0,
            total_physical_capacity: 0,
            available_physical_capacity: 0,
            system_used_capacity: None,
            r#type: TYPE.to_owned(),
            state: PrimaryStorageState::Enabled,
            // There is nothing to connect to but hosts, and those come with clusters.
            status: StorageStatus::Connected,
            mount_path: url,
            create_date: now,
            last_op_date: now,
        };
        match self.store.insert(cx, &storage).await {
            Err(DbError::Conflict { .. }) => self.made_before(&storage).await?,
            inserted => inserted?,
        }
        cx.inventory::<PrimaryStorage>(&storage.uuid).await
    }
}

impl PrimaryStorages {
    /// The id is taken: by this very call, run again after a crash, or by another storage whose id the client chose.
    pub(crate) async fn made_before(&self, storage: &PrimaryStorage) -> Result<(), ErrorCode> {
        match self.store.find(storage.uuid).await? {
            Some(there) if there.name == storage.name && there.url == storage.url => Ok(()),
            _ => {
                let details = format!("primary storage {} exists already; choose another resourceUuid", storage.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}

/// The type follows from the call; whoever gives it must give that one.
pub(crate) fn check_type(given: Option<&str>, wanted: &str) -> Result<(), ErrorCode> {
    match given.filter(|given| *given != wanted) {
        Some(other) => {
            Err(ErrorCode::invalid(format!("field[type] is {wanted} for this call, not '{other}'; leave it out")))
        }
        None => Ok(()),
    }
}

/// A folder that can be a storage on a host, without a slash at its end.
pub(crate) fn folder(url: &str) -> Result<String, ErrorCode> {
    let wrong = |why: &str| Err(ErrorCode::invalid(format!("field[url] {why}; give a folder like /cumulo_ps")));
    if !url.starts_with('/') {
        return wrong("must be an absolute path");
    }
    if url.chars().any(char::is_control) {
        return wrong("holds characters that no path should have");
    }
    let parts: Vec<&str> = url.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return wrong("must not climb with '..'");
    }
    match parts.first() {
        None => wrong("is the root of the file system"),
        Some(&("dev" | "proc" | "sys" | "etc")) => wrong("lies below /dev, /proc, /sys or /etc"),
        Some(_) => Ok(format!("/{}", parts.join("/"))),
    }
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn folders_are_told_from_what_is_none() {
        assert_eq!(folder("/cumulo_ps").as_deref(), Ok("/cumulo_ps"));
        assert_eq!(folder("//a/./b/").as_deref(), Ok("/a/b"));
        for wrong in ["", "ps", "/", "//", "/../etc", "/a/../..", "/dev/shm", "/proc", "/a\n/b", "file:///a"] {
            assert!(folder(wrong).is_err(), "{wrong:?}");
        }
    }
}

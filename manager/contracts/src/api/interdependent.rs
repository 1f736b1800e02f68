//! What of networks and images can be used together.

use cumulo_derive::{api, reply};
use cumulo_schema::Uuid;
use serde_json::Value;

/// Lists the images that a VM on L3 networks can be made from, or the L3 networks for VMs of an image.
#[api(get "/images-l3networks/dependencies", group = "image", service = "vmInstance", package = "org.zstack.header.vm", reply = GetInterdependentL3NetworksImagesReply)]
pub struct GetInterdependentL3NetworksImages {
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
    /// The L3 networks, to find images.
    #[param(nonempty, resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Option<Vec<Uuid>>,
    /// The image, to find L3 networks.
    #[param(resource = "ImageVO", check_account)]
    pub image_uuid: Option<Uuid>,
    /// Whether to fail, with the reason, rather than to answer an empty list.
    #[param(default = "false")]
    pub raise_exception: bool,
}

/// What [`GetInterdependentL3NetworksImages`] answers.
#[reply(members)]
pub struct GetInterdependentL3NetworksImagesReply {
    /// Images, or L3 networks.
    #[member(of = "List")]
    pub inventories: Vec<Value>,
}

/// Lists the backup storages whose images serve VMs on L3 networks, or the L3 networks for VMs of its images.
#[api(get "/backupStorage-l3networks/dependencies", group = "backupStorage", service = "vmInstance", package = "org.zstack.header.vm", reply = GetInterdependentL3NetworksBackupStoragesReply)]
pub struct GetInterdependentL3NetworksBackupStorages {
    /// The zone.
    #[param(resource = "ZoneVO")]
    pub zone_uuid: Uuid,
    /// The backup storage, to find L3 networks.
    #[param(resource = "BackupStorageVO")]
    pub backup_storage_uuid: Option<Uuid>,
    /// The L3 networks, to find backup storages.
    #[param(nonempty, resource = "L3NetworkVO", check_account)]
    pub l3_network_uuids: Option<Vec<Uuid>>,
}

/// What [`GetInterdependentL3NetworksBackupStorages`] answers.
#[reply(members)]
pub struct GetInterdependentL3NetworksBackupStoragesReply {
    /// Backup storages, or L3 networks.
    #[member(of = "List")]
    pub inventories: Vec<Value>,
}

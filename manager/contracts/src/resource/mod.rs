//! Resources: one struct each, one table each. From the declaration come inventory, queries, tags, ownership and cascade.

mod state;

mod backup_storage;
mod cluster;
mod host;
mod identity;
mod image;
mod l2;
mod l3;
mod network_service;
mod offering;
mod primary_storage;
mod ssh_key_pair;
mod vm;
mod volume;
mod webhook;
mod zone;

use cumulo_schema::{Resource, ResourceMeta, system};

pub use backup_storage::{BackupStorage, BackupStorageZoneRef, SftpBackupStorage};
pub use cluster::Cluster;
pub use host::{Host, KVMHost, SimulatorHost};
pub use identity::{AccessKey, Account, Session};
pub use image::{Image, ImageBackupStorageRef};
pub use l2::{L2Network, L2NetworkClusterRef, L2VlanNetwork};
pub use l3::{IpRange, L3Network, L3NetworkDns, L3NetworkHostRoute, ReservedIpRange, UsedIp};
pub use network_service::{
    NetworkServiceL3NetworkRef, NetworkServiceProvider, NetworkServiceProviderL2NetworkRef, NetworkServiceType,
};
pub use offering::{DiskOffering, InstanceOffering};
pub use primary_storage::{
    ImageCache, LocalStorageHostRef, LocalStorageResourceRef, PrimaryStorage, PrimaryStorageClusterRef,
};
pub use ssh_key_pair::{SshKeyPair, SshKeyPairRef};
pub use state::*;
pub use vm::{VmCdRom, VmInstance, VmNic};
pub use volume::Volume;
pub use webhook::Webhook;
pub use zone::Zone;

/// Every resource, the kernel's own included.
#[must_use]
pub fn resources() -> Vec<&'static ResourceMeta> {
    let mut all = system::RESOURCES.to_vec();
    all.extend(DECLARED);
    all
}

const DECLARED: &[&ResourceMeta] = &[
    Zone::META,
    Cluster::META,
    Host::META,
    KVMHost::META,
    SimulatorHost::META,
    InstanceOffering::META,
    DiskOffering::META,
    Image::META,
    ImageBackupStorageRef::META,
    PrimaryStorage::META,
    PrimaryStorageClusterRef::META,
    LocalStorageHostRef::META,
    LocalStorageResourceRef::META,
    ImageCache::META,
    BackupStorage::META,
    SftpBackupStorage::META,
    BackupStorageZoneRef::META,
    Volume::META,
    VmInstance::META,
    VmNic::META,
    VmCdRom::META,
    SshKeyPair::META,
    SshKeyPairRef::META,
    L2Network::META,
    L2VlanNetwork::META,
    L2NetworkClusterRef::META,
    L3Network::META,
    L3NetworkDns::META,
    L3NetworkHostRoute::META,
    IpRange::META,
    UsedIp::META,
    ReservedIpRange::META,
    NetworkServiceProvider::META,
    NetworkServiceType::META,
    NetworkServiceProviderL2NetworkRef::META,
    NetworkServiceL3NetworkRef::META,
    Account::META,
    Session::META,
    AccessKey::META,
    Webhook::META,
];

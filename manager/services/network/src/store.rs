//! The tables of networks, and what is read of others' shared ones.

use std::collections::BTreeMap;

use cumulo_contracts::{
    api::{
        l2::UpdateL2Network,
        l3::{UpdateIpRange, UpdateL3Network},
    },
    resource::{
        Account, Cluster, Host, HostStatus, IpRange, L2Network, L2NetworkClusterRef, L3Network, L3NetworkDns,
        L3NetworkHostRoute, NetworkServiceL3NetworkRef, NetworkServiceProvider, NetworkServiceProviderL2NetworkRef,
        NetworkServiceType, ReservedIpRange, ResourceState, UsedIp, VmInstance, VmNic, VmState,
    },
};
use cumulo_kernel::{
    db::{Db, DbError},
    tag::TagDef,
};
use cumulo_schema::{
    ErrorCode, Resource, Timestamp, Uuid,
    system::{AccountResourceRef, SystemTag, TagType},
};

// ---- one row

pub(crate) async fn insert<R: Resource>(db: &Db, row: &R) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(row);
    db.commit(batch).await.map(drop)
}

pub(crate) async fn l2(db: &Db, uuid: Uuid) -> Result<L2Network, ErrorCode> {
    db.find(L2Network::UUID, &uuid).await?.ok_or_else(|| ErrorCode::not_found(L2Network::META.name, uuid))
}

pub(crate) async fn l3(db: &Db, uuid: Uuid) -> Result<L3Network, ErrorCode> {
    db.find(L3Network::UUID, &uuid).await?.ok_or_else(|| ErrorCode::not_found(L3Network::META.name, uuid))
}

pub(crate) async fn range(db: &Db, uuid: Uuid) -> Result<IpRange, ErrorCode> {
    db.find(IpRange::UUID, &uuid).await?.ok_or_else(|| ErrorCode::not_found(IpRange::META.name, uuid))
}

pub(crate) async fn host(db: &Db, uuid: Uuid) -> Result<Host, ErrorCode> {
    db.find(Host::UUID, &uuid).await?.ok_or_else(|| ErrorCode::not_found(Host::META.name, uuid))
}

pub(crate) async fn cluster(db: &Db, uuid: Uuid) -> Result<Cluster, ErrorCode> {
    db.find(Cluster::UUID, &uuid).await?.ok_or_else(|| ErrorCode::not_found(Cluster::META.name, uuid))
}

/// Puts `tag` on `resource`, in place of one of the same pattern.
pub(crate) async fn set_tag(db: &Db, def: &TagDef, resource: Uuid, tag: String) -> Result<(), DbError> {
    let there = db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &resource).all().await?;
    let replaced: Vec<Uuid> = there.iter().filter(|old| def.tokens(&old.tag).is_some()).map(|old| old.uuid).collect();
    let now = Timestamp::now();
    let row = SystemTag {
        inherent: false,
        uuid: Uuid::random(),
        resource_uuid: resource,
        resource_type: def.resource.to_owned(),
        tag,
        r#type: TagType::System,
        create_date: now,
        last_op_date: now,
    };
    let mut batch = db.batch();
    batch.delete::<SystemTag>().one_of(SystemTag::UUID, &replaced).any();
    batch.insert(&row);
    db.commit(batch).await.map(drop)
}

// ---- L2 networks

pub(crate) async fn all_l2s(db: &Db) -> Result<Vec<L2Network>, DbError> {
    db.select::<L2Network>().all().await
}

pub(crate) async fn l2s_of_zone(db: &Db, zone: Uuid) -> Result<Vec<L2Network>, DbError> {
    db.select::<L2Network>().eq(L2Network::ZONE_UUID, &zone).order_by(L2Network::CREATE_DATE).all().await
}

pub(crate) async fn clusters_of_zone(db: &Db, zone: Uuid) -> Result<Vec<Cluster>, DbError> {
    db.select::<Cluster>().eq(Cluster::ZONE_UUID, &zone).order_by(Cluster::CREATE_DATE).all().await
}

pub(crate) async fn attachment(db: &Db, l2: Uuid, cluster: Uuid) -> Result<Option<L2NetworkClusterRef>, DbError> {
    let refs = db.select::<L2NetworkClusterRef>().eq(L2NetworkClusterRef::L2_NETWORK_UUID, &l2);
    refs.eq(L2NetworkClusterRef::CLUSTER_UUID, &cluster).first().await
}

pub(crate) async fn clusters_of(db: &Db, l2: Uuid) -> Result<Vec<Uuid>, DbError> {
    let refs = db.select::<L2NetworkClusterRef>().eq(L2NetworkClusterRef::L2_NETWORK_UUID, &l2).all().await?;
    Ok(refs.iter().map(|attached| attached.cluster_uuid).collect())
}

pub(crate) async fn attachments_in(db: &Db, clusters: &[Uuid]) -> Result<Vec<L2NetworkClusterRef>, DbError> {
    db.select::<L2NetworkClusterRef>().one_of(L2NetworkClusterRef::CLUSTER_UUID, clusters).all().await
}

/// The L2 networks attached to a cluster.
pub(crate) async fn l2s_in(db: &Db, cluster: Uuid) -> Result<Vec<L2Network>, DbError> {
    let refs = attachments_in(db, &[cluster]).await?;
    let uuids: Vec<Uuid> = refs.iter().map(|attached| attached.l2_network_uuid).collect();
    match uuids.is_empty() {
        true => Ok(vec![]),
        false => db.select::<L2Network>().one_of(L2Network::UUID, &uuids).order_by(L2Network::CREATE_DATE).all().await,
    }
}

pub(crate) async fn detach(db: &Db, l2: Uuid, cluster: Uuid) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .delete::<L2NetworkClusterRef>()
        .eq(L2NetworkClusterRef::L2_NETWORK_UUID, &l2)
        .eq(L2NetworkClusterRef::CLUSTER_UUID, &cluster)
        .any();
    db.commit(batch).await.map(drop)
}

/// The hosts of clusters; whether each is connected is in its row.
pub(crate) async fn hosts_of(db: &Db, clusters: &[Uuid]) -> Result<Vec<Host>, DbError> {
    match clusters.is_empty() {
        true => Ok(vec![]),
        false => db.select::<Host>().one_of(Host::CLUSTER_UUID, clusters).all().await,
    }
}

pub(crate) async fn connected_hosts_of(db: &Db, cluster: Uuid) -> Result<Vec<Host>, DbError> {
    let hosts = db.select::<Host>().eq(Host::CLUSTER_UUID, &cluster);
    hosts.eq(Host::STATUS, &HostStatus::Connected).all().await
}

/// VMs in `cluster` that are up, or may be, with a NIC on one of `l3s`.
pub(crate) async fn vms_up_on(db: &Db, cluster: Uuid, l3s: &[Uuid]) -> Result<Vec<VmInstance>, DbError> {
    let l3s: Vec<Option<Uuid>> = l3s.iter().copied().map(Some).collect();
    let nics = db.select::<VmNic>().one_of(VmNic::L3_NETWORK_UUID, &l3s).all().await?;
    let vms: Vec<Uuid> = nics.iter().filter_map(|nic| nic.vm_instance_uuid).collect();
    if vms.is_empty() {
        return Ok(vec![]);
    }
    let vms = db.select::<VmInstance>().one_of(VmInstance::UUID, &vms).all().await?;
    let down = [VmState::Created, VmState::Stopped, VmState::Destroyed, VmState::Expunging];
    let up = |vm: &VmInstance| vm.cluster_uuid == Some(cluster) && !down.contains(&vm.state);
    Ok(vms.into_iter().filter(up).collect())
}

pub(crate) async fn update_l2(db: &Db, api: &UpdateL2Network) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .update::<L2Network>()
        .set_some(L2Network::NAME, api.name.as_ref())
        .set_some(L2Network::DESCRIPTION, api.description.as_ref())
        .eq(L2Network::UUID, &api.uuid)
        .expect(format!("L2 network {} was deleted in the meantime", api.uuid));
    db.commit(batch).await.map(drop)
}

// ---- L3 networks

pub(crate) async fn all_l3s(db: &Db) -> Result<Vec<L3Network>, DbError> {
    db.select::<L3Network>().order_by(L3Network::CREATE_DATE).all().await
}

pub(crate) async fn l3s_of_zone(db: &Db, zone: Uuid) -> Result<Vec<L3Network>, DbError> {
    db.select::<L3Network>().eq(L3Network::ZONE_UUID, &zone).all().await
}

pub(crate) async fn l3s_of_l2s(db: &Db, l2s: &[Uuid]) -> Result<Vec<L3Network>, DbError> {
    db.select::<L3Network>().one_of(L3Network::L2_NETWORK_UUID, l2s).all().await
}

pub(crate) async fn l3s(db: &Db, uuids: &[Uuid]) -> Result<Vec<L3Network>, DbError> {
    match uuids.is_empty() {
        true => Ok(vec![]),
        false => db.select::<L3Network>().one_of(L3Network::UUID, uuids).all().await,
    }
}

pub(crate) async fn host_routes(db: &Db, l3: Uuid) -> Result<Vec<L3NetworkHostRoute>, DbError> {
    db.select::<L3NetworkHostRoute>().eq(L3NetworkHostRoute::L3_NETWORK_UUID, &l3).all().await
}

/// The highest number of a host route so far.
pub(crate) async fn last_host_route(db: &Db) -> Result<i64, DbError> {
    let routes = db.select::<L3NetworkHostRoute>().all().await?;
    Ok(routes.iter().map(|route| route.id).max().unwrap_or(0))
}

pub(crate) async fn update_l3(db: &Db, api: &UpdateL3Network) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .update::<L3Network>()
        .set_some(L3Network::NAME, api.name.as_ref())
        .set_some(L3Network::DESCRIPTION, api.description.as_ref())
        .set_some(L3Network::DNS_DOMAIN, api.dns_domain.as_ref())
        .set_some(L3Network::CATEGORY, api.category.as_ref())
        .set_some(L3Network::SYSTEM, api.system.as_ref())
        .eq(L3Network::UUID, &api.uuid)
        .expect(format!("L3 network {} was deleted in the meantime", api.uuid));
    db.commit(batch).await.map(drop)
}

pub(crate) async fn set_l3_state(db: &Db, l3: Uuid, state: ResourceState) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .update::<L3Network>()
        .set(L3Network::STATE, &state)
        .eq(L3Network::UUID, &l3)
        .expect(format!("L3 network {l3} was deleted in the meantime"));
    db.commit(batch).await.map(drop)
}

pub(crate) async fn remove_dns(db: &Db, l3: Uuid, dns: &str) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.delete::<L3NetworkDns>().eq(L3NetworkDns::L3_NETWORK_UUID, &l3).eq(L3NetworkDns::DNS, &dns.to_owned()).any();
    db.commit(batch).await.map(drop)
}

pub(crate) async fn remove_host_route(db: &Db, l3: Uuid, prefix: &str) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .delete::<L3NetworkHostRoute>()
        .eq(L3NetworkHostRoute::L3_NETWORK_UUID, &l3)
        .eq(L3NetworkHostRoute::PREFIX, &prefix.to_owned())
        .any();
    db.commit(batch).await.map(drop)
}

// ---- ranges and addresses

pub(crate) async fn ranges_of(db: &Db, l3s: &[Uuid]) -> Result<Vec<IpRange>, DbError> {
    match l3s.is_empty() {
        true => Ok(vec![]),
        false => db.select::<IpRange>().one_of(IpRange::L3_NETWORK_UUID, l3s).all().await,
    }
}

pub(crate) async fn ranges(db: &Db, l3: Uuid) -> Result<Vec<IpRange>, DbError> {
    db.select::<IpRange>().eq(IpRange::L3_NETWORK_UUID, &l3).order_by(IpRange::CREATE_DATE).all().await
}

pub(crate) async fn reserved(db: &Db, l3: Uuid) -> Result<Vec<ReservedIpRange>, DbError> {
    db.select::<ReservedIpRange>().eq(ReservedIpRange::L3_NETWORK_UUID, &l3).all().await
}

pub(crate) async fn used_ip(db: &Db, uuid: Uuid) -> Result<Option<UsedIp>, DbError> {
    db.find(UsedIp::UUID, &uuid).await
}

pub(crate) async fn used_ip_at(db: &Db, l3: Uuid, ip: &str) -> Result<Option<UsedIp>, DbError> {
    db.select::<UsedIp>().eq(UsedIp::L3_NETWORK_UUID, &l3).eq(UsedIp::IP, &ip.to_owned()).first().await
}

pub(crate) async fn used_ips(db: &Db, l3: Uuid) -> Result<Vec<UsedIp>, DbError> {
    db.select::<UsedIp>().eq(UsedIp::L3_NETWORK_UUID, &l3).all().await
}

pub(crate) async fn used_ips_of(db: &Db, nics: &[Uuid]) -> Result<Vec<UsedIp>, DbError> {
    let nics: Vec<Option<Uuid>> = nics.iter().copied().map(Some).collect();
    db.select::<UsedIp>().one_of(UsedIp::VM_NIC_UUID, &nics).all().await
}

pub(crate) async fn nics(db: &Db, uuids: &[Uuid]) -> Result<Vec<VmNic>, DbError> {
    match uuids.is_empty() {
        true => Ok(vec![]),
        false => db.select::<VmNic>().one_of(VmNic::UUID, uuids).all().await,
    }
}

/// The names of the accounts that own `resources`.
pub(crate) async fn owner_names(db: &Db, resources: &[Uuid]) -> Result<BTreeMap<Uuid, String>, DbError> {
    if resources.is_empty() {
        return Ok(BTreeMap::new());
    }
    let owned = db.select::<AccountResourceRef>().one_of(AccountResourceRef::RESOURCE_UUID, resources).all().await?;
    let accounts: Vec<Uuid> = owned.iter().map(|row| row.account_uuid).collect();
    let accounts = db.select::<Account>().one_of(Account::UUID, &accounts).all().await?;
    let names: BTreeMap<Uuid, String> = accounts.into_iter().map(|account| (account.uuid, account.name)).collect();
    let name = |row: AccountResourceRef| names.get(&row.account_uuid).map(|name| (row.resource_uuid, name.clone()));
    Ok(owned.into_iter().filter_map(name).collect())
}

pub(crate) async fn used_ips_in(db: &Db, range: Uuid) -> Result<Vec<UsedIp>, DbError> {
    db.select::<UsedIp>().eq(UsedIp::IP_RANGE_UUID, &Some(range)).all().await
}

pub(crate) async fn count_used(db: &Db, range: Uuid) -> Result<u64, DbError> {
    db.select::<UsedIp>().eq(UsedIp::IP_RANGE_UUID, &Some(range)).count().await
}

/// Records that who holds `old` has `new` in its place; [`DbError::Conflict`] when another has that.
pub(crate) async fn replace_used_ip(db: &Db, old: &UsedIp, new: &UsedIp) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .update::<UsedIp>()
        .set(UsedIp::IP_RANGE_UUID, &new.ip_range_uuid)
        .set(UsedIp::IP, &new.ip)
        .set(UsedIp::NETMASK, &new.netmask)
        .set(UsedIp::GATEWAY, &new.gateway)
        .set(UsedIp::IP_IN_LONG, &new.ip_in_long)
        .set(UsedIp::IP_ORDER, &new.ip_order)
        .eq(UsedIp::UUID, &old.uuid)
        .eq(UsedIp::IP, &old.ip)
        .expect(format!("the address {} was given back or changed in the meantime", old.ip));
    db.commit(batch).await.map(drop)
}

pub(crate) async fn remove_used_ips(db: &Db, rows: &[UsedIp]) -> Result<(), DbError> {
    let uuids: Vec<Uuid> = rows.iter().map(|row| row.uuid).collect();
    let mut batch = db.batch();
    batch.delete::<UsedIp>().one_of(UsedIp::UUID, &uuids).any();
    db.commit(batch).await.map(drop)
}

pub(crate) async fn update_range(db: &Db, api: &UpdateIpRange) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .update::<IpRange>()
        .set_some(IpRange::NAME, api.name.as_ref())
        .set_some(IpRange::DESCRIPTION, api.description.as_ref())
        .eq(IpRange::UUID, &api.uuid)
        .expect(format!("IP range {} was deleted in the meantime", api.uuid));
    db.commit(batch).await.map(drop)
}

// ---- network services

pub(crate) async fn providers(db: &Db) -> Result<Vec<NetworkServiceProvider>, DbError> {
    db.select::<NetworkServiceProvider>().order_by(NetworkServiceProvider::TYPE).all().await
}

pub(crate) async fn provider(db: &Db, uuid: Uuid) -> Result<NetworkServiceProvider, ErrorCode> {
    let found = db.find(NetworkServiceProvider::UUID, &uuid).await?;
    found.ok_or_else(|| ErrorCode::not_found(NetworkServiceProvider::META.name, uuid))
}

pub(crate) async fn service_types(db: &Db) -> Result<Vec<NetworkServiceType>, DbError> {
    db.select::<NetworkServiceType>().all().await
}

pub(crate) async fn services_of(db: &Db, l3: Uuid) -> Result<Vec<NetworkServiceL3NetworkRef>, DbError> {
    db.select::<NetworkServiceL3NetworkRef>().eq(NetworkServiceL3NetworkRef::L3_NETWORK_UUID, &l3).all().await
}

pub(crate) async fn provider_attached(db: &Db, provider: Uuid, l2: Uuid) -> Result<bool, DbError> {
    let refs = db
        .select::<NetworkServiceProviderL2NetworkRef>()
        .eq(NetworkServiceProviderL2NetworkRef::NETWORK_SERVICE_PROVIDER_UUID, &provider)
        .eq(NetworkServiceProviderL2NetworkRef::L2_NETWORK_UUID, &l2);
    Ok(refs.count().await? > 0)
}

pub(crate) async fn remove_services(db: &Db, refs: &[NetworkServiceL3NetworkRef]) -> Result<(), DbError> {
    let mut batch = db.batch();
    for used in refs {
        batch
            .delete::<NetworkServiceL3NetworkRef>()
            .eq(NetworkServiceL3NetworkRef::L3_NETWORK_UUID, &used.l3_network_uuid)
            .eq(NetworkServiceL3NetworkRef::NETWORK_SERVICE_TYPE, &used.network_service_type)
            .any();
    }
    db.commit(batch).await.map(drop)
}

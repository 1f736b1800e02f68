//! What is to be served, per NIC.

use cumulo_contracts::{
    ext::{network::ServiceRequest, vm::KeptWhileUp},
    message::network::DHCP,
    resource::{L3NetworkDns, L3NetworkHostRoute},
};
use cumulo_derive::resource;
use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::{Resource, ResourceMeta, Timestamp, Uuid};

/// The service that tells a VM of itself.
pub(crate) const USERDATA: &str = "Userdata";

/// A NIC that a host serves.
#[resource(table = "flat_network_nic", java = "org.cumulo.flat.FlatNicInventory", vo = "FlatNicVO")]
pub(crate) struct FlatNic {
    /// The NIC.
    #[field(unique, part_of = "VmNic")]
    pub(crate) nic_uuid: Uuid,
    /// Its VM.
    pub(crate) vm_uuid: Uuid,
    /// The host where that runs.
    #[field(indexed)]
    pub(crate) host_uuid: Uuid,
    /// The L3 network.
    #[field(indexed)]
    pub(crate) l3_network_uuid: Uuid,
    /// Hardware address.
    pub(crate) mac: String,
    /// The address it is given.
    pub(crate) ip: String,
    /// What the guest is called.
    pub(crate) hostname: Option<String>,
    /// What the guest is told.
    #[field(hidden, long)]
    pub(crate) user_data: Option<String>,
    /// Public keys of those who may log in, one a line.
    #[field(hidden, long)]
    pub(crate) ssh_keys: Option<String>,
    /// Whether it gets a default route and name servers.
    pub(crate) default_route: bool,
    /// Whether it is served DHCP.
    pub(crate) dhcp: bool,
    /// Whether it is told of itself.
    pub(crate) metadata: bool,
    /// Since when.
    pub(crate) create_date: Timestamp,
}

/// Tells plans that a NIC is served only while its VM is on a host.
pub(crate) struct Served;

impl KeptWhileUp for Served {
    fn rows(&self) -> &'static ResourceMeta {
        FlatNic::META
    }

    fn vm_column(&self) -> &'static str {
        FlatNic::VM_UUID.name
    }
}

impl FlatNic {
    /// What a request asks for; `None` when it is nothing that hosts serve.
    pub(crate) fn of(request: &ServiceRequest) -> Option<Self> {
        let wants = |service: &str| request.services.iter().any(|wanted| wanted == service);
        let (dhcp, metadata) = (wants(DHCP), wants(USERDATA));
        (dhcp || metadata).then(|| Self {
            nic_uuid: request.nic.nic,
            vm_uuid: request.vm,
            host_uuid: request.host,
            l3_network_uuid: request.l3.uuid,
            mac: request.nic.mac.clone(),
            ip: request.nic.ip.clone(),
            hostname: request.hostname.clone(),
            user_data: request.user_data.clone(),
            ssh_keys: (!request.ssh_keys.is_empty()).then(|| request.ssh_keys.join("\n")),
            default_route: request.nic.default_route,
            dhcp,
            metadata,
            create_date: Timestamp::now(),
        })
    }
}

pub(crate) async fn find(db: &Db, nic: Uuid) -> Result<Option<FlatNic>, DbError> {
    db.find(FlatNic::NIC_UUID, &nic).await
}

/// Records a NIC, in place of what was recorded of it before.
pub(crate) async fn put(db: &Db, nic: &FlatNic) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.delete::<FlatNic>().eq(FlatNic::NIC_UUID, &nic.nic_uuid).any();
    batch.insert(nic);
    // The host is told right after, and again when this is lost with the power.
    db.commit(batch.redone_by_its_step()).await.map(drop)
}

/// Forgets a NIC on `host`; on another host it is another's business.
pub(crate) async fn remove(db: &Db, nic: Uuid, host: Uuid) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.delete::<FlatNic>().eq(FlatNic::NIC_UUID, &nic).eq(FlatNic::HOST_UUID, &host).any();
    db.commit(batch).await.map(drop)
}

/// Forgets the NICs of a network on a host.
pub(crate) async fn remove_all(db: &Db, host: Uuid, l3: Uuid) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.delete::<FlatNic>().eq(FlatNic::HOST_UUID, &host).eq(FlatNic::L3_NETWORK_UUID, &l3).any();
    db.commit(batch).await.map(drop)
}

pub(crate) async fn served(db: &Db, host: Uuid, l3: Uuid) -> Result<Vec<FlatNic>, DbError> {
    let nics = db.select::<FlatNic>().eq(FlatNic::HOST_UUID, &host).eq(FlatNic::L3_NETWORK_UUID, &l3);
    nics.order_by(FlatNic::CREATE_DATE).all().await
}

pub(crate) async fn serves_any(db: &Db, host: Uuid, l3: Uuid) -> Result<bool, DbError> {
    let nics = db.select::<FlatNic>().eq(FlatNic::HOST_UUID, &host).eq(FlatNic::L3_NETWORK_UUID, &l3);
    Ok(nics.first().await?.is_some())
}

/// The networks of which `host` serves NICs.
pub(crate) async fn l3s_on(db: &Db, host: Uuid) -> Result<Vec<Uuid>, DbError> {
    let nics = db.select::<FlatNic>().eq(FlatNic::HOST_UUID, &host).all().await?;
    Ok(distinct(nics.iter().map(|nic| nic.l3_network_uuid)))
}

/// The hosts that serve NICs of `l3`.
pub(crate) async fn hosts_of(db: &Db, l3: Uuid) -> Result<Vec<Uuid>, DbError> {
    let nics = db.select::<FlatNic>().eq(FlatNic::L3_NETWORK_UUID, &l3).all().await?;
    Ok(distinct(nics.iter().map(|nic| nic.host_uuid)))
}

/// The name servers of `l3`, first added first.
pub(crate) async fn dns(db: &Db, l3: Uuid) -> Result<Vec<String>, DbError> {
    let rows = db.select::<L3NetworkDns>().eq(L3NetworkDns::L3_NETWORK_UUID, &l3);
    Ok(rows.order_by(L3NetworkDns::CREATE_DATE).all().await?.into_iter().map(|row| row.dns).collect())
}

/// The routes that guests of `l3` are told, first added first.
pub(crate) async fn routes(db: &Db, l3: Uuid) -> Result<Vec<L3NetworkHostRoute>, DbError> {
    let rows = db.select::<L3NetworkHostRoute>().eq(L3NetworkHostRoute::L3_NETWORK_UUID, &l3);
    rows.order_by(L3NetworkHostRoute::ID).all().await
}

fn distinct(uuids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let set: std::collections::BTreeSet<Uuid> = uuids.collect();
    set.into_iter().collect()
}

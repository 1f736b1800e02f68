//! Many VMs at a time, for the cascade.

use std::collections::{BTreeMap, BTreeSet};

use cumulo_contracts::resource::{Host, HostStatus, UsedIp, VmInstance, VmNic, VmState, Volume};
use cumulo_kernel::{
    cascade::hanging_on,
    db::{Batch, Db, DbError},
};
use cumulo_schema::{Column, Timestamp, Uuid};

/// Rows named in one statement.
pub(super) const AT_ONCE: usize = 500;

/// Where no guest is on any host.
pub(crate) const DOWN: [VmState; 3] = [VmState::Created, VmState::Stopped, VmState::Destroyed];

/// Those of `vms` whose guests are on a host, or may be.
pub(crate) async fn up_among(db: &Db, vms: &[Uuid]) -> Result<Vec<VmInstance>, DbError> {
    let mut found = named(db, vms).await?;
    found.retain(|vm| !DOWN.contains(&vm.state));
    Ok(found)
}

/// Those of `vms` that are still to be destroyed.
pub(crate) async fn not_destroyed(db: &Db, vms: &[Uuid]) -> Result<Vec<VmInstance>, DbError> {
    let mut found = named(db, vms).await?;
    found.retain(|vm| vm.state != VmState::Destroyed);
    Ok(found)
}

async fn named(db: &Db, vms: &[Uuid]) -> Result<Vec<VmInstance>, DbError> {
    let mut found = Vec::new();
    for some in vms.chunks(AT_ONCE) {
        found.extend(db.select::<VmInstance>().one_of(VmInstance::UUID, some).all().await?);
    }
    Ok(found)
}

/// Destroys those of `vms` that are down: for them it is a word on the record.
pub(crate) async fn destroy_down(db: &Db, vms: &[Uuid], expunge_after: Option<Timestamp>) -> Result<(), DbError> {
    let mut batch = db.batch();
    for some in vms.chunks(AT_ONCE) {
        batch
            .update::<VmInstance>()
            .set(VmInstance::STATE, &VmState::Destroyed)
            .set(VmInstance::EXPUNGE_AFTER, &expunge_after)
            .one_of(VmInstance::UUID, some)
            .one_of(VmInstance::STATE, &[VmState::Created, VmState::Stopped])
            .any();
    }
    db.commit(batch).await.map(drop)
}

/// Those of `hosts` that there are.
pub(crate) async fn hosts_among(db: &Db, hosts: &[Uuid]) -> Result<BTreeSet<Uuid>, DbError> {
    Ok(hanging_on(db, Host::UUID, hosts).await?.into_iter().collect())
}

/// Those of `hosts` that cannot be asked anything.
pub(crate) async fn disconnected_among(db: &Db, hosts: &[Uuid]) -> Result<Vec<Host>, DbError> {
    let mut away = Vec::new();
    for some in hosts.chunks(AT_ONCE) {
        let rows = db.select::<Host>().one_of(Host::UUID, some).ne(Host::STATUS, &HostStatus::Connected);
        away.extend(rows.all().await?);
    }
    Ok(away)
}

/// VMs with a volume on one of `storages`.
pub(crate) async fn vms_on_storages(db: &Db, storages: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let volumes = hanging_on(db, Volume::PRIMARY_STORAGE_UUID, storages).await?;
    let mut vms = BTreeSet::new();
    for some in volumes.chunks(AT_ONCE) {
        let rows = db.select::<Volume>().one_of(Volume::UUID, some).all().await?;
        vms.extend(rows.into_iter().filter_map(|volume| volume.vm_instance_uuid));
    }
    Ok(vms.into_iter().collect())
}

pub(crate) async fn nics_named(db: &Db, nics: &[Uuid]) -> Result<Vec<VmNic>, DbError> {
    let mut found = Vec::new();
    for some in nics.chunks(AT_ONCE) {
        found.extend(db.select::<VmNic>().one_of(VmNic::UUID, some).all().await?);
    }
    Ok(found)
}

/// The NICs of `vms` on other networks than `l3s`.
pub(crate) async fn nics_of(db: &Db, vms: &[Uuid], l3s: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let mut nics = Vec::new();
    for some in vms.chunks(AT_ONCE) {
        let some: Vec<Option<Uuid>> = some.iter().copied().map(Some).collect();
        let rows = db.select::<VmNic>().one_of(VmNic::VM_INSTANCE_UUID, &some).all().await?;
        let stays = |nic: &VmNic| nic.l3_network_uuid.is_none_or(|l3| !l3s.contains(&l3));
        nics.extend(rows.into_iter().filter(stays).map(|nic| nic.uuid));
    }
    Ok(nics)
}

/// The addresses of NICs in `ranges`.
pub(crate) async fn addresses_in(db: &Db, ranges: &[Uuid]) -> Result<Vec<UsedIp>, DbError> {
    let ranges: Vec<Option<Uuid>> = ranges.iter().copied().map(Some).collect();
    let mut rows = Vec::new();
    for some in ranges.chunks(AT_ONCE) {
        rows.extend(db.select::<UsedIp>().one_of(UsedIp::IP_RANGE_UUID, some).all().await?);
    }
    rows.retain(|row| row.vm_nic_uuid.is_some());
    Ok(rows)
}

/// Records that `nics` have no address.
pub(crate) async fn without_address(db: &Db, nics: &[Uuid]) -> Result<(), DbError> {
    let mut batch = db.batch();
    drop_addresses(&mut batch, nics);
    db.commit(batch).await.map(drop)
}

/// Adds to `batch` that `nics` have no address.
pub(crate) fn drop_addresses(batch: &mut Batch, nics: &[Uuid]) {
    for some in nics.chunks(AT_ONCE) {
        batch
            .update::<VmNic>()
            .set(VmNic::IP, &None::<String>)
            .set(VmNic::NETMASK, &None::<String>)
            .set(VmNic::GATEWAY, &None::<String>)
            .set(VmNic::USED_IP_UUID, &None::<Uuid>)
            .one_of(VmNic::UUID, some)
            .any();
    }
}

/// Empties `column` of `vms`.
pub(crate) async fn forget(db: &Db, column: Column<VmInstance>, vms: &[Uuid]) -> Result<(), DbError> {
    let mut batch = db.batch();
    for some in vms.chunks(AT_ONCE) {
        batch.update::<VmInstance>().set(column, &None::<Uuid>).one_of(VmInstance::UUID, some).any();
    }
    db.commit(batch).await.map(drop)
}

/// Lets the default routes of those of `vms` that went over `l3s`, where they have no NICs any more, go over the first NIC
/// that is left, if there is one.
pub(crate) async fn move_default_routes(db: &Db, vms: &[Uuid], l3s: &[Uuid]) -> Result<(), DbError> {
    let (mut left, mut moved) = (BTreeMap::new(), BTreeMap::<Option<Uuid>, Vec<Uuid>>::new());
    for some in vms.chunks(AT_ONCE) {
        let some: Vec<Option<Uuid>> = some.iter().copied().map(Some).collect();
        let nics = db.select::<VmNic>().one_of(VmNic::VM_INSTANCE_UUID, &some).order_by(VmNic::DEVICE_ID);
        for nic in nics.all().await? {
            left.entry(nic.vm_instance_uuid).or_insert(nic.l3_network_uuid);
        }
    }
    for vm in named(db, vms).await? {
        if vm.default_l3_network_uuid.is_some_and(|l3| l3s.contains(&l3)) {
            let next = left.get(&Some(vm.uuid)).copied().flatten();
            moved.entry(next).or_default().push(vm.uuid);
        }
    }
    let mut batch = db.batch();
    for (next, vms) in &moved {
        for some in vms.chunks(AT_ONCE) {
            let update = batch.update::<VmInstance>().set(VmInstance::DEFAULT_L3_NETWORK_UUID, next);
            update.one_of(VmInstance::UUID, some).any();
        }
    }
    db.commit(batch).await.map(drop)
}

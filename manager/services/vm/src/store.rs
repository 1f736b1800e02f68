//! The VM service's rows.

mod loose;
mod sets;
mod size;
mod tags;

use cumulo_contracts::{
    message::network::{IpLease, ServedNic},
    resource::{L2NetworkClusterRef, L3Network, NicState, VmInstance, VmNic, VmState},
};
use cumulo_kernel::{
    Kernel,
    db::{Batch, Db, DbError},
    ownership::{self, NewTags},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes};
pub(crate) use loose::*;
pub(crate) use sets::*;
pub(crate) use size::{resize, resize_later};
pub use tags::Tag;
pub(crate) use tags::*;

use crate::{
    cdrom::{self, NewDrive},
    key_pair, quota,
};

pub(crate) async fn find(db: &Db, vm: Uuid) -> Result<VmInstance, ErrorCode> {
    db.find(VmInstance::UUID, &vm).await?.ok_or_else(|| ErrorCode::not_found("VmInstance", vm))
}

pub(crate) async fn nic(db: &Db, nic: Uuid) -> Result<VmNic, ErrorCode> {
    find_nic(db, nic).await?.ok_or_else(|| ErrorCode::not_found("VmNic", nic))
}

pub(crate) async fn find_nic(db: &Db, nic: Uuid) -> Result<Option<VmNic>, DbError> {
    db.find(VmNic::UUID, &nic).await
}

pub(crate) async fn nics(db: &Db, vm: Uuid) -> Result<Vec<VmNic>, ErrorCode> {
    Ok(db.select::<VmNic>().eq(VmNic::VM_INSTANCE_UUID, &Some(vm)).order_by(VmNic::DEVICE_ID).all().await?)
}

/// Records a VM with its drives, its owner and tags, and what it takes of quotas. Recorded already is fine.
pub(crate) async fn insert(
    db: &Db,
    vm: &VmInstance,
    drives: &[NewDrive],
    key_pairs: &[Uuid],
    account: Uuid,
    tags: &NewTags,
) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch.insert(vm);
    key_pair::attached(&mut batch, key_pairs, vm.uuid);
    for drive in drives {
        cdrom::insert(&mut batch, &drive.row(vm.uuid), account, &NewTags::default());
    }
    ownership::created::<VmInstance>(&mut batch, vm.uuid, account, tags);
    quota::created(db, &mut batch, account, vm).await?;
    match db.commit(batch).await {
        Ok(_) | Err(DbError::Conflict { .. }) => Ok(()),
        Err(error @ DbError::Reference { .. }) => {
            Err(key_pair::gone_of(db, key_pairs).await?.unwrap_or_else(|| error.into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes the VM off the record with everything that is part of it.
pub(crate) async fn remove(kernel: &Kernel, vm: Uuid) -> Result<(), ErrorCode> {
    Ok(kernel.cascade().remove(VmInstance::META, &[vm]).await?)
}

/// Moves a VM from one of `from` to `into`; refuses when it is in another state. There already is fine.
pub(crate) async fn enter(db: &Db, vm: &VmInstance, from: &[VmState], into: VmState) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    let allowed: Vec<VmState> = from.iter().copied().chain([into]).collect();
    batch
        .update::<VmInstance>()
        .set(VmInstance::STATE, &into)
        .eq(VmInstance::UUID, &vm.uuid)
        .one_of(VmInstance::STATE, &allowed)
        .expect("the VM is in another state");
    quota::entered(db, &mut batch, vm, into).await?;
    match db.commit(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Unmet { .. }) => Err(wrong_state(&find(db, vm.uuid).await?, from)),
        Err(error) => Err(error.into()),
    }
}

/// The refusal of a VM that is in the wrong state.
pub(crate) fn wrong_state(vm: &VmInstance, allowed: &[VmState]) -> ErrorCode {
    let allowed: Vec<&str> = allowed.iter().map(|state| state.as_str()).collect();
    ErrorCode::new(
        codes::VM_STATE,
        format!("VM {}[uuid:{}] is {}; this needs it to be {}", vm.name, vm.uuid, vm.state, allowed.join(" or ")),
    )
}

/// Where a VM is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) zone: Uuid,
    pub(crate) cluster: Uuid,
    pub(crate) host: Uuid,
}

/// Records where a VM runs.
pub(crate) async fn running(db: &Db, vm: Uuid, place: Place, hypervisor: &str) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch
        .update::<VmInstance>()
        .set(VmInstance::STATE, &VmState::Running)
        .set(VmInstance::ZONE_UUID, &Some(place.zone))
        .set(VmInstance::CLUSTER_UUID, &Some(place.cluster))
        .set(VmInstance::HOST_UUID, &Some(place.host))
        .set(VmInstance::LAST_HOST_UUID, &Some(place.host))
        .set(VmInstance::HYPERVISOR_TYPE, &Some(hypervisor.to_owned()))
        .eq(VmInstance::UUID, &vm)
        .expect(format!("VM {vm} is gone"));
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records the place of a VM that does not run.
pub(crate) async fn placed(db: &Db, vm: Uuid, place: Place, hypervisor: &str) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch
        .update::<VmInstance>()
        .set(VmInstance::STATE, &VmState::Stopped)
        .set(VmInstance::ZONE_UUID, &Some(place.zone))
        .set(VmInstance::CLUSTER_UUID, &Some(place.cluster))
        .set(VmInstance::HOST_UUID, &None::<Uuid>)
        .set(VmInstance::LAST_HOST_UUID, &Some(place.host))
        .set(VmInstance::HYPERVISOR_TYPE, &Some(hypervisor.to_owned()))
        .eq(VmInstance::UUID, &vm)
        .expect(format!("VM {vm} is gone"));
    quota::came_to(&mut batch, vm, VmState::Stopped);
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records that a VM is in `state` and on no host. A size that waited for it to stop is its size from then on.
pub(crate) async fn off_host(
    db: &Db,
    vm: Uuid,
    state: VmState,
    expunge_after: Option<Timestamp>,
) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch
        .update::<VmInstance>()
        .set(VmInstance::STATE, &state)
        .set(VmInstance::HOST_UUID, &None::<Uuid>)
        .set(VmInstance::EXPUNGE_AFTER, &expunge_after)
        .eq(VmInstance::UUID, &vm)
        .expect(format!("VM {vm} is gone"));
    quota::came_to(&mut batch, vm, state);
    if state == VmState::Stopped {
        size::settle_size(db, &mut batch, vm).await?;
    }
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records a state, whatever it was.
pub(crate) async fn set_state(db: &Db, vm: Uuid, state: VmState) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch.update::<VmInstance>().set(VmInstance::STATE, &state).eq(VmInstance::UUID, &vm).any();
    quota::came_to(&mut batch, vm, state);
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records the root volume of a VM.
pub(crate) async fn set_root_volume(db: &Db, vm: Uuid, volume: Option<Uuid>) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch.update::<VmInstance>().set(VmInstance::ROOT_VOLUME_UUID, &volume).eq(VmInstance::UUID, &vm).any();
    Ok(db.commit(batch).await.map(drop)?)
}

/// The model of NICs where nobody says.
pub(crate) const MODEL: &str = "virtio";
/// Tries at a hardware address before giving up: 40 random bits collide rarely, but over millions of NICs they do.
const MAC_TRIES: u32 = 16;

/// A NIC to be recorded.
#[derive(Debug)]
pub(crate) struct NewNicRow<'a> {
    pub(crate) account: Uuid,
    /// The VM; none has it yet where absent.
    pub(crate) vm: Option<Uuid>,
    pub(crate) nic: Uuid,
    pub(crate) l3: Uuid,
    pub(crate) device_id: i32,
    /// The hardware address; made up where absent.
    pub(crate) mac: Option<&'a str>,
    /// The model; virtio where absent.
    pub(crate) model: Option<&'a str>,
    /// The tag with which the VM claims the address.
    pub(crate) claim: Option<&'a Tag>,
    /// Its own tags.
    pub(crate) tags: &'a NewTags,
}

/// Records a NIC with the address it holds. Recorded already is fine.
pub(crate) async fn insert_nic(db: &Db, new: &NewNicRow<'_>, lease: &IpLease) -> Result<(), ErrorCode> {
    let (now, nic) = (Timestamp::now(), new.nic);
    let mut row = VmNic {
        uuid: nic,
        vm_instance_uuid: new.vm,
        l3_network_uuid: Some(new.l3),
        ip: Some(lease.ip.clone()),
        mac: String::new(),
        hypervisor_type: None,
        netmask: Some(lease.netmask.clone()),
        gateway: Some(lease.gateway.clone()),
        meta_data: None,
        ip_version: Some(lease.ip_version),
        driver_type: Some(new.model.unwrap_or(MODEL).to_owned()),
        internal_name: internal_name(new.vm.unwrap_or(nic), new.device_id),
        device_id: new.device_id,
        r#type: Some("VNIC".to_owned()),
        state: NicState::Enable,
        create_date: now,
        last_op_date: now,
        used_ip_uuid: Some(lease.used_ip),
    };
    for attempt in 0..MAC_TRIES {
        row.mac = new.mac.map_or_else(|| mac(nic, attempt), str::to_owned);
        let mut batch = db.batch();
        batch.insert(&row);
        ownership::created::<VmNic>(&mut batch, nic, new.account, new.tags);
        if let Some(vm) = new.vm {
            swap_tags(&mut batch, vm, &[], new.claim.map_or(&[], std::slice::from_ref));
        }
        match db.commit(batch).await {
            Ok(_) => return Ok(()),
            Err(DbError::Conflict { .. }) if db.find(VmNic::UUID, &nic).await?.is_some() => return Ok(()),
            Err(DbError::Conflict { .. }) if new.mac.is_some() => {
                let text = format!("another NIC has the hardware address {}; choose another", row.mac);
                return Err(ErrorCode::operation(text));
            }
            Err(DbError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ErrorCode::internal(format!("no free hardware address was found for NIC {nic}")))
}

/// Records the address that a NIC has got.
pub(crate) async fn set_address(db: &Db, nic: Uuid, lease: &IpLease) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    put_address(&mut batch, nic, lease);
    Ok(db.commit(batch).await.map(drop)?)
}

/// Adds to `batch` the address that a NIC has got.
pub(crate) fn put_address(batch: &mut Batch, nic: Uuid, lease: &IpLease) {
    batch
        .update::<VmNic>()
        .set(VmNic::IP, &Some(lease.ip.clone()))
        .set(VmNic::NETMASK, &Some(lease.netmask.clone()))
        .set(VmNic::GATEWAY, &Some(lease.gateway.clone()))
        .set(VmNic::USED_IP_UUID, &Some(lease.used_ip))
        .eq(VmNic::UUID, &nic)
        .expect(format!("NIC {nic} is gone"));
}

/// What a NIC holds, as its row says.
pub(crate) fn lease_of(nic: &VmNic) -> Option<IpLease> {
    Some(IpLease {
        used_ip: nic.used_ip_uuid?,
        ip: nic.ip.clone()?,
        netmask: nic.netmask.clone()?,
        gateway: nic.gateway.clone().unwrap_or_default(),
        // No row of a NIC has it, and no NIC is written from it.
        prefix_len: 0,
        ip_version: nic.ip_version.unwrap_or(4),
    })
}

/// Takes a NIC off the record, and the claim to its address. The default route of its VM moves to the first NIC that is
/// left. Gone is fine.
pub(crate) async fn remove_nic(kernel: &Kernel, nic: Uuid, claim: Option<&Tag>) -> Result<(), ErrorCode> {
    let db = kernel.db();
    let mut batch = kernel.cascade().removal(VmNic::META, &[nic]).await?;
    if let Some(row) = db.find(VmNic::UUID, &nic).await?
        && let (Some(vm), Some(l3)) = (row.vm_instance_uuid, row.l3_network_uuid)
    {
        swap_tags(&mut batch, vm, claim.map_or(&[], std::slice::from_ref), &[]);
        move_default_route(db, &mut batch, vm, (nic, l3)).await?;
    }
    Ok(db.commit(batch).await.map(drop)?)
}

/// Adds to `batch` that the default route of `vm` goes over the first NIC that is left without this one, if it went over it.
async fn move_default_route(db: &Db, batch: &mut Batch, vm: Uuid, (nic, l3): (Uuid, Uuid)) -> Result<(), ErrorCode> {
    let left = nics(db, vm).await?.into_iter().filter(|other| other.uuid != nic);
    let next = left.filter_map(|other| other.l3_network_uuid).next();
    batch
        .update::<VmInstance>()
        .set(VmInstance::DEFAULT_L3_NETWORK_UUID, &next)
        .eq(VmInstance::UUID, &vm)
        .eq(VmInstance::DEFAULT_L3_NETWORK_UUID, &Some(l3))
        .any();
    Ok(())
}

/// Adds to `batch` that a NIC is on `l3`, with the address that it has there.
pub(crate) fn put_nic_on(batch: &mut Batch, nic: Uuid, l3: Uuid, lease: Option<&IpLease>) {
    batch
        .update::<VmNic>()
        .set(VmNic::L3_NETWORK_UUID, &Some(l3))
        .set_some(VmNic::IP_VERSION, lease.map(|lease| Some(lease.ip_version)).as_ref())
        .eq(VmNic::UUID, &nic)
        .expect(format!("NIC {nic} is gone"));
    match lease {
        Some(lease) => put_address(batch, nic, lease),
        None => drop_addresses(batch, &[nic]),
    }
}

/// Records the model of network card that a NIC is.
pub(crate) async fn set_model(db: &Db, nic: Uuid, model: String) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch
        .update::<VmNic>()
        .set(VmNic::DRIVER_TYPE, &Some(model))
        .eq(VmNic::UUID, &nic)
        .expect(format!("NIC {nic} is gone"));
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records whether a NIC is switched on.
pub(crate) async fn set_nic_state(db: &Db, nic: Uuid, state: NicState) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    batch.update::<VmNic>().set(VmNic::STATE, &state).eq(VmNic::UUID, &nic).expect(format!("NIC {nic} is gone"));
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records the L3 network whose gateway and name servers a VM uses.
pub(crate) async fn set_default_l3(db: &Db, vm: Uuid, l3: Uuid) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    put_default_l3(&mut batch, vm, l3);
    Ok(db.commit(batch).await.map(drop)?)
}

/// As [`set_default_l3`], in a batch.
pub(crate) fn put_default_l3(batch: &mut Batch, vm: Uuid, l3: Uuid) {
    batch
        .update::<VmInstance>()
        .set(VmInstance::DEFAULT_L3_NETWORK_UUID, &Some(l3))
        .eq(VmInstance::UUID, &vm)
        .expect(format!("VM {vm} is gone"));
}

/// Whether the L2 network of `l3` is attached to `cluster`.
pub(crate) async fn l3_in_cluster(db: &Db, l3: &L3Network, cluster: Uuid) -> Result<bool, ErrorCode> {
    let attached = db
        .select::<L2NetworkClusterRef>()
        .eq(L2NetworkClusterRef::L2_NETWORK_UUID, &l3.l2_network_uuid)
        .eq(L2NetworkClusterRef::CLUSTER_UUID, &cluster);
    Ok(attached.first().await?.is_some())
}

/// `fa:` is a locally administered unicast prefix, the one that ZStack uses.
fn mac(nic: Uuid, attempt: u32) -> String {
    let seed = nic.derive(&format!("mac/{attempt}"));
    let bytes = seed.as_bytes();
    format!("fa:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4])
}

/// At most 15 characters, which is what the kernel allows.
fn internal_name(vm: Uuid, device_id: i32) -> String {
    format!("vn{}.{device_id}", &vm.to_string()[..9])
}

/// A recorded NIC, as network services need it.
pub(crate) fn served(nic: &VmNic, default_l3: Option<Uuid>) -> Option<ServedNic> {
    let l3 = nic.l3_network_uuid?;
    Some(ServedNic {
        nic: nic.uuid,
        l3,
        mac: nic.mac.clone(),
        ip: nic.ip.clone()?,
        default_route: default_l3.is_none_or(|default| default == l3),
    })
}

/// VMs in `state` whose time to be expunged has come.
pub(crate) async fn to_expunge(db: &Db, now: Timestamp) -> Result<Vec<VmInstance>, ErrorCode> {
    Ok(db
        .select::<VmInstance>()
        .eq(VmInstance::STATE, &VmState::Destroyed)
        .at_most(VmInstance::EXPUNGE_AFTER, now.0)
        .limit(256)
        .all()
        .await?)
}

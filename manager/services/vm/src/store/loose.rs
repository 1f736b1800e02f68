//! NICs that belong to no VM.

use cumulo_contracts::{message::network::IpLease, resource::VmNic};
use cumulo_kernel::{
    Kernel,
    db::{Batch, Db, DbError},
};
use cumulo_schema::{ErrorCode, Resource, Uuid, system::AccountResourceRef};

use super::{drop_addresses, find_nic, internal_name, move_default_route, nics_named, put_address, put_default_l3};

/// Those of `nics` that belong to no VM.
pub(crate) async fn loose_among(db: &Db, nics: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let rows = nics_named(db, nics).await?;
    Ok(rows.into_iter().filter(|nic| nic.vm_instance_uuid.is_none()).map(|nic| nic.uuid).collect())
}

/// The refusal of a NIC that is not to be had.
pub(crate) fn not_loose(nic: &VmNic) -> ErrorCode {
    let by = nic.vm_instance_uuid.map_or_else(|| "another VM".to_owned(), |vm| format!("VM {vm}"));
    ErrorCode::operation(format!("NIC {} belongs to {by}; detach it there, and make another one here", nic.uuid))
}

/// What a loose NIC becomes of a VM.
#[derive(Debug)]
pub(crate) struct Adoption<'a> {
    pub(crate) vm: Uuid,
    /// The owner of the VM, who owns its NICs.
    pub(crate) account: Uuid,
    pub(crate) device_id: i32,
    pub(crate) lease: &'a IpLease,
    /// Whether the default route is to go over it.
    pub(crate) is_default: bool,
}

/// Records that a loose NIC belongs to a VM. It does already: fine.
pub(crate) async fn adopt_nic(db: &Db, nic: &VmNic, by: &Adoption<'_>) -> Result<(), ErrorCode> {
    if nic.vm_instance_uuid == Some(by.vm) {
        return Ok(());
    }
    let mut batch = db.batch();
    batch
        .update::<VmNic>()
        .set(VmNic::VM_INSTANCE_UUID, &Some(by.vm))
        .set(VmNic::DEVICE_ID, &by.device_id)
        .set(VmNic::INTERNAL_NAME, &internal_name(by.vm, by.device_id))
        .eq(VmNic::UUID, &nic.uuid)
        .eq(VmNic::VM_INSTANCE_UUID, &None::<Uuid>)
        .expect_or(not_loose(nic));
    put_address(&mut batch, nic.uuid, by.lease);
    own_nic(&mut batch, nic.uuid, by.account);
    if let (true, Some(l3)) = (by.is_default, nic.l3_network_uuid) {
        put_default_l3(&mut batch, by.vm, l3);
    }
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records that a NIC belongs to `vm` no more, but to `account` again. It does not: fine. Without `addressed` its address
/// goes, too.
pub(crate) async fn let_go_of_nic(
    db: &Db,
    nic: Uuid,
    vm: Uuid,
    account: Uuid,
    addressed: bool,
) -> Result<(), ErrorCode> {
    let Some(row) = find_nic(db, nic).await?.filter(|row| row.vm_instance_uuid == Some(vm)) else { return Ok(()) };
    let mut batch = db.batch();
    batch
        .update::<VmNic>()
        .set(VmNic::VM_INSTANCE_UUID, &None::<Uuid>)
        .set(VmNic::DEVICE_ID, &0)
        .set(VmNic::INTERNAL_NAME, &internal_name(nic, 0))
        .eq(VmNic::UUID, &nic)
        .any();
    if !addressed {
        drop_addresses(&mut batch, &[nic]);
    }
    own_nic(&mut batch, nic, account);
    if let Some(l3) = row.l3_network_uuid {
        move_default_route(db, &mut batch, vm, (nic, l3)).await?;
    }
    Ok(db.commit(batch).await.map(drop)?)
}

fn own_nic(batch: &mut Batch, nic: Uuid, account: Uuid) {
    batch
        .update::<AccountResourceRef>()
        .set(AccountResourceRef::ACCOUNT_UUID, &account)
        .eq(AccountResourceRef::RESOURCE_UUID, &nic)
        .any();
}

/// Takes a loose NIC off the record, and its address with it: in one batch, so that no VM gets it meanwhile.
pub(crate) async fn remove_loose(kernel: &Kernel, nic: &VmNic) -> Result<(), ErrorCode> {
    let db = kernel.db();
    let mut batch = db.batch();
    batch
        .delete::<VmNic>()
        .eq(VmNic::UUID, &nic.uuid)
        .eq(VmNic::VM_INSTANCE_UUID, &None::<Uuid>)
        .expect("the NIC belongs to a VM");
    batch.append(kernel.cascade().removal(VmNic::META, &[nic.uuid]).await?);
    match db.commit(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Unmet { .. }) => Err(not_loose(&super::nic(db, nic.uuid).await?)),
        Err(error) => Err(error.into()),
    }
}

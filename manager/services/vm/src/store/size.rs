//! How large a VM is, and how large it will be once it has stopped.
//!
//! A VM that runs goes on with what its host and its account's quotas hold for it. What it is to have instead waits in an
//! inherent system tag, the one that clients know, and is taken over in the write that records it as stopped.

use cumulo_contracts::resource::{InstanceOffering, VmInstance};
use cumulo_kernel::{
    db::{Batch, Db, DbError},
    ownership,
};
use cumulo_schema::{ErrorCode, Resource, Uuid, system::SystemTag};

use super::{swap_tags, tags_of};
use crate::tags::PENDING;

/// Records the size of a VM that is down.
pub(crate) async fn resize(db: &Db, vm: &VmInstance, offering: &InstanceOffering) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    put_offering(&mut batch, vm, offering);
    batch
        .update::<VmInstance>()
        .set(VmInstance::CPU_NUM, &offering.cpu_num)
        .set(VmInstance::CPU_SPEED, &i64::from(offering.cpu_speed))
        .set(VmInstance::MEMORY_SIZE, &offering.memory_size)
        .eq(VmInstance::UUID, &vm.uuid)
        .any();
    Ok(db.commit(batch).await.map(drop)?)
}

/// Records the size that a VM that is up will have once it has stopped.
pub(crate) async fn resize_later(
    db: &Db,
    vm: &VmInstance,
    offering: &InstanceOffering,
    tag: Uuid,
) -> Result<(), ErrorCode> {
    let mut before = tags_of(db, vm.uuid, &PENDING).await?;
    before.retain(|old| old.uuid != tag);
    let text = PENDING.instantiate(&[
        ("cpuNum", &offering.cpu_num.to_string()),
        ("cpuSpeed", &offering.cpu_speed.to_string()),
        ("memory", &offering.memory_size.to_string()),
    ]);
    let mut batch = db.batch();
    put_offering(&mut batch, vm, offering);
    swap_tags(&mut batch, vm.uuid, &before, &[]);
    batch.delete::<SystemTag>().eq(SystemTag::UUID, &tag).any();
    batch.insert(&SystemTag { uuid: tag, ..ownership::system_tag(VmInstance::META.vo, vm.uuid, &text, true) });
    Ok(db.commit(batch).await.map(drop)?)
}

/// Adds to `batch` the offering that a VM is of from now on, if it still is in the state in which that was decided.
fn put_offering(batch: &mut Batch, vm: &VmInstance, offering: &InstanceOffering) {
    let moved = format!("VM {}[uuid:{}] is no longer {}; try again", vm.name, vm.uuid, vm.state);
    batch
        .update::<VmInstance>()
        .set(VmInstance::INSTANCE_OFFERING_UUID, &Some(offering.uuid))
        .set(VmInstance::RESERVED_MEMORY_SIZE, &Some(offering.reserved_memory_size))
        .set(VmInstance::ALLOCATOR_STRATEGY, &Some(offering.allocator_strategy.clone()))
        .eq(VmInstance::UUID, &vm.uuid)
        .eq(VmInstance::STATE, &vm.state)
        .expect_or(ErrorCode::operation(moved));
}

/// Adds to `batch`, which records a VM as stopped, the size that waited for that.
pub(super) async fn settle_size(db: &Db, batch: &mut Batch, vm: Uuid) -> Result<(), DbError> {
    let waiting = tags_of(db, vm, &PENDING).await?;
    let Some(tokens) = waiting.last().and_then(|tag| PENDING.tokens(&tag.text)) else { return Ok(()) };
    let number = |name: &str| tokens.get(name).and_then(|text| text.parse::<i64>().ok());
    if let (Some(cpu_num), Some(cpu_speed), Some(memory)) = (number("cpuNum"), number("cpuSpeed"), number("memory")) {
        batch
            .update::<VmInstance>()
            .set(VmInstance::CPU_NUM, &i32::try_from(cpu_num).unwrap_or(i32::MAX))
            .set(VmInstance::CPU_SPEED, &cpu_speed)
            .set(VmInstance::MEMORY_SIZE, &memory)
            .eq(VmInstance::UUID, &vm)
            .any();
    }
    swap_tags(batch, vm, &waiting, &[]);
    Ok(())
}

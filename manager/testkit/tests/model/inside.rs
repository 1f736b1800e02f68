//! What must be true inside of a node, of rows that no query shows and of hosts that are not asked: whatever the model
//! says, this holds.

use cumulo_contracts::resource::{Image, UsedIp, VmInstance, VmNic, VmState, Volume};
use cumulo_kernel::{Kernel, db::Db, quota::QuotaClaim};
use cumulo_plugin_simulator::{Power, SimulatorFile, SimulatorVm};
use cumulo_schema::{
    Resource,
    system::{AccountResourceRef, GarbageCollector, GcStatus, Quota},
};

/// The first thing that is wrong, if anything is.
pub(crate) async fn wrong(kernel: &Kernel) -> Option<String> {
    let db = kernel.db();
    let running = kernel.flows().running_count();
    let flows = (running > 0).then(|| format!("{running} flows run, and no call is under way"));
    let owed = db.select::<GarbageCollector>().ne(GarbageCollector::STATUS, &GcStatus::Done).count().await;
    let owed = owed.expect("readable");
    let debts = (owed > 0).then(|| format!("{owed} debts are left"));
    let rows = [guests(db).await, files(db).await, addresses(db).await, quotas(db).await, owners(db).await];
    flows.or(debts).or(rows.into_iter().flatten().next())
}

async fn all<R: Resource>(db: &Db) -> Vec<R> {
    db.select::<R>().all().await.expect("readable")
}

/// Guests on simulated hosts are the VMs that are up, where they are said to be.
async fn guests(db: &Db) -> Option<String> {
    let mut is: Vec<String> = all::<SimulatorVm>(db)
        .await
        .into_iter()
        .map(|guest| format!("{} on {} paused: {}", guest.vm_uuid, guest.host_uuid, guest.power == Power::Paused))
        .collect();
    let up = |vm: &VmInstance| matches!(vm.state, VmState::Running | VmState::Paused);
    let mut due: Vec<String> = all::<VmInstance>(db)
        .await
        .into_iter()
        .filter(up)
        .map(|vm| {
            let host = vm.host_uuid.map_or_else(|| "no host".to_owned(), |host| host.to_string());
            format!("{} on {host} paused: {}", vm.uuid, vm.state == VmState::Paused)
        })
        .collect();
    is.sort();
    due.sort();
    (is != due).then(|| format!("guests are {is:?}, and VMs {due:?}"))
}

/// Each volume and each image has its file, and there are no others.
async fn files(db: &Db) -> Option<String> {
    let mut is: Vec<String> =
        all::<SimulatorFile>(db).await.into_iter().map(|file| file.resource_uuid.to_string()).collect();
    let volumes = all::<Volume>(db).await.into_iter().map(|volume| volume.uuid.to_string());
    let images = all::<Image>(db).await.into_iter().map(|image| image.uuid.to_string());
    let mut due: Vec<String> = volumes.chain(images).collect();
    is.sort();
    due.sort();
    (is != due).then(|| format!("there are files of {is:?}, and volumes and images {due:?}"))
}

/// Each address that is held is that of one NIC, which says so.
async fn addresses(db: &Db) -> Option<String> {
    let mut is: Vec<String> = all::<UsedIp>(db)
        .await
        .into_iter()
        .map(|held| format!("{:?} has {} on {}", held.vm_nic_uuid, held.ip, held.l3_network_uuid))
        .collect();
    let mut due: Vec<String> = all::<VmNic>(db)
        .await
        .into_iter()
        .filter_map(|nic| Some(format!("{:?} has {} on {}", Some(nic.uuid), nic.ip?, nic.l3_network_uuid?)))
        .collect();
    is.sort();
    due.sort();
    (is != due).then(|| format!("addresses are held: {is:?}, and NICs say {due:?}"))
}

/// What is taken of a quota is what is claimed of it.
async fn quotas(db: &Db) -> Option<String> {
    let claims = all::<QuotaClaim>(db).await;
    let taken = |quota: &Quota| quota.value - quota.free;
    let claimed = |quota: &Quota| -> i64 {
        claims.iter().filter(|claim| claim.quota_uuid == quota.uuid).map(|claim| claim.amount).sum()
    };
    let quotas = all::<Quota>(db).await;
    let wrong = quotas.iter().find(|quota| taken(quota) != claimed(quota));
    wrong.map(|quota| format!("of {} {} is taken and {} claimed", quota.name, taken(quota), claimed(quota)))
}

/// VMs have one owner each, and no owner has a VM that is gone.
async fn owners(db: &Db) -> Option<String> {
    let owners = all::<AccountResourceRef>(db).await;
    let owned = owners.into_iter().filter(|owner| owner.resource_type == VmInstance::META.vo);
    let mut is: Vec<String> = owned.map(|owner| owner.resource_uuid.to_string()).collect();
    let mut due: Vec<String> = all::<VmInstance>(db).await.into_iter().map(|vm| vm.uuid.to_string()).collect();
    is.sort();
    due.sort();
    (is != due).then(|| format!("owned are {is:?}, and VMs {due:?}"))
}

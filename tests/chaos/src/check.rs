//! What must be true of a quiet cloud, whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use cumulo_contracts::resource::{ImageStatus, VmInstance, VmState, VolumeStatus};
use cumulo_schema::{Resource, Uuid};

use crate::{
    found::{COUNTED, GuestPower},
    load::Vm,
    outcome::Finding,
    world::World,
};

/// Everything that does not hold of `now`. `before` is the world without a VM, `known` what the clients know of theirs.
pub(crate) fn all(before: &World, now: &World, known: &[&Vm]) -> Vec<Finding> {
    let mut found = Vec::new();
    states(now, &mut found);
    guests(now, &mut found);
    files(now, &mut found);
    addresses(now, &mut found);
    parts(now, &mut found);
    host_capacity(before, now, &mut found);
    storage_capacity(before, now, &mut found);
    quotas(now, &mut found);
    vms(now, known, &mut found);
    commands(now, known, &mut found);
    executions(now, &mut found);
    found
}

/// A VM that is up, as its host and its account count it.
fn is_up(vm: &VmInstance) -> bool {
    matches!(vm.state, VmState::Running | VmState::Paused)
}

/// Nothing is on its way.
fn states(now: &World, found: &mut Vec<Finding>) {
    let rest = [VmState::Running, VmState::Paused, VmState::Stopped, VmState::Destroyed];
    for vm in now.vms.iter().filter(|vm| !rest.contains(&vm.state)) {
        found.push(Finding::lost(format!("VM {} stays {}", vm.uuid, vm.state)));
    }
    for volume in now.volumes.iter().filter(|volume| volume.status != VolumeStatus::Ready) {
        found.push(Finding::lost(format!("volume {} stays {}", volume.uuid, volume.status)));
    }
    for image in now.images.iter().filter(|image| image.status != ImageStatus::Ready) {
        found.push(Finding::lost(format!("image {} stays {}", image.uuid, image.status)));
    }
}

/// What runs is recorded as running there, and the other way round.
fn guests(now: &World, found: &mut Vec<Finding>) {
    for guest in &now.found.guests {
        let (uuid, host) = (guest.vm, guest.host);
        match now.vm(uuid) {
            // What a host knows of a VM that is off stays until it is started anew or expunged.
            Some(vm) if guest.power == GuestPower::Off && !is_up(vm) => {}
            None => found.push(Finding::leaked(format!("{uuid} is on host {host} and no VM"))),
            Some(vm) if !is_up(vm) => {
                found.push(Finding::leaked(format!("VM {uuid} is {} and on host {host}", vm.state)));
            }
            Some(vm) if vm.host_uuid != Some(host) => {
                found.push(Finding::doubled(format!("VM {uuid} is on host {host} and recorded on {:?}", vm.host_uuid)));
            }
            Some(vm) => {
                let is = if vm.state == VmState::Paused { GuestPower::Paused } else { GuestPower::Running };
                if guest.power != is {
                    found.push(Finding::lost(format!("VM {uuid} is {} and its guest {:?}", vm.state, guest.power)));
                }
            }
        }
    }
    for vm in now.vms.iter().filter(|vm| is_up(vm)) {
        if !now.found.guests.iter().any(|guest| guest.vm == vm.uuid) {
            found.push(Finding::lost(format!("VM {} is {} and on no host", vm.uuid, vm.state)));
        }
    }
}

/// Every volume has its file, and every file is of something.
fn files(now: &World, found: &mut Vec<Finding>) {
    for file in &now.found.files {
        let is_of = |uuid: Uuid| file.of == Some(uuid);
        if !now.volumes.iter().any(|volume| is_of(volume.uuid)) && !now.images.iter().any(|image| is_of(image.uuid)) {
            found.push(Finding::leaked(format!("file {} is of nothing that is recorded", file.path)));
        }
    }
    for volume in &now.volumes {
        let copies = now.found.files.iter().filter(|file| file.of == Some(volume.uuid));
        let places: Vec<Uuid> = copies.map(|file| file.place).collect();
        match places.len() {
            0 => found.push(Finding::lost(format!("volume {} has no file", volume.uuid))),
            1 => {}
            copies => found.push(Finding::doubled(format!("volume {} has {copies} files", volume.uuid))),
        }
    }
    for row in &now.placed {
        let is_there = |file: &crate::found::File| file.of == Some(row.resource_uuid) && file.place == row.host_uuid;
        if !now.found.files.iter().any(is_there) {
            let (uuid, host) = (row.resource_uuid, row.host_uuid);
            found.push(Finding::lost(format!("{uuid} is recorded on host {host} and has no file there")));
        }
    }
    for disk in &now.found.disks {
        let used: i64 = now.found.files.iter().filter(|file| file.place == disk.uuid).map(|file| file.size).sum();
        if used != disk.used {
            found.push(Finding::leaked(format!("files on disk {} take {used} and {} is used", disk.uuid, disk.used)));
        }
    }
}

/// No address and no hardware address twice, and each address with its NIC.
fn addresses(now: &World, found: &mut Vec<Finding>) {
    let (mut ips, mut macs) = (BTreeSet::new(), BTreeSet::new());
    for nic in &now.nics {
        if !macs.insert(&nic.mac) {
            found.push(Finding::doubled(format!("hardware address {} is that of two NICs", nic.mac)));
        }
        if nic.ip.is_none() || !ips.insert((nic.l3_network_uuid, &nic.ip)) {
            found.push(Finding::doubled(format!("address {:?} of NIC {} is none or another's", nic.ip, nic.uuid)));
        }
        let held = now.addresses.iter().filter(|address| address.vm_nic_uuid == Some(nic.uuid));
        let held: Vec<&String> = held.map(|address| &address.ip).collect();
        if held.iter().map(|ip| Some(*ip)).collect::<Vec<_>>() != [nic.ip.as_ref()] {
            found.push(Finding::lost(format!("NIC {} has {:?} and holds {held:?}", nic.uuid, nic.ip)));
        }
    }
    for address in &now.addresses {
        let is_held = match address.vm_nic_uuid {
            Some(nic) => now.nics.iter().any(|row| row.uuid == nic),
            // A DHCP server's.
            None => address.used_for.is_some(),
        };
        if !is_held {
            found.push(Finding::leaked(format!("address {} is held by nothing", address.ip)));
        }
    }
}

/// What belongs to a VM goes with it.
fn parts(now: &World, found: &mut Vec<Finding>) {
    let vms: BTreeSet<String> = now.vms.iter().map(|vm| vm.uuid.to_string()).collect();
    let is_there = |vm: Option<Uuid>| vm.is_some_and(|vm| vms.contains(&vm.to_string()));
    for nic in now.nics.iter().filter(|nic| !is_there(nic.vm_instance_uuid)) {
        found.push(Finding::leaked(format!("NIC {} is of no VM", nic.uuid)));
    }
    for volume in now.volumes.iter().filter(|volume| !is_there(volume.vm_instance_uuid)) {
        found.push(Finding::leaked(format!("volume {} is of no VM", volume.uuid)));
    }
    for tag in now.tags.iter().filter(|tag| tag.resource_type == VmInstance::META.vo) {
        if !is_there(Some(tag.resource_uuid)) {
            found.push(Finding::leaked(format!("tag {} is on VM {}, which there is not", tag.tag, tag.resource_uuid)));
        }
    }
    let mut owned: BTreeMap<String, usize> = BTreeMap::new();
    for owner in now.owners.iter().filter(|owner| owner.resource_type == VmInstance::META.vo) {
        *owned.entry(owner.resource_uuid.to_string()).or_default() += 1;
    }
    for vm in owned.keys().filter(|vm| !vms.contains(*vm)) {
        found.push(Finding::leaked(format!("VM {vm} has an owner and is not there")));
    }
    for vm in &vms {
        match owned.get(vm) {
            Some(1) => {}
            Some(owners) => found.push(Finding::doubled(format!("VM {vm} has {owners} owners"))),
            None => found.push(Finding::lost(format!("VM {vm} has no owner"))),
        }
    }
}

/// What is taken of hosts is what VMs that are up take.
fn host_capacity(before: &World, now: &World, found: &mut Vec<Finding>) {
    for host in &now.hosts {
        let Some(empty) = before.hosts.iter().find(|empty| empty.uuid == host.uuid) else { continue };
        let on: Vec<_> = now.vms.iter().filter(|vm| is_up(vm) && vm.host_uuid == Some(host.uuid)).collect();
        let cpus = on.iter().map(|vm| i64::from(vm.cpu_num)).sum();
        let memory = on.iter().map(|vm| vm.memory_size).sum();
        let vms = on.iter().map(|_| 1).sum();
        let taken = [
            ("processors", cpus, empty.available_cpu_capacity - host.available_cpu_capacity),
            ("memory", memory, empty.available_memory_capacity - host.available_memory_capacity),
            ("VMs", vms, host.vms),
        ];
        counted(&format!("host {}", host.name), &taken, found);
    }
}

/// What is taken of storages is what volumes take.
fn storage_capacity(before: &World, now: &World, found: &mut Vec<Finding>) {
    for storage in &now.storages {
        let Some(empty) = before.storages.iter().find(|empty| empty.uuid == storage.uuid) else { continue };
        let volumes = now.volumes.iter().filter(|volume| volume.primary_storage_uuid == Some(storage.uuid));
        let taken =
            [("space", volumes.map(|volume| volume.size).sum(), empty.available_capacity - storage.available_capacity)];
        counted(&format!("storage {}", storage.name), &taken, found);
    }
}

/// What is taken of quotas is what is claimed, and what VMs claim is what they are.
fn quotas(now: &World, found: &mut Vec<Finding>) {
    for quota in &now.quotas {
        let claims = now.claims.iter().filter(|claim| claim.quota_uuid == quota.uuid);
        let claimed: i64 = claims.map(|claim| claim.amount).sum();
        let mut taken = vec![("what is claimed", claimed, quota.value - quota.free)];
        // The clients' account is the only one that has quotas.
        let due = |of: fn(&VmInstance) -> bool, amount: fn(&VmInstance) -> i64| {
            now.vms.iter().filter(|vm| of(vm)).map(amount).sum::<i64>()
        };
        match quota.name.as_str() {
            "vm.totalNum" => taken.push(("VMs", due(|vm| vm.state != VmState::Destroyed, |_| 1), claimed)),
            "vm.num" => taken.push(("VMs that are up", due(is_up, |_| 1), claimed)),
            "vm.cpuNum" => taken.push(("processors", due(is_up, |vm| i64::from(vm.cpu_num)), claimed)),
            "vm.memorySize" => taken.push(("memory", due(is_up, |vm| vm.memory_size), claimed)),
            _ => {}
        }
        counted(&format!("quota {}", quota.name), &taken, found);
    }
}

/// Each of `amounts` is what there is and what is counted of it.
fn counted(of: &str, amounts: &[(&str, i64, i64)], found: &mut Vec<Finding>) {
    for (what, is, counted) in amounts {
        if counted > is {
            found.push(Finding::leaked(format!("{of}: {what} amount to {is}, and {counted} is taken")));
        } else if counted < is {
            found.push(Finding::lost(format!("{of}: {what} amount to {is}, and only {counted} is taken")));
        }
    }
}

/// There is no VM that nobody asked for.
fn vms(now: &World, known: &[&Vm], found: &mut Vec<Finding>) {
    for vm in &now.vms {
        if !known.iter().any(|known| known.uuid == vm.uuid) {
            found.push(Finding::doubled(format!("VM {} ({}) is nobody's", vm.name, vm.uuid)));
        }
    }
}

/// A host was given each command once for each call, whoever works on the call how often.
fn commands(now: &World, known: &[&Vm], found: &mut Vec<Finding>) {
    for vm in known.iter().filter(|vm| vm.is_known && now.vm(vm.uuid).is_some()) {
        for (command, _) in COUNTED {
            let given = now.found.given.iter().filter(|task| task.vm == vm.uuid && task.command == command).count();
            let due = vm.commands.get(command).copied().unwrap_or_default();
            let text = || format!("VM {}: {given} × {command} for {} calls that were done", vm.uuid, due.sure);
            if given < due.sure {
                found.push(Finding::lost(text()));
            } else if given > due.sure + due.maybe {
                found.push(Finding::doubled(format!("{} and {} that failed", text(), due.maybe)));
            }
        }
    }
}

/// An agent did each task once, in the order of the epochs of what it is about. One that dies in the middle of a task begins it
/// again, but not after it told what came of it.
fn executions(now: &World, found: &mut Vec<Finding>) {
    let (mut tasks, mut epochs) = (BTreeMap::new(), BTreeMap::new());
    for execution in &now.found.executions {
        let (agent, task, command) = (&execution.agent, &execution.task, &execution.command);
        if let Some(last) = tasks.insert((agent, task), execution)
            && (last.life == execution.life || last.is_told)
        {
            found.push(Finding::doubled(format!("agent {agent} did {command} twice as task {task}")));
        }
        let newest = epochs.entry((agent, &execution.key)).or_insert(execution.epoch);
        if execution.epoch < *newest {
            let (epoch, key) = (execution.epoch, &execution.key);
            found.push(Finding::doubled(format!(
                "agent {agent} did {command} for {key} in epoch {epoch} after {newest}"
            )));
        }
        *newest = execution.epoch.max(*newest);
    }
}

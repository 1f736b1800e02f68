//! What queries have to find where there is such a cloud: for each thing the lines of a scenario that say so.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cloud::{Cloud, GIB, Size, State, VOLUMES, Vm},
    op::{Id, Kind, Switch},
};

/// Of what queries find how many there are in all, with the kinds that the model counts.
const COUNTED: [(&str, Kind); 13] = [
    ("QueryZone", Kind::Zone),
    ("QueryCluster", Kind::Cluster),
    ("QueryHost", Kind::Host),
    ("QueryPrimaryStorage", Kind::Primary),
    ("QueryBackupStorage", Kind::Backup),
    ("QueryImage", Kind::Image),
    ("QueryInstanceOffering", Kind::Offering),
    ("QueryL2Network", Kind::L2),
    ("QueryL3Network", Kind::L3),
    ("QueryIpRange", Kind::Range),
    ("QueryVmInstance", Kind::Vm),
    ("QueryVolume", Kind::Vm),
    ("QueryUserTag", Kind::Tag),
];

/// What is found of something; of no particular thing, how many there are.
pub(crate) type Facts = BTreeMap<Option<Id>, Vec<String>>;

/// The query for things of `kind`.
pub(crate) fn query(kind: Kind) -> &'static str {
    let of = COUNTED.iter().find(|(_, counted)| *counted == kind);
    of.map_or("QueryAccount", |(query, _)| query)
}

/// The word for a state on the wire.
pub(crate) fn word(cloud: &Cloud, id: Id) -> Option<String> {
    match id.0 {
        Kind::Range | Kind::Tag | Kind::Account | Kind::L2 => None,
        Kind::Vm => cloud.vms.get(&id).map(|vm| format!("{:?}", vm.state)),
        _ => Some(
            match cloud.state(id) {
                Switch::Enable => "Enabled",
                Switch::Disable => "Disabled",
                Switch::Maintain => "Maintenance",
            }
            .to_owned(),
        ),
    }
}

/// An address on an L3 network.
pub(crate) fn address(l3: Id, ip: u32) -> String {
    format!("10.{}.0.{ip}", l3.1)
}

fn or_null(id: Option<Id>) -> String {
    id.map_or_else(|| "null".to_owned(), |id| format!("${id}"))
}

/// All of them.
pub(crate) fn facts(cloud: &Cloud) -> Facts {
    let mut facts: Facts = cloud.made.iter().map(|id| (Some(*id), of(cloud, *id))).collect();
    facts.insert(None, counts(cloud));
    facts
}

fn counts(cloud: &Cloud) -> Vec<String> {
    let there = |kind| cloud.made.iter().filter(|id| id.0 == kind && cloud.there(**id)).count();
    let mut lines: Vec<String> = COUNTED.iter().map(|(query, kind)| format!("= {} {query}", there(*kind))).collect();
    let nics = || cloud.vms.values().flat_map(|vm| vm.nics.values());
    lines.push(format!("= {} QueryVmNic", nics().count()));
    lines.push(format!("= {} QueryIpAddress", nics().filter(|nic| nic.ip.is_some()).count()));
    for (state, name) in [(State::Running, "Running"), (State::Paused, "Paused")] {
        let so_many = cloud.vms.values().filter(|vm| vm.state == state).count();
        lines.push(format!("= {so_many} QueryVmInstance state={name}"));
    }
    lines
}

fn of(cloud: &Cloud, id: Id) -> Vec<String> {
    let query = query(id.0);
    if !cloud.there(id) {
        return vec![format!("= 0 {query} uuid=${id}")];
    }
    let mut line = format!("= 1 {query} uuid=${id}");
    let mut add = |text: String| line.push_str(&text);
    if id.0 != Kind::Tag {
        add(format!(" name={}", cloud.name(id)));
    }
    if let Some(state) = word(cloud, id) {
        add(format!(" state={state}"));
    }
    match id.0 {
        Kind::Zone | Kind::Account => {}
        Kind::Cluster => add(format!(" zoneUuid=${}", cloud.clusters[&id])),
        Kind::Host => {
            let Size { cpus, memory } = cloud.left(id);
            add(format!(" status=Connected clusterUuid=${}", cloud.hosts[&id].cluster));
            add(format!(" availableCpuCapacity={cpus} availableMemoryCapacity={}", memory * GIB));
        }
        Kind::Primary => {
            add(format!(" status=Connected zoneUuid=${}", cloud.primaries[&id].zone));
            add(format!(" availableCapacity={}", space(cloud.volumes(id))));
        }
        Kind::Backup => add(" status=Connected".to_owned()),
        Kind::Image => {
            let image = &cloud.images[&id];
            let status = if image.is_deleted { "Deleted" } else { "Ready" };
            add(format!(" status={status} backupStorageRefs.backupStorageUuid=${}", image.backup));
        }
        Kind::Offering => {
            let Size { cpus, memory } = cloud.offerings[&id];
            add(format!(" cpuNum={cpus} memorySize={}", memory * GIB));
        }
        Kind::L2 => add(format!(" physicalInterface=eth{}", cloud.l2s[&id].interface)),
        Kind::L3 => add(format!(" l2NetworkUuid=${}", cloud.l3s[&id])),
        Kind::Range => add(format!(" l3NetworkUuid=${}", cloud.ranges[&id].l3)),
        Kind::Vm => add(vm(&cloud.vms[&id])),
        Kind::Tag => add(format!(" resourceUuid=${} tag=tag{}", cloud.tags[&id].on, cloud.tags[&id].text)),
    }
    let mut lines = vec![line];
    match id.0 {
        Kind::Primary => lines.extend(joined(id, "cluster", &cloud.primaries[&id].clusters, cloud.clusters.keys())),
        Kind::L2 => lines.extend(joined(id, "cluster", &cloud.l2s[&id].clusters, cloud.clusters.keys())),
        Kind::Backup => lines.extend(joined(id, "zone", &cloud.backups[&id], cloud.zones.iter())),
        Kind::L3 => {
            let held =
                cloud.vms.values().flat_map(|vm| vm.nics.values()).filter(|nic| nic.l3 == id && nic.ip.is_some());
            lines.push(format!("= {} QueryIpAddress l3NetworkUuid=${id}", held.count()));
        }
        Kind::Vm => lines.extend(parts(id, &cloud.vms[&id])),
        _ => {}
    }
    lines
}

/// What a primary storage has left: a volume takes a GiB of it, and it keeps one free, and room for an image.
fn space(volumes: usize) -> u64 {
    total_space() - GIB * u64::try_from(volumes).unwrap_or_default()
}

/// How large primary storages are made.
pub(crate) fn total_space() -> u64 {
    GIB * (VOLUMES as u64 + 1) + (64 << 20)
}

fn vm(vm: &Vm) -> String {
    let Size { cpus, memory } = vm.size;
    format!(
        " zoneUuid=${} clusterUuid={} hostUuid={} instanceOfferingUuid={} cpuNum={cpus} memorySize={} defaultL3NetworkUuid={}",
        vm.zone,
        or_null(vm.cluster),
        or_null(vm.host),
        or_null(vm.offering),
        memory * GIB,
        or_null(vm.default_l3),
    )
}

/// What a VM is made of.
fn parts(id: Id, vm: &Vm) -> Vec<String> {
    let claims = vm.nics.values().filter(|nic| nic.claim.is_some());
    let mut lines = vec![
        format!("= 1 QueryVolume vmInstanceUuid=${id} primaryStorageUuid=${} status=Ready", vm.primary),
        format!("= 1 QueryVmCdRom vmInstanceUuid=${id} isoUuid={}", or_null(vm.disc)),
        format!("= {} QueryVmNic vmInstanceUuid=${id}", vm.nics.len()),
        format!("= {} QuerySystemTag resourceUuid=${id} tag~=staticIp::%", claims.count()),
    ];
    for (place, nic) in &vm.nics {
        let ip = nic.ip.map_or_else(|| "null".to_owned(), |ip| address(nic.l3, ip));
        lines.push(format!("= 1 QueryVmNic vmInstanceUuid=${id} deviceId={place} l3NetworkUuid=${} ip={ip}", nic.l3));
        if let Some(claim) = nic.claim.map(|claim| address(nic.l3, claim)) {
            lines.push(format!("= 1 QuerySystemTag resourceUuid=${id} tag=staticIp::${}::{claim}", nic.l3));
        }
    }
    lines
}

/// To which of `all` something is attached.
fn joined<'a>(id: Id, to: &str, attached: &BTreeSet<Id>, all: impl Iterator<Item = &'a Id>) -> Vec<String> {
    let line = |other: &Id| {
        let found = usize::from(attached.contains(other));
        format!("= {found} {} uuid=${id} {to}.uuid=${other}", query(id.0))
    };
    all.map(line).collect()
}

//! A sequence of calls as a scenario: what each must answer, what of the cloud is otherwise than before it, and every so
//! often all of the cloud.

use std::fmt::Write;

use crate::{
    cloud::{Answer, Cloud, GIB, Mistake, RUNNING, TOTAL, addresses, size},
    facts::{Facts, address, facts, query, total_space, word},
    op::{Change, Id, Kind, NewVm, Op, Switch},
};

/// So many calls after one look at everything there is another.
const EVERY: usize = 10;
/// Ends a look at everything. Who plays it in a node's own process looks inside too.
pub(crate) const EVERYTHING: &str = "# That was everything.";
/// Nothing in it is left to chance.
const BEGINNING: &str = "\
LogInByAccount accountName=admin password=password
UpdateGlobalConfig category=l3Network name=ipAllocateStrategy value=FirstAvailableIpAllocatorStrategy
";

/// A scenario, and what it plays.
pub(crate) struct Script {
    pub(crate) text: String,
    /// The calls that are in it: those that made no sense are not.
    pub(crate) ops: Vec<Op>,
    /// Where each of them ends, as lines of the text.
    ends: Vec<usize>,
}

impl Script {
    /// How many of the calls are made when `line` is reached.
    pub(crate) fn until(&self, line: usize) -> usize {
        self.ends.iter().take_while(|end| **end < line).count() + 1
    }
}

/// The scenario of `ops`. `asks_of` says of each call, by its place, whether to ask what came of it.
pub(crate) fn script(ops: &[Op], mistake: Option<Mistake>, asks_of: impl Fn(usize) -> bool) -> Script {
    let mut cloud = Cloud::new(mistake);
    let mut script = Script { text: BEGINNING.to_owned(), ops: vec![], ends: vec![] };
    let mut known = facts(&cloud);
    let mut looked = 0;
    for (op, place) in ops.iter().zip(0..) {
        let Some(answer) = cloud.apply(op) else { continue };
        let asks = asks_of(place);
        if asks {
            script.text.push('\n');
        }
        call(&mut script.text, op, answer, asks.then_some(&cloud));
        let now = facts(&cloud);
        if asks {
            changed(&mut script.text, op, &known, &now);
        }
        known = now;
        script.ops.push(op.clone());
        if asks && script.ops.len() - looked == EVERY {
            looked = script.ops.len();
            everything(&mut script.text, &known);
        }
        script.ends.push(script.text.lines().count());
    }
    if looked != script.ops.len() {
        everything(&mut script.text, &known);
    }
    script
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes it");
    text.push('\n');
}

fn everything(text: &mut String, facts: &Facts) {
    facts.values().flatten().for_each(|fact| put(text, format_args!("{fact}")));
    put(text, format_args!("{EVERYTHING}"));
}

/// What is otherwise than before, and what the call named, which a refusal must have left alone.
fn changed(text: &mut String, op: &Op, before: &Facts, now: &Facts) {
    let named = op.names();
    for (id, facts) in now {
        let is_named = id.is_some_and(|id| named.contains(&id));
        let is_new = |fact: &&String| before.get(id).is_none_or(|before| !before.contains(fact));
        for fact in facts.iter().filter(|fact| is_named || is_new(fact)) {
            put(text, format_args!("{fact}"));
        }
    }
}

/// The call, by whom it is made, with what it must answer where there is such a cloud then.
fn call(text: &mut String, op: &Op, answer: Answer, cloud: Option<&Cloud>) {
    if let Some(account) = op.by() {
        put(text, format_args!("LogInByAccount accountName={account} password={account}"));
    }
    if let Some(line) = before(op) {
        put(text, format_args!("{line}"));
    }
    let line = line(op);
    match (answer, op.answers()) {
        (Answer::Refused(code), _) => put(text, format_args!("? {code} {line}")),
        (Answer::Done, None) => put(text, format_args!("{line}")),
        (Answer::Done, Some(id)) => {
            put(text, format_args!("{line} -> {id}"));
            if let Some(state) = cloud.and_then(|cloud| word(cloud, id)) {
                put(text, format_args!("= {state} ${id}.state"));
            }
            if let Some(cloud) = cloud.filter(|_| id.0 != Kind::Tag) {
                put(text, format_args!("= {} ${id}.name", cloud.name(id)));
            }
        }
    }
    if op.by().is_some() {
        put(text, format_args!("LogInByAccount accountName=admin password=password"));
    }
    if answer == Answer::Done {
        after(op).iter().for_each(|line| put(text, format_args!("{line}")));
    }
}

/// What has to be asked first.
fn before(op: &Op) -> Option<String> {
    match op {
        Op::Detach { vm, l3 } => Some(format!("QueryVmNic vmInstanceUuid=${vm} l3NetworkUuid=${l3} -> nic")),
        _ => None,
    }
}

/// What every account may use, and how much of it.
fn after(op: &Op) -> Vec<String> {
    match op {
        Op::Offering { offering: id, .. }
        | Op::Image { image: id, .. }
        | Op::Template { image: id, .. }
        | Op::L3 { l3: id, .. } => {
            vec![format!("ShareResource resourceUuids=${id} toPublic=true")]
        }
        Op::Account(id) => vec![
            format!("UpdateQuota identityUuid=${id} name=vm.totalNum value={TOTAL}"),
            format!("UpdateQuota identityUuid=${id} name=vm.num value={RUNNING}"),
        ],
        _ => vec![],
    }
}

fn on(host: Option<Id>) -> String {
    host.map_or_else(String::new, |host| format!(" hostUuid=${host}"))
}

fn line(op: &Op) -> String {
    let space = total_space();
    match op {
        Op::Zone(id) => format!("CreateZone name={id}"),
        Op::Cluster { cluster, zone } => {
            format!("CreateCluster name={cluster} hypervisorType=Simulator zoneUuid=${zone}")
        }
        Op::Host { host, cluster, address } => format!(
            "AddSimulatorHost name={host} managementIp=192.0.2.{address} clusterUuid=${cluster} cpuCapacity=1 memoryCapacity={}",
            8 * GIB
        ),
        Op::Primary { primary, zone } => format!(
            "AddSimulatorPrimaryStorage name={primary} url=nowhere zoneUuid=${zone} totalCapacity={space} \
             availableCapacity={space} totalPhysicalCapacity={space} availablePhysicalCapacity={space}"
        ),
        Op::Backup(id) => {
            format!("AddSimulatorBackupStorage name={id} url=nowhere totalCapacity={0} availableCapacity={0}", 64 * GIB)
        }
        Op::Image { image, backup, is_iso } => {
            let (media, format) = if *is_iso { ("ISO", "iso") } else { ("RootVolumeTemplate", "qcow2") };
            format!(
                "AddImage name={image} mediaType={media} platform=Linux format={format} \
                 url=http://nowhere.example/{image} backupStorageUuids=${backup}"
            )
        }
        Op::Template { image, vm, backup } => format!(
            "CreateRootVolumeTemplateFromRootVolume name={image} rootVolumeUuid=${vm}.rootVolumeUuid backupStorageUuids=${backup}"
        ),
        Op::Offering { offering, is_large } => {
            let size = size(*is_large);
            let memory = size.memory * GIB;
            format!("CreateInstanceOffering name={offering} cpuNum={} memorySize={memory}", size.cpus)
        }
        Op::L2 { l2, zone, interface } => {
            format!("CreateL2NoVlanNetwork name={l2} physicalInterface=eth{interface} zoneUuid=${zone}")
        }
        Op::L3 { l3, l2 } => format!("CreateL3Network name={l3} l2NetworkUuid=${l2}"),
        Op::Range { range, l3, part } => {
            let (first, last) =
                (addresses(*part).min().unwrap_or_default(), addresses(*part).max().unwrap_or_default());
            format!(
                "AddIpRange name={range} l3NetworkUuid=${l3} startIp={} endIp={} netmask=255.255.255.0 gateway={}",
                address(*l3, first),
                address(*l3, last),
                address(*l3, 1)
            )
        }
        Op::Account(id) => format!("CreateAccount name={id} password={id}"),
        Op::Vm { vm, new } => {
            let NewVm { offering, image, l3s, host, .. } = new;
            let networks: Vec<String> = l3s.iter().map(|l3| format!("${l3}")).collect();
            let networks =
                if l3s.is_empty() { String::new() } else { format!(" l3NetworkUuids={}", networks.join(",")) };
            let strategy = if new.is_stopped { " strategy=CreateStopped" } else { "" };
            let host = on(*host);
            format!(
                "CreateVmInstance name={vm} instanceOfferingUuid=${offering} imageUuid=${image} rootDiskSize={GIB}\
                 {networks}{host}{strategy}"
            )
        }
        Op::Tag { on, text, .. } => {
            format!("CreateUserTag resourceType={} resourceUuid=${on} tag=tag{text}", table(on.0))
        }
        Op::Join { what, to } => format!("Attach{}", joining(*what, *to, "To")),
        Op::Part { what, from } => format!("Detach{}", joining(*what, *from, "From")),
        Op::Start { vm, host, .. } => format!("StartVmInstance uuid=${vm}{}", on(*host)),
        Op::Change { vm, change, .. } => format!("{}VmInstance uuid=${vm}", verb(*change)),
        Op::Resize { vm, offering } => {
            format!("ChangeInstanceOffering vmInstanceUuid=${vm} instanceOfferingUuid=${offering}")
        }
        Op::Attach { vm, l3, ip } => {
            let ip = ip.map_or_else(String::new, |ip| format!(" staticIp={}", address(*l3, ip)));
            format!("AttachL3NetworkToVm vmInstanceUuid=${vm} l3NetworkUuid=${l3}{ip}")
        }
        Op::Detach { .. } => "DetachL3NetworkFromVm vmNicUuid=$nic".to_owned(),
        Op::Claim { vm, l3, ip } => {
            format!("SetVmStaticIp vmInstanceUuid=${vm} l3NetworkUuid=${l3} ip={}", address(*l3, *ip))
        }
        Op::Unclaim { vm, l3 } => format!("DeleteVmStaticIp vmInstanceUuid=${vm} l3NetworkUuid=${l3}"),
        Op::Insert { vm, iso } => format!("AttachIsoToVmInstance vmInstanceUuid=${vm} isoUuid=${iso}"),
        Op::Eject { vm } => format!("DetachIsoFromVmInstance vmInstanceUuid=${vm}"),
        Op::Rename { of, to } => format!("Update{} uuid=${of} name={of}-{to}", noun(of.0)),
        Op::Switch { of, to } => {
            format!("Change{}State uuid=${of} stateEvent={}", noun(of.0), format!("{to:?}").to_lowercase())
        }
        Op::RecoverImage(image) => format!("RecoverImage imageUuid=${image}"),
        Op::ExpungeImage(image) => format!("ExpungeImage imageUuid=${image}"),
        Op::Delete(id) => format!("Delete{} uuid=${id}", noun(id.0)),
    }
}

fn verb(change: Change) -> &'static str {
    match change {
        Change::Stop => "Stop",
        Change::Reboot => "Reboot",
        Change::Pause => "Pause",
        Change::Resume => "Resume",
        Change::Destroy => "Destroy",
        Change::Recover => "Recover",
        Change::Expunge => "Expunge",
    }
}

/// What a kind is called in calls.
fn noun(kind: Kind) -> &'static str {
    if kind == Kind::Tag { "Tag" } else { query(kind).trim_start_matches("Query") }
}

/// What a kind is called as a table.
fn table(kind: Kind) -> String {
    format!("{}VO", noun(kind))
}

fn joining(what: Id, with: Id, how: &str) -> String {
    let (noun, name, other) = match what.0 {
        Kind::Primary => ("PrimaryStorage", "primaryStorageUuid", "Cluster"),
        Kind::Backup => ("BackupStorage", "backupStorageUuid", "Zone"),
        _ => ("L2Network", "l2NetworkUuid", "Cluster"),
    };
    format!("{noun}{how}{other} {name}=${what} {}Uuid=${with}", other.to_lowercase())
}

/// Whether `kind` can be switched so.
pub(crate) fn has_switch(kind: Kind, to: Switch) -> bool {
    match to {
        Switch::Maintain => matches!(kind, Kind::Host | Kind::Primary),
        Switch::Enable | Switch::Disable => {
            !matches!(kind, Kind::Account | Kind::Vm | Kind::Tag | Kind::Range | Kind::L2)
        }
    }
}

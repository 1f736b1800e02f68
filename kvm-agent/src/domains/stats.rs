//! What libvirt counts of a running VM, and which devices there are to ask about.

use std::{collections::BTreeMap, time::Duration};

use cumulo_proto::Memory;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use virt::{domain::Domain, error::Error, sys};

use crate::usage::{DiskCounters, NicCounters, VmCounters};

/// The counters of a VM that runs or is paused.
pub(super) fn of(domain: &Domain) -> Result<VmCounters, Error> {
    let info = domain.get_info()?;
    let devices = devices(&domain.get_xml_desc(0)?);
    let mut counters = VmCounters {
        cpus: info.nr_virt_cpu,
        cpu_time: Duration::from_nanos(info.cpu_time),
        memory: memory(domain, info.memory * 1024),
        disks: BTreeMap::new(),
        nics: BTreeMap::new(),
    };
    // A device that is unplugged in this moment has no counters; the others still do.
    for disk in devices.disks {
        if let Ok(stats) = domain.get_block_stats(&disk) {
            let counter = DiskCounters {
                read_bytes: known(stats.rd_bytes),
                written_bytes: known(stats.wr_bytes),
                reads: known(stats.rd_req),
                writes: known(stats.wr_req),
            };
            counters.disks.insert(disk, counter);
        }
    }
    for nic in devices.nics {
        if let Ok(stats) = domain.interface_stats(&nic) {
            let counter = NicCounters {
                in_bytes: known(stats.rx_bytes),
                out_bytes: known(stats.tx_bytes),
                in_packets: known(stats.rx_packets),
                out_packets: known(stats.tx_packets),
                in_errors: known(stats.rx_errs) + known(stats.rx_drop),
                out_errors: known(stats.tx_errs) + known(stats.tx_drop),
            };
            counters.nics.insert(nic, counter);
        }
    }
    Ok(counters)
}

/// As the guest's balloon driver tells it; where there is none, what QEMU occupies on the host is in use. `total` is what
/// the VM has, bytes.
fn memory(domain: &Domain, total: u64) -> Memory {
    let stats = domain.memory_stats(0).unwrap_or_default();
    let find = |tag: sys::virDomainMemoryStatTags| {
        let found = stats.iter().find(|stat| stat.tag == tag);
        found.map(|stat| stat.val * 1024)
    };
    let usable = find(sys::VIR_DOMAIN_MEMORY_STAT_USABLE).or_else(|| find(sys::VIR_DOMAIN_MEMORY_STAT_UNUSED));
    if let (Some(seen), Some(usable)) = (find(sys::VIR_DOMAIN_MEMORY_STAT_AVAILABLE), usable) {
        return Memory { total: seen, available: usable.min(seen) };
    }
    // QEMU itself takes some besides.
    let resident = find(sys::VIR_DOMAIN_MEMORY_STAT_RSS).unwrap_or(0).min(total);
    Memory { total, available: total - resident }
}

/// libvirt's -1 is "not known".
fn known(counter: i64) -> u64 {
    u64::try_from(counter).unwrap_or(0)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Devices {
    disks: Vec<String>,
    nics: Vec<String>,
}

/// The targets of disks and NICs in a domain's live definition.
fn devices(xml: &str) -> Devices {
    let mut found = Devices::default();
    let mut reader = Reader::from_str(xml);
    // Which list a target belongs to.
    let mut of: Option<bool> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) if element.name().as_ref() == "disk" => {
                of = (attribute(&element, "device").as_deref() == Some("disk")).then_some(true);
            }
            Ok(Event::Start(element)) if element.name().as_ref() == "interface" => of = Some(false),
            Ok(Event::End(element)) if matches!(element.name().as_ref(), "disk" | "interface") => of = None,
            Ok(Event::Start(element) | Event::Empty(element)) if element.name().as_ref() == "target" => {
                match (of, attribute(&element, "dev")) {
                    (Some(true), Some(device)) => found.disks.push(device),
                    (Some(false), Some(device)) => found.nics.push(device),
                    _ => {}
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    element.try_get_attribute(name).ok().flatten().map(|attribute| attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_with_counters_are_found() {
        let xml = "<domain><devices>
            <disk type='file' device='disk'><source file='/a'/><target dev='vda' bus='virtio'/></disk>
            <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>
            <disk type='file' device='disk'><target dev='vdb' bus='virtio'/></disk>
            <interface type='bridge'><target dev='vnic1.0'/><model type='virtio'/></interface>
            <channel type='unix'><target type='virtio' name='x'/></channel>
            </devices></domain>";
        let expected = Devices { disks: vec!["vda".into(), "vdb".into()], nics: vec!["vnic1.0".into()] };
        assert_eq!(devices(xml), expected);
        assert_eq!(devices("<domain"), Devices::default());
    }
}

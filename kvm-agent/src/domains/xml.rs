//! A domain's definition for libvirt, written with an XML writer: whatever a name contains stays a name.
//!
//! The choices are for guests of the last fifteen years on hosts of the last five: virtio where the spec does not say
//! otherwise, no cache between guest and disk, a PTY as serial console, a channel for the guest agent.

mod drive;
mod link;

use std::{io, path::Path};

use quick_xml::{
    Reader, Writer,
    events::{BytesText, Event},
};

pub(super) use drive::{Drive, drive_in};
pub(super) use link::with_link;

use super::{Bus, CdromSpec, DiskSpec, DomainSpec, Link, NicSpec, Virtualization};
use crate::Mac;

const METADATA: &str = "https://cumulo.dev/xmlns/vm/1";

type Xml = Writer<Vec<u8>>;

/// The definition of `spec`; `host` is how the host runs VMs whose spec does not say.
///
/// # Errors
/// Never in practice: it writes into memory.
pub fn domain_xml(spec: &DomainSpec, host: Virtualization) -> io::Result<String> {
    let how = spec.virtualization.unwrap_or(host);
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    let kind = if how == Virtualization::Kvm { "kvm" } else { "qemu" };
    xml.create_element("domain").with_attribute(("type", kind)).write_inner_content(|xml| {
        text(xml, "name", spec.uuid.as_str())?;
        text(xml, "uuid", spec.uuid.as_str())?;
        xml.create_element("metadata").write_inner_content(|xml| {
            xml.create_element("cumulo:vm")
                .with_attribute(("xmlns:cumulo", METADATA))
                .write_inner_content(|xml| text(xml, "cumulo:name", &spec.name))?;
            Ok(())
        })?;
        let kib = spec.memory.div_ceil(1024).to_string();
        for element in ["memory", "currentMemory"] {
            xml.create_element(element).with_attribute(("unit", "KiB")).write_text_content(BytesText::new(&kib))?;
        }
        let cpus = spec.cpus.to_string();
        xml.create_element("vcpu").with_attribute(("placement", "static")).write_text_content(BytesText::new(&cpus))?;
        os(xml, spec)?;
        features(xml, spec, how)?;
        cpu(xml, spec, how)?;
        clock(xml, spec)?;
        text(xml, "on_poweroff", "destroy")?;
        text(xml, "on_reboot", "restart")?;
        text(xml, "on_crash", "destroy")?;
        xml.create_element("devices").write_inner_content(|xml| devices(xml, spec))?;
        Ok(())
    })?;
    String::from_utf8(xml.into_inner()).map_err(io::Error::other)
}

/// The definition of one NIC, as it also stands in that of a domain.
///
/// # Errors
/// Never in practice: it writes into memory.
pub(super) fn nic_xml(spec: &NicSpec) -> io::Result<String> {
    let mut xml = Writer::new(Vec::new());
    nic(&mut xml, spec)?;
    String::from_utf8(xml.into_inner()).map_err(io::Error::other)
}

fn os(xml: &mut Xml, spec: &DomainSpec) -> io::Result<()> {
    let element = xml.create_element("os");
    // libvirt finds the files of the firmware, and keeps the guest's own copy of its variables.
    let element = if spec.uefi { element.with_attribute(("firmware", "efi")) } else { element };
    element.write_inner_content(|xml| {
        xml.create_element("type")
            .with_attributes([("arch", "x86_64"), ("machine", spec.machine.as_str())])
            .write_text_content(BytesText::new("hvm"))?;
        for device in &spec.boot {
            empty(xml, "boot", &[("dev", device)])?;
        }
        empty(xml, "bootmenu", &[("enable", "no")])
    })?;
    Ok(())
}

fn features(xml: &mut Xml, spec: &DomainSpec, how: Virtualization) -> io::Result<()> {
    xml.create_element("features").write_inner_content(|xml| {
        for feature in ["acpi", "apic", "pae"] {
            empty(xml, feature, &[])?;
        }
        match how {
            Virtualization::Kvm if spec.windows => {
                xml.create_element("hyperv").write_inner_content(|xml| {
                    for hint in ["relaxed", "vapic"] {
                        empty(xml, hint, &[("state", "on")])?;
                    }
                    empty(xml, "spinlocks", &[("state", "on"), ("retries", "8191")])
                })?;
            }
            Virtualization::Kvm => {}
            // A guest of 128 MiB needs no gigabyte for translated code.
            Virtualization::Qemu => {
                xml.create_element("tcg").write_inner_content(|xml| {
                    let element = xml.create_element("tb-cache").with_attribute(("unit", "MiB"));
                    element.write_text_content(BytesText::new("64"))?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn cpu(xml: &mut Xml, spec: &DomainSpec, how: Virtualization) -> io::Result<()> {
    let element = xml.create_element("cpu");
    let element = match how {
        Virtualization::Kvm => element.with_attribute(("mode", "host-model")),
        Virtualization::Qemu => element.with_attributes([("mode", "custom"), ("match", "exact"), ("check", "none")]),
    };
    element.write_inner_content(|xml| {
        if how == Virtualization::Qemu {
            // Without AVX and its kin, which are slow to emulate.
            xml.create_element("model")
                .with_attribute(("fallback", "allow"))
                .write_text_content(BytesText::new("qemu64"))?;
        }
        let (sockets, cores, threads) = spec.topology.map_or((spec.cpus, 1, 1), |t| (t.sockets, t.cores, t.threads));
        empty(
            xml,
            "topology",
            &[("sockets", &sockets.to_string()), ("cores", &cores.to_string()), ("threads", &threads.to_string())],
        )
    })?;
    Ok(())
}

fn clock(xml: &mut Xml, spec: &DomainSpec) -> io::Result<()> {
    let offset = if spec.local_time { "localtime" } else { "utc" };
    xml.create_element("clock").with_attribute(("offset", offset)).write_inner_content(|xml| {
        empty(xml, "timer", &[("name", "rtc"), ("tickpolicy", "catchup")])?;
        empty(xml, "timer", &[("name", "pit"), ("tickpolicy", "delay")])?;
        empty(xml, "timer", &[("name", "hpet"), ("present", "no")])?;
        if spec.windows {
            empty(xml, "timer", &[("name", "hypervclock"), ("present", "yes")])?;
        }
        Ok(())
    })?;
    Ok(())
}

fn devices(xml: &mut Xml, spec: &DomainSpec) -> io::Result<()> {
    let ide = has_ide(&spec.machine);
    for each in &spec.disks {
        disk(xml, each, ide)?;
    }
    for each in &spec.cdroms {
        cdrom(xml, each, ide)?;
    }
    if spec.disks.iter().any(|d| d.bus == Bus::Scsi) {
        empty(xml, "controller", &[("type", "scsi"), ("model", "virtio-scsi")])?;
    }
    for each in &spec.nics {
        nic(xml, each)?;
    }
    for element in ["serial", "console"] {
        xml.create_element(element).with_attribute(("type", "pty")).write_inner_content(|xml| {
            let port: &[(&str, &str)] =
                if element == "serial" { &[("port", "0")] } else { &[("type", "serial"), ("port", "0")] };
            empty(xml, "target", port)
        })?;
    }
    xml.create_element("channel").with_attribute(("type", "unix")).write_inner_content(|xml| {
        empty(xml, "source", &[("mode", "bind")])?;
        empty(xml, "target", &[("type", "virtio"), ("name", "org.qemu.guest_agent.0")])
    })?;
    empty(xml, "input", &[("type", "tablet"), ("bus", "usb")])?;
    graphics(xml, spec)?;
    xml.create_element("video")
        .write_inner_content(|xml| empty(xml, "model", &[("type", "vga"), ("vram", "16384")]))?;
    // The guest's driver tells how much of its memory it uses, and how often is said here.
    xml.create_element("memballoon")
        .with_attribute(("model", "virtio"))
        .write_inner_content(|xml| empty(xml, "stats", &[("period", "10")]))?;
    xml.create_element("rng").with_attribute(("model", "virtio")).write_inner_content(|xml| {
        let backend = xml.create_element("backend").with_attribute(("model", "random"));
        backend.write_text_content(BytesText::new("/dev/urandom"))?;
        Ok(())
    })?;
    Ok(())
}

/// Whether a machine has IDE, and not only SATA.
pub(super) fn has_ide(machine: &str) -> bool {
    !machine.contains("q35")
}

/// What a CD-ROM drive is called, and its bus; `ide` where the machine has that.
pub(super) fn drive_target(place: u32, ide: bool) -> (String, &'static str) {
    let (prefix, bus) = if ide { ("hd", "ide") } else { ("sd", "sata") };
    (device(prefix, place), bus)
}

/// What a disk is called, and its bus; `ide` where the machine has that.
pub(super) fn target(disk: &DiskSpec, ide: bool) -> (String, &'static str) {
    let (prefix, bus) = match disk.bus {
        Bus::Virtio => ("vd", "virtio"),
        Bus::Scsi => ("sd", "scsi"),
        Bus::Ide if ide => ("hd", "ide"),
        Bus::Sata | Bus::Ide => ("sd", "sata"),
    };
    (device(prefix, disk.place), bus)
}

fn disk(xml: &mut Xml, disk: &DiskSpec, ide: bool) -> io::Result<()> {
    let (name, bus) = target(disk, ide);
    let attributes = [("type", "file"), ("device", "disk")];
    xml.create_element("disk").with_attributes(attributes).write_inner_content(|xml| {
        let discard = ("discard", "unmap");
        let driver = [("name", "qemu"), ("type", disk.format.name()), ("cache", disk.cache.name()), discard];
        empty(xml, "driver", &driver)?;
        empty(xml, "source", &[("file", &disk.path.to_string_lossy())])?;
        empty(xml, "target", &[("dev", &name), ("bus", bus)])?;
        if disk.shareable {
            empty(xml, "shareable", &[])?;
        }
        text(xml, "serial", disk.volume.as_str())
    })?;
    Ok(())
}

fn cdrom(xml: &mut Xml, cdrom: &CdromSpec, ide: bool) -> io::Result<()> {
    let (name, bus) = drive_target(cdrom.place, ide);
    drive_xml(xml, &name, bus, cdrom.path.as_deref())
}

/// A CD-ROM drive with `path` in it, or nothing.
fn drive_xml(xml: &mut Xml, name: &str, bus: &str, path: Option<&Path>) -> io::Result<()> {
    let attributes = [("type", "file"), ("device", "cdrom")];
    xml.create_element("disk").with_attributes(attributes).write_inner_content(|xml| {
        empty(xml, "driver", &[("name", "qemu"), ("type", "raw")])?;
        if let Some(path) = path {
            empty(xml, "source", &[("file", &path.to_string_lossy())])?;
        }
        empty(xml, "target", &[("dev", name), ("bus", bus)])?;
        empty(xml, "readonly", &[])
    })?;
    Ok(())
}

fn nic(xml: &mut Xml, nic: &NicSpec) -> io::Result<()> {
    xml.create_element("interface").with_attribute(("type", "bridge")).write_inner_content(|xml| {
        empty(xml, "mac", &[("address", nic.mac.as_str())])?;
        empty(xml, "source", &[("bridge", nic.bridge.as_str())])?;
        empty(xml, "target", &[("dev", nic.device.as_str())])?;
        empty(xml, "model", &[("type", nic.model.name())])?;
        if nic.link == Link::Down {
            empty(xml, "link", &[("state", nic.link.name())])?;
        }
        if let Some(mtu) = nic.mtu {
            empty(xml, "mtu", &[("size", &mtu.to_string())])?;
        }
        empty(xml, "alias", &[("name", &format!("ua-{}", nic.uuid))])
    })?;
    Ok(())
}

fn graphics(xml: &mut Xml, spec: &DomainSpec) -> io::Result<()> {
    let listen = spec.console.listen.to_string();
    let mut element = xml.create_element("graphics").with_attributes([
        ("type", "vnc"),
        ("port", "-1"),
        ("autoport", "yes"),
        ("listen", listen.as_str()),
    ]);
    if let Some(password) = &spec.console.password {
        element = element.with_attribute(("passwd", password.as_str()));
    }
    element.write_empty()?;
    Ok(())
}

/// `vda` for 0, `vdz` for 25, `vdaa` for 26.
fn device(prefix: &str, place: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = place + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or_default()));
        rest /= 26;
    }
    prefix.chars().chain(letters.into_iter().rev()).collect()
}

fn empty(xml: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    xml.create_element(name).with_attributes(attributes.iter().copied()).write_empty()?;
    Ok(())
}

/// An element with a text. Characters that XML cannot carry at all are replaced.
fn text(xml: &mut Xml, name: &str, content: &str) -> io::Result<()> {
    let possible = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let content: String = content.chars().map(|c| if possible(c) { c } else { '\u{fffd}' }).collect();
    xml.create_element(name).write_inner_content(|xml| xml.write_event(Event::Text(BytesText::new(&content))))?;
    Ok(())
}

/// The VNC port in the definition of a running domain.
pub(super) fn vnc_port(xml: &str) -> Option<u16> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "graphics" => {
                let port = element.try_get_attribute("port").ok()??;
                return port.value.parse().ok();
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// The NIC of that address in a domain's definition, as it stands there.
pub(super) fn nic_in<'x>(xml: &'x str, mac: &Mac) -> Option<&'x str> {
    let mut reader = Reader::from_str(xml);
    let (mut begin, mut found) = (None, false);
    loop {
        let at = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Start(element) if element.name().as_ref() == "interface" => (begin, found) = (Some(at), false),
            Event::End(element) if element.name().as_ref() == "interface" => {
                let end = usize::try_from(reader.buffer_position()).ok()?;
                match begin.take() {
                    Some(begin) if found => return xml.get(begin..end),
                    _ => {}
                }
            }
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "mac" => {
                let address = element.try_get_attribute("address").ok()?;
                found |= address.is_some_and(|address| address.value.eq_ignore_ascii_case(mac.as_str()));
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use cumulo_agent_rt::storage::Roots;
    use cumulo_proto::kvm::{
        BootDevice, Cdrom, Clock, Console, CpuTopology, Disk, DiskBus, DiskCache, Firmware, Nic, VmSpec,
    };
    use quick_xml::XmlVersion;

    use super::*;

    #[test]
    fn devices_are_lettered_as_linux_does() {
        let names: Vec<_> = [0, 1, 25, 26, 27, 51, 52, 255].map(|n| device("vd", n)).to_vec();
        assert_eq!(names, ["vda", "vdb", "vdz", "vdaa", "vdab", "vdaz", "vdba", "vdiv"]);
    }

    fn spec() -> VmSpec {
        VmSpec {
            uuid: "a0000000000000000000000000000001".into(),
            name: "VM1".into(),
            cpu_num: 1,
            memory: 128 << 20,
            disks: vec![Disk {
                volume_uuid: "b0000000000000000000000000000001".into(),
                path: "/ps/root.qcow2".into(),
                format: "qcow2".into(),
                ..Disk::default()
            }],
            nics: vec![Nic {
                uuid: "c0000000000000000000000000000001".into(),
                mac: "fa:16:3e:00:00:01".into(),
                bridge: "br_eth1".into(),
                device_name: "vnic1.0".into(),
                ..Nic::default()
            }],
            ..VmSpec::default()
        }
    }

    fn xml(spec: &VmSpec, host: Virtualization) -> String {
        let roots = Roots::in_memory();
        roots.add("/ps").unwrap();
        domain_xml(&DomainSpec::checked(spec, &roots).unwrap(), host).unwrap()
    }

    #[test]
    fn a_small_emulated_vm() {
        crate::snapshot::assert("domain-small.xml", &xml(&spec(), Virtualization::Qemu));
    }

    #[test]
    fn uefi_is_asked_for_by_name() {
        let mut spec = spec();
        spec.set_firmware(Firmware::Uefi);
        assert!(xml(&spec, Virtualization::Kvm).contains("<os firmware=\"efi\">"));
        spec.set_firmware(Firmware::Bios);
        assert!(!xml(&spec, Virtualization::Kvm).contains("firmware"));
    }

    #[test]
    fn a_windows_vm_with_everything() {
        let mut spec = spec();
        spec.platform = "Windows".into();
        spec.cpu_num = 8;
        spec.topology = Some(CpuTopology { sockets: 2, cores: 2, threads: 2 });
        spec.machine = "q35".into();
        spec.set_clock(Clock::Localtime);
        spec.boot_order = [BootDevice::Cdrom, BootDevice::HardDisk, BootDevice::Network].map(Into::into).to_vec();
        spec.console = Some(Console { listen: "0.0.0.0".into(), password: "a<b&c'\"".into() });
        spec.disks[0].set_bus(DiskBus::Ide);
        for (place, bus, format) in [(3, DiskBus::VirtioScsi, "raw"), (2, DiskBus::Sata, "qcow2")] {
            let mut disk = spec.disks[0].clone();
            (disk.device_id, disk.format) = (place, format.into());
            disk.set_bus(bus);
            disk.set_cache(DiskCache::Writeback);
            disk.shareable = bus == DiskBus::VirtioScsi;
            spec.disks.push(disk);
        }
        spec.cdroms =
            vec![Cdrom { path: "/ps/install.iso".into(), device_id: 4 }, Cdrom { path: String::new(), device_id: 5 }];
        spec.nics[0].model = "e1000".into();
        spec.nics[0].mtu = 1450;
        crate::snapshot::assert("domain-full.xml", &xml(&spec, Virtualization::Kvm));
    }

    #[test]
    fn a_name_is_only_a_name() {
        let mut spec = spec();
        spec.name = "</name><devices>\u{0}\u{1b}\u{ffff} \"'&lt; $(x)\n é 🙂".into();
        spec.disks[0].path = "/ps/a'/><evil b=\"&amp;.qcow2".into();
        let xml = xml(&spec, Virtualization::Qemu);
        let mut reader = Reader::from_str(&xml);
        let (mut name, mut inside) = (String::new(), false);
        let mut files = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(e) => inside = e.name().as_ref() == "cumulo:name",
                Event::End(_) => inside = false,
                Event::Text(t) if inside => name.push_str(&t.xml10_content()),
                Event::GeneralRef(r) if inside => name.push_str(match &*r.xml10_content() {
                    "lt" => "<",
                    "gt" => ">",
                    "amp" => "&",
                    "quot" => "\"",
                    "apos" => "'",
                    other => panic!("{other}"),
                }),
                Event::Empty(e) if e.name().as_ref() == "source" => {
                    files.extend(
                        e.try_get_attribute("file")
                            .unwrap()
                            .map(|a| a.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned()),
                    );
                }
                Event::Empty(e) => assert_ne!(e.name().as_ref(), "evil"),
                _ => {}
            }
        }
        assert_eq!(name, "</name><devices>\u{fffd}\u{fffd}\u{fffd} \"'&lt; $(x)\n é 🙂");
        assert_eq!(files, ["/ps/a'/><evil b=\"&amp;.qcow2"]);
    }

    #[test]
    fn a_nic_is_known_by_its_address() {
        let mac = |text: &str| Mac::try_from(text).unwrap();
        let whole = xml(&spec(), Virtualization::Qemu);
        let found = nic_in(&whole, &mac("FA:16:3E:00:00:01")).unwrap();
        assert!(found.starts_with("<interface type=\"bridge\">") && found.ends_with("</interface>"), "{found}");
        assert_eq!(nic_in(&whole, &mac("fa:16:3e:00:00:02")), None);
        // The address of something else is none of a NIC.
        let other = "<domain><mac address='fa:16:3e:00:00:01'/><interface><x/></interface></domain>";
        assert_eq!(nic_in(other, &mac("fa:16:3e:00:00:01")), None);
        let roots = Roots::in_memory();
        roots.add("/ps").unwrap();
        let alone = nic_xml(&DomainSpec::checked(&spec(), &roots).unwrap().nics[0]).unwrap();
        let squeezed: String = found.lines().map(str::trim_start).collect();
        assert_eq!(squeezed, alone, "a NIC plugged in later looks the same");
    }

    #[test]
    fn the_vnc_port_is_found() {
        let running =
            "<domain><devices><graphics type='vnc' port='5901' autoport='yes'><listen/></graphics></devices></domain>";
        assert_eq!(vnc_port(running), Some(5901));
        assert_eq!(vnc_port(&running.replace("5901", "-1")), None);
        assert_eq!(vnc_port("<domain/>"), None);
    }
}

//! VMs for real: a libvirtd of the test's own, and emulated guests that do nothing but be there.

use std::{path::Path, process::Child, sync::Arc, time::Duration};

use cumulo_agent_rt::{
    TaskCx,
    storage::{self, DiskFormat, NewDisk, QemuImg, Roots},
};
use cumulo_kvm_agent::{
    HostError, Mac, Mode, ObjectId,
    domains::{CdromSpec, DomainSpec, DomainState, Domains as _, Libvirt, Link, NicSpec, Verb, run},
    facts::VirtualizationProof,
};
use cumulo_proto::kvm::{Console, Disk, DiskBus, Nic, VmSpec};

use crate::fixture::{eventually, in_namespaces, sh};

pub(crate) const HIDDEN: &[&str] =
    &["/run", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt"];
const VM: &str = "a0000000000000000000000000000001";

/// libvirtd, ended with the test.
pub(crate) struct Libvirtd(Child);

impl Libvirtd {
    pub(crate) async fn start() -> Self {
        std::fs::write(
            "/etc/libvirt/qemu.conf",
            "security_driver = \"none\"\nuser = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\nremember_owner = 0\n\
             cgroup_controllers = []\nnamespaces = []\nstdio_handler = \"file\"\n",
        )
        .unwrap();
        std::fs::write("/etc/libvirt/libvirtd.conf", "auth_unix_rw = \"none\"\nunix_sock_group = \"root\"\n").unwrap();
        let log = std::fs::File::create("/run/libvirtd.log").unwrap();
        let child = std::process::Command::new("/usr/sbin/libvirtd")
            .args(["--pid-file", "/run/libvirtd.pid"])
            .stderr(log)
            .spawn()
            .unwrap();
        let libvirtd = Self(child);
        eventually("libvirtd's socket", async || {
            std::os::unix::net::UnixStream::connect("/run/libvirt/libvirt-sock").ok()
        })
        .await;
        libvirtd
    }

    /// Ends it as a crash would. VMs go on.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        std::fs::remove_file("/run/libvirtd.pid").unwrap();
    }
}

/// Makes a disk whose boot sector waits for ever.
pub(crate) async fn idle_disk(roots: &Roots, path: &str) {
    let disk = NewDisk::Empty { format: DiskFormat::Raw, size: 1 << 20 };
    storage::ensure(&QemuImg, &roots.confine(path).unwrap(), &disk).await.unwrap();
    let mut sector = vec![0; 512];
    sector[..4].copy_from_slice(&[0xfb, 0xf4, 0xeb, 0xfc]); // sti; again: hlt; jmp again
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    std::os::unix::fs::FileExt::write_all_at(
        &std::fs::OpenOptions::new().write(true).open(Path::new(path)).unwrap(),
        &sector,
        0,
    )
    .unwrap();
}

struct Machine {
    libvirt: Libvirt,
    spec: DomainSpec,
    vm: ObjectId,
}

async fn machine() -> Machine {
    sh("ip link add br_eth1 type bridge && ip link set br_eth1 up");
    let roots = Roots::in_memory();
    roots.add("/run/ps").unwrap();
    for disk in ["root", "scsi", "sata"] {
        idle_disk(&roots, &format!("/run/ps/{disk}.raw")).await;
    }
    let disk = |name: &str, place: u32, bus: DiskBus| Disk {
        volume_uuid: format!("b000000000000000000000000000000{place}"),
        path: format!("/run/ps/{name}.raw"),
        format: "raw".into(),
        bus: bus.into(),
        device_id: place,
        ..Disk::default()
    };
    let spec = VmSpec {
        uuid: VM.into(),
        name: "</name> & \"'é 🙂\n\u{1}".into(),
        cpu_num: 2,
        memory: 64 << 20,
        disks: vec![
            disk("root", 0, DiskBus::Virtio),
            disk("scsi", 1, DiskBus::VirtioScsi),
            disk("sata", 3, DiskBus::Sata),
        ],
        cdroms: vec![cumulo_proto::kvm::Cdrom { path: String::new(), device_id: 2 }],
        nics: vec![Nic {
            uuid: "c0000000000000000000000000000001".into(),
            mac: "fa:16:3e:00:00:01".into(),
            bridge: "br_eth1".into(),
            device_name: "vnic1.0".into(),
            mtu: 1400,
            ..Nic::default()
        }],
        console: Some(Console { listen: "127.0.0.1".into(), password: "p<&\"'>w".into() }),
        ..VmSpec::default()
    };
    let spec = DomainSpec::checked(&spec, &roots).unwrap();
    let proof = Arc::new(VirtualizationProof::new(Mode::Qemu, "/run".into()));
    Machine { libvirt: Libvirt::new("qemu:///system", proof), spec, vm: ObjectId::try_from(VM).unwrap() }
}

#[test]
fn a_vm_lives_and_goes() {
    in_namespaces(HIDDEN, async || {
        let _libvirtd = Libvirtd::start().await;
        let Machine { libvirt, spec, vm } = machine().await;
        assert_eq!(libvirt.state(&vm).await.unwrap(), None);
        let (version, qemu) = libvirt.versions().await.unwrap();
        assert!(version.starts_with(char::is_numeric) && qemu.starts_with(char::is_numeric), "{version} {qemu}");

        for _ in 0..2 {
            run::ensure_running(&libvirt, &spec).await.unwrap();
            assert_eq!(libvirt.state(&vm).await.unwrap(), Some(DomainState::Running));
        }
        let used = &libvirt.counters().await.unwrap()[&vm];
        assert!(used.cpus == 2 && !used.cpu_time.is_zero(), "{used:?}");
        assert!(used.memory.total >= 64 << 20 && used.memory.available < used.memory.total, "{used:?}");
        assert_eq!(used.disks.keys().collect::<Vec<_>>(), ["sdb", "sdd", "vda"]);
        assert!(used.nics.contains_key("vnic1.0"), "{used:?}");
        assert!(sh("ip -o link show master br_eth1").contains("vnic1.0"));
        let port = libvirt.vnc_port(&vm).await.unwrap();
        assert!(port >= 5900);
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert_eq!(libvirt.list().await.unwrap().into_iter().collect::<Vec<_>>(), [(vm.clone(), DomainState::Running)]);
        assert!(sh(&format!("virsh dumpxml {VM}")).contains("&lt;/name&gt; &amp; "));

        run::ensure_paused(&libvirt, &vm).await.unwrap();
        run::ensure_paused(&libvirt, &vm).await.unwrap();
        assert_eq!(libvirt.state(&vm).await.unwrap(), Some(DomainState::Paused));
        run::ensure_resumed(&libvirt, &vm).await.unwrap();
        run::ensure_resumed(&libvirt, &vm).await.unwrap();

        // This guest does not listen to its power button.
        let cx = TaskCx::detached();
        let patience = Some(Duration::from_millis(500));
        assert!(!run::ensure_stopped(&libvirt, &vm, patience, &cx).await.unwrap());
        assert_eq!(libvirt.state(&vm).await.unwrap(), Some(DomainState::Stopped));
        assert!(run::ensure_stopped(&libvirt, &vm, patience, &cx).await.unwrap(), "it does not run");
        let paused = run::ensure_paused(&libvirt, &vm).await.unwrap_err();
        assert_eq!(paused.to_string(), format!("VM {VM} is stopped, so it cannot be paused"));

        run::ensure_running(&libvirt, &spec).await.unwrap();
        for _ in 0..2 {
            run::ensure_gone(&libvirt, &vm).await.unwrap();
            assert_eq!(libvirt.state(&vm).await.unwrap(), None);
        }
        assert!(matches!(libvirt.vnc_port(&vm).await, Err(HostError::NoVm { .. })));
        assert_eq!(sh("pgrep -x qemu-system-x86 --ns $$ --nslist net || true"), "");
    });
}

#[test]
fn a_guest_is_booted_by_uefi_where_that_is_installed() {
    in_namespaces(HIDDEN, async || {
        let _libvirtd = Libvirtd::start().await;
        let Machine { libvirt, mut spec, vm } = machine().await;
        spec.uefi = true;
        sh("mount -t tmpfs tmpfs /usr/share/qemu/firmware");
        let refused = run::ensure_running(&libvirt, &spec).await.unwrap_err();
        assert!(matches!(refused, HostError::NoUefi { .. }) && refused.to_string().contains("ovmf"), "{refused}");
        assert_eq!(libvirt.state(&vm).await.unwrap(), None);
        sh("umount /usr/share/qemu/firmware");

        // From BIOS to UEFI and back, each with the next start.
        for uefi in [true, false] {
            spec.uefi = uefi;
            run::ensure_running(&libvirt, &spec).await.unwrap();
            let flash = sh(&format!("virsh -q qemu-monitor-command {VM} --hmp info mtree -f"));
            assert_eq!(flash.contains("system.flash"), uefi, "{flash}");
            run::ensure_stopped(&libvirt, &vm, None, &TaskCx::detached()).await.unwrap();
        }
        run::ensure_gone(&libvirt, &vm).await.unwrap();
    });
}

#[test]
fn a_cable_is_pulled_and_plugged_in_again() {
    in_namespaces(HIDDEN, async || {
        let _libvirtd = Libvirtd::start().await;
        let Machine { libvirt, spec, vm } = machine().await;
        let mac = spec.nics[0].mac.clone();
        run::ensure_running(&libvirt, &spec).await.unwrap();
        for link in [Link::Down, Link::Down, Link::Up] {
            libvirt.set_link(&vm, &mac, link).await.unwrap();
            for place in ["", "--config"] {
                let seen = sh(&format!("virsh -q domif-getlink {VM} {mac} {place}"));
                assert!(seen.trim_end().ends_with(link.name()), "{place}: {seen}");
            }
        }
        let nowhere = Mac::try_from("fa:16:3e:00:00:99").unwrap();
        let nowhere = libvirt.set_link(&vm, &nowhere, Link::Down).await.unwrap_err();
        assert!(matches!(nowhere, HostError::NoNic { .. }), "{nowhere}");
        // A VM that is started with its cable out has it out.
        run::ensure_stopped(&libvirt, &vm, None, &TaskCx::detached()).await.unwrap();
        let mut spec = spec;
        spec.nics[0].link = Link::Down;
        run::ensure_running(&libvirt, &spec).await.unwrap();
        assert!(sh(&format!("virsh -q domif-getlink {VM} {mac}")).trim_end().ends_with("down"));
        run::ensure_gone(&libvirt, &vm).await.unwrap();
    });
}

#[test]
fn discs_are_changed_while_the_guest_runs() {
    in_namespaces(HIDDEN, async || {
        let _libvirtd = Libvirtd::start().await;
        let Machine { libvirt, spec, vm } = machine().await;
        let disc = |path: Option<&str>| CdromSpec { path: path.map(Into::into), place: 2 };
        for iso in ["a & b.iso", "c.iso"] {
            std::fs::write(format!("/run/ps/{iso}"), vec![b'x'; 64 << 10]).unwrap();
        }
        let missing = libvirt.load(&vm, &disc(None)).await.unwrap_err();
        assert!(matches!(missing, HostError::Libvirt { .. }), "{missing}");
        run::ensure_running(&libvirt, &spec).await.unwrap();
        // What QEMU itself has in the drive, and what the next start will have.
        let seen = || {
            let live = sh(&format!("virsh -q qemu-monitor-command {VM} --hmp info block"));
            let live: Vec<_> = live.lines().filter(|line| line.contains("/run/ps/") && line.contains(".iso")).collect();
            let next = sh(&format!("virsh -q domblklist {VM} --inactive"));
            let next = next.lines().find(|line| line.trim_start().starts_with("hdc")).unwrap_or_default();
            (live.join(" "), next.split_once("hdc").unwrap_or_default().1.trim().to_owned())
        };
        assert_eq!(seen(), (String::new(), "-".to_owned()));
        for path in ["/run/ps/a & b.iso", "/run/ps/c.iso"] {
            for _ in 0..2 {
                libvirt.load(&vm, &disc(Some(path))).await.unwrap();
                let (live, next) = seen();
                assert!(live.contains(path) && next == path, "{live} {next}");
            }
        }
        let nowhere = libvirt.load(&vm, &disc(Some("/run/ps/none.iso"))).await.unwrap_err();
        assert!(matches!(nowhere, HostError::Libvirt { .. }), "{nowhere}");
        let elsewhere = libvirt.load(&vm, &CdromSpec { path: None, place: 1 }).await.unwrap_err();
        assert!(matches!(elsewhere, HostError::NoDrive { place: 1, .. }), "{elsewhere}");
        for _ in 0..2 {
            libvirt.load(&vm, &disc(None)).await.unwrap();
            assert_eq!(seen(), (String::new(), "-".to_owned()));
        }
        // Of a VM that is off, only its next start changes.
        libvirt.act(&vm, Verb::PowerOff).await.unwrap();
        libvirt.load(&vm, &disc(Some("/run/ps/c.iso"))).await.unwrap();
        libvirt.act(&vm, Verb::Start).await.unwrap();
        assert!(seen().0.contains("/run/ps/c.iso"), "{:?}", seen());
        run::ensure_gone(&libvirt, &vm).await.unwrap();
    });
}

#[test]
fn a_nic_comes_and_goes() {
    in_namespaces(HIDDEN, async || {
        let _libvirtd = Libvirtd::start().await;
        let Machine { libvirt, spec, vm } = machine().await;
        let second = NicSpec::checked(&Nic {
            uuid: "c0000000000000000000000000000002".into(),
            mac: "fa:16:3e:00:00:02".into(),
            bridge: "br_eth1".into(),
            device_name: "vnic1.1".into(),
            ..Nic::default()
        })
        .unwrap();
        let (first, cx) = (spec.nics[0].clone(), TaskCx::detached());
        let ports = || sh("ip -o link show master br_eth1");
        let defined = || sh(&format!("virsh dumpxml --inactive {VM}"));
        assert!(matches!(libvirt.plug(&vm, &second).await, Err(HostError::Libvirt { .. })), "there is no such VM");
        run::ensure_unplugged(&libvirt, &vm, &second.mac, Duration::ZERO, &cx).await.unwrap();

        run::ensure_running(&libvirt, &spec).await.unwrap();
        for _ in 0..2 {
            libvirt.plug(&vm, &second).await.unwrap();
            assert!(ports().contains("vnic1.1"));
            assert_eq!(defined().matches("fa:16:3e:00:00:02").count(), 1);
            assert_eq!(defined().matches("<interface ").count(), 2);
        }
        // This guest has no system that could let go of anything. It keeps the NIC until it is stopped.
        let held = run::ensure_unplugged(&libvirt, &vm, &first.mac, Duration::from_millis(500), &cx).await.unwrap_err();
        assert!(matches!(&held, HostError::NicHeld { mac, .. } if mac == "fa:16:3e:00:00:01"), "{held}");
        assert!(ports().contains("vnic1.0") && libvirt.has_nic(&vm, &first.mac).await.unwrap());
        assert!(!defined().contains("fa:16:3e:00:00:01"), "it does not come back with the next start");
        libvirt.plug(&vm, &first).await.unwrap();
        assert_eq!(defined().matches("<interface ").count(), 2, "what is missing in one place only is put there");

        run::ensure_stopped(&libvirt, &vm, None, &cx).await.unwrap();
        for _ in 0..2 {
            run::ensure_unplugged(&libvirt, &vm, &second.mac, Duration::ZERO, &cx).await.unwrap();
            assert!(!defined().contains("fa:16:3e:00:00:02"));
        }
        libvirt.plug(&vm, &second).await.unwrap();
        libvirt.act(&vm, Verb::Start).await.unwrap();
        assert!(ports().contains("vnic1.0") && ports().contains("vnic1.1"));
        run::ensure_gone(&libvirt, &vm).await.unwrap();
    });
}

#[test]
fn a_libvirtd_that_was_restarted_is_found_again_with_its_vms() {
    in_namespaces(HIDDEN, async || {
        let libvirtd = Libvirtd::start().await;
        let Machine { libvirt, spec, vm } = machine().await;
        run::ensure_running(&libvirt, &spec).await.unwrap();
        libvirtd.kill();
        assert!(libvirt.state(&vm).await.is_err());
        let _libvirtd = Libvirtd::start().await;
        assert_eq!(libvirt.state(&vm).await.unwrap(), Some(DomainState::Running));
        run::ensure_gone(&libvirt, &vm).await.unwrap();
    });
}

#[test]
fn what_libvirt_refuses_is_told_with_its_reason() {
    in_namespaces(HIDDEN, async || {
        let nobody = Machine { ..machine().await };
        let error = nobody.libvirt.state(&nobody.vm).await.unwrap_err();
        assert!(error.to_string().ends_with("is libvirtd running on this host?"), "{error}");

        let _libvirtd = Libvirtd::start().await;
        let Machine { libvirt, mut spec, vm } = nobody;
        spec.nics[0].bridge = "br_missing".try_into().unwrap();
        let error = run::ensure_running(&libvirt, &spec).await.unwrap_err();
        let text = cumulo_agent_rt::Chain(&error).to_string();
        assert!(
            text.starts_with(&format!("libvirt could not start VM {VM}: ")) && text.contains("br_missing"),
            "{text}"
        );
        assert_eq!(libvirt.state(&vm).await.unwrap(), Some(DomainState::Stopped));
        libvirt.act(&vm, Verb::Undefine).await.unwrap();
    });
}

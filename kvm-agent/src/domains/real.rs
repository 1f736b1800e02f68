//! The real [`Domains`]: libvirt.
//!
//! Calls block, so they run on tokio's blocking threads; one connection serves all of them, as libvirt allows. When it
//! is lost (libvirtd was restarted) a call connects again and is made once more: every call here can be repeated.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use cumulo_proto::kvm;
use nix::fcntl::OFlag;
use tokio::task::spawn_blocking;
use tracing::info;
use virt::{
    connect::Connect,
    domain::Domain,
    error::{Error, ErrorNumber, clear_error_callback},
    sys,
};

use super::{
    Cache, CdromSpec, DomainSpec, DomainState, Domains, Link, NicSpec, Verb, Virtualization, domain_xml, firmware,
    stats,
    xml::{self, Drive, nic_xml},
};
use crate::{HostError, Mac, ObjectId, facts::VirtualizationProof, usage::VmCounters};

/// How often a disc is taken from a guest that closes the tray again, and the pause in between: ten seconds in all, as a BIOS
/// looks at a drive for several while it boots.
const PINS: u32 = 50;
const PIN_PAUSE: Duration = Duration::from_millis(200);
/// What QEMU says then, about the tray of a device.
const TRAY_CLOSED: &str = "Tray of device";

/// libvirt on this host.
#[derive(Clone)]
pub struct Libvirt {
    uri: Arc<str>,
    connection: Arc<Mutex<Option<Arc<Connect>>>>,
    proof: Arc<VirtualizationProof>,
}

impl Libvirt {
    /// Connects when first used. `proof` says how VMs run whose spec does not.
    pub fn new(uri: &str, proof: Arc<VirtualizationProof>) -> Self {
        // libvirt would print every error to stderr.
        clear_error_callback();
        Self { uri: uri.into(), connection: Arc::default(), proof }
    }

    async fn call<T, F>(&self, what: &'static str, vm: &str, call: F) -> Result<T, HostError>
    where
        T: Send + 'static,
        F: Fn(&Connect) -> Result<T, Error> + Send + 'static,
    {
        let (libvirt, vm) = (self.clone(), vm.to_owned());
        let done = spawn_blocking(move || {
            let connection = libvirt.connect()?;
            match call(&connection) {
                Err(_) if !connection.is_alive().unwrap_or(false) => {
                    info!("lost libvirt; connects again");
                    libvirt.forget(&connection);
                    call(&*libvirt.connect()?)
                }
                done => done,
            }
            .map_err(|cause| HostError::Libvirt { what, vm, cause })
        });
        done.await.unwrap_or_else(|panicked| Err(HostError::io(what)(std::io::Error::other(panicked))))
    }

    fn connect(&self) -> Result<Arc<Connect>, HostError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = &*connection {
            return Ok(Arc::clone(connected));
        }
        let opened = Connect::open(Some(&self.uri))
            .map_err(|cause| HostError::NoLibvirt { uri: self.uri.to_string(), cause })?;
        Ok(Arc::clone(connection.insert(Arc::new(opened))))
    }

    fn forget(&self, lost: &Arc<Connect>) {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // Another call may have connected again already.
        connection.take_if(|current| Arc::ptr_eq(current, lost));
    }
}

#[async_trait]
impl Domains for Libvirt {
    async fn list(&self) -> Result<BTreeMap<ObjectId, DomainState>, HostError> {
        self.call("list", "(all)", |connection| {
            let mut ours = BTreeMap::new();
            for domain in connection.list_all_domains(0)? {
                // A domain that goes while it is listed is not there.
                let Some((name, state)) = existing(named_state(&domain))? else { continue };
                if let (Ok(vm), Some(state)) = (ObjectId::try_from(name), state) {
                    ours.insert(vm, state);
                }
            }
            Ok(ours)
        })
        .await
    }

    async fn state(&self, vm: &ObjectId) -> Result<Option<DomainState>, HostError> {
        let name = vm.to_string();
        self.call("look at", vm.as_str(), move |connection| {
            let looked = Domain::lookup_by_name(connection, &name).and_then(|domain| domain.get_state());
            Ok(existing(looked)?.and_then(|(state, _)| from_libvirt(state)))
        })
        .await
    }

    async fn define(&self, spec: &DomainSpec) -> Result<(), HostError> {
        let host = match self.proof.get().await?.virtualization {
            kvm::Virtualization::Kvm => Virtualization::Kvm,
            kvm::Virtualization::Qemu | kvm::Virtualization::Unspecified => Virtualization::Qemu,
        };
        if spec.uefi && !firmware::has_uefi() {
            return Err(HostError::NoUefi { vm: spec.uuid.to_string() });
        }
        let mut spec = spec.clone();
        for disk in spec.disks.iter_mut().filter(|disk| disk.cache == Cache::Auto) {
            disk.cache = if can_do_without_page_cache(&disk.path) { Cache::None } else { Cache::Writeback };
        }
        let xml = domain_xml(&spec, host).map_err(HostError::io("write a domain's definition"))?;
        self.call("define", spec.uuid.as_str(), move |connection| {
            Domain::define_xml_flags(connection, &xml, sys::VIR_DOMAIN_DEFINE_VALIDATE).map(|_| ())
        })
        .await
    }

    async fn act(&self, vm: &ObjectId, verb: Verb) -> Result<(), HostError> {
        let name = vm.to_string();
        self.call(verb.text(), vm.as_str(), move |connection| {
            let domain = Domain::lookup_by_name(connection, &name)?;
            match verb {
                Verb::Start => domain.create().map(|_| ()),
                Verb::PressPower => domain.shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN).map(|_| ()),
                Verb::PowerOff => domain.destroy(),
                Verb::Suspend => domain.suspend().map(|_| ()),
                Verb::Resume => domain.resume().map(|_| ()),
                Verb::Undefine => domain.undefine_flags(
                    sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                        | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                        | sys::VIR_DOMAIN_UNDEFINE_NVRAM,
                ),
            }
        })
        .await
    }

    async fn plug(&self, vm: &ObjectId, nic: &NicSpec) -> Result<(), HostError> {
        let (name, mac) = (vm.to_string(), nic.mac.clone());
        let device = nic_xml(nic).map_err(HostError::io("write a NIC's definition"))?;
        self.call("plug a NIC into", vm.as_str(), move |connection| {
            let domain = Domain::lookup_by_name(connection, &name)?;
            for place in places(&domain)? {
                // Either alone, since one of them may have it already: a call that was cut off is made again.
                if place.nic(&mac).is_none() {
                    domain.attach_device_flags(&device, place.affect)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn unplug(&self, vm: &ObjectId, mac: &Mac) -> Result<(), HostError> {
        let (name, mac) = (vm.to_string(), mac.clone());
        self.call("unplug a NIC of", vm.as_str(), move |connection| {
            let domain = Domain::lookup_by_name(connection, &name)?;
            for place in places(&domain)? {
                if let Some(device) = place.nic(&mac) {
                    domain.detach_device_flags(device, place.affect)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn has_nic(&self, vm: &ObjectId, mac: &Mac) -> Result<bool, HostError> {
        let (name, mac) = (vm.to_string(), mac.clone());
        self.call("look at", vm.as_str(), move |connection| {
            let places = places(&Domain::lookup_by_name(connection, &name)?)?;
            Ok(places.iter().any(|place| place.nic(&mac).is_some()))
        })
        .await
    }

    async fn set_link(&self, vm: &ObjectId, mac: &Mac, link: Link) -> Result<(), HostError> {
        let (name, wanted) = (vm.to_string(), mac.clone());
        let found = self.call("change the link of a NIC of", vm.as_str(), move |connection| {
            let domain = Domain::lookup_by_name(connection, &name)?;
            for place in places(&domain)? {
                let Some(nic) = place.nic(&wanted) else { return Ok(false) };
                // As it stands there but for its link: libvirt refuses a device that differs in anything else.
                if let Some(device) = xml::with_link(nic, link) {
                    domain.update_device_flags(&device, place.affect)?;
                }
            }
            Ok(true)
        });
        match found.await? {
            true => Ok(()),
            false => Err(HostError::NoNic { vm: vm.to_string(), mac: mac.to_string() }),
        }
    }

    async fn load(&self, vm: &ObjectId, cdrom: &CdromSpec) -> Result<(), HostError> {
        let (name, wanted) = (vm.to_string(), cdrom.clone());
        let found = self.call("change the disc in a drive of", vm.as_str(), move |connection| {
            let domain = Domain::lookup_by_name(connection, &name)?;
            for place in places(&domain)? {
                let Some(drive) = xml::drive_in(&place.xml, wanted.place) else { return Ok(false) };
                if drive.holds(wanted.path.as_deref()) {
                    continue;
                }
                change_disc(&domain, &drive, &wanted, place.affect)?;
            }
            Ok(true)
        });
        match found.await? {
            true => Ok(()),
            false => Err(HostError::NoDrive { vm: vm.to_string(), place: cdrom.place }),
        }
    }

    async fn vnc_port(&self, vm: &ObjectId) -> Result<u16, HostError> {
        let name = vm.to_string();
        let xml = self
            .call("look at", vm.as_str(), move |connection| {
                let found = Domain::lookup_by_name(connection, &name).and_then(|domain| domain.get_xml_desc(0));
                existing(found)
            })
            .await?
            .ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        Ok(super::xml::vnc_port(&xml).unwrap_or(0))
    }

    async fn counters(&self) -> Result<BTreeMap<ObjectId, VmCounters>, HostError> {
        self.call("measure", "(all)", |connection| {
            let mut ours = BTreeMap::new();
            for domain in connection.list_all_domains(sys::VIR_CONNECT_LIST_DOMAINS_ACTIVE)? {
                let Ok(vm) = ObjectId::try_from(domain.get_name()?) else { continue };
                // One that ended since is not measured; libvirt has more than one way to say that.
                if let Ok(counters) = stats::of(&domain) {
                    ours.insert(vm, counters);
                }
            }
            Ok(ours)
        })
        .await
    }

    async fn versions(&self) -> Result<(String, String), HostError> {
        self.call("tell the version of", "(none)", |connection| {
            Ok((version(connection.get_lib_version()?), version(connection.get_hyp_version()?)))
        })
        .await
    }
}

/// Where a domain has devices: in what its next start has, and in its guest while it runs.
struct Place {
    affect: u32,
    xml: String,
}

impl Place {
    fn nic(&self, mac: &Mac) -> Option<&str> {
        super::xml::nic_in(&self.xml, mac)
    }
}

fn places(domain: &Domain) -> Result<Vec<Place>, Error> {
    let (affect, xml) = (sys::VIR_DOMAIN_AFFECT_CONFIG, domain.get_xml_desc(sys::VIR_DOMAIN_XML_INACTIVE)?);
    let mut places = vec![Place { affect, xml }];
    if domain.is_active()? {
        places.push(Place { affect: sys::VIR_DOMAIN_AFFECT_LIVE, xml: domain.get_xml_desc(0)? });
    }
    Ok(places)
}

/// A guest may hold the tray while it uses the disc. It is asked first, and then the disc is taken from it, as from a
/// drive with a pin in the small hole. One that boots may close the tray between its being opened and the disc's being taken:
/// then it is opened again.
fn change_disc(domain: &Domain, drive: &Drive, wanted: &CdromSpec, affect: u32) -> Result<(), Error> {
    let Ok(device) = drive.xml_with(wanted.path.as_deref()) else { return Ok(()) };
    let asked = domain.update_device_flags(&device, affect);
    if asked.is_ok() || affect != sys::VIR_DOMAIN_AFFECT_LIVE {
        return asked.map(drop);
    }
    let force = || domain.update_device_flags(&device, affect | sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE);
    let mut forced = force();
    for _ in 1..PINS {
        if !forced.as_ref().is_err_and(|error| error.message().contains(TRAY_CLOSED)) {
            break;
        }
        thread::sleep(PIN_PAUSE);
        forced = force();
    }
    forced.map(drop)
}

/// QEMU refuses to start with `cache=none` where this fails, on some in-memory and network file systems.
fn can_do_without_page_cache(path: &Path) -> bool {
    OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECT.bits()).open(path).is_ok()
}

fn named_state(domain: &Domain) -> Result<(String, Option<DomainState>), Error> {
    Ok((domain.get_name()?, from_libvirt(domain.get_state()?.0)))
}

/// `None` where libvirt says there is no such domain.
fn existing<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if error.code() == ErrorNumber::NoDomain => Ok(None),
        result => result.map(Some),
    }
}

fn from_libvirt(state: sys::virDomainState) -> Option<DomainState> {
    match state {
        sys::VIR_DOMAIN_RUNNING | sys::VIR_DOMAIN_BLOCKED | sys::VIR_DOMAIN_SHUTDOWN => Some(DomainState::Running),
        sys::VIR_DOMAIN_PAUSED | sys::VIR_DOMAIN_PMSUSPENDED => Some(DomainState::Paused),
        sys::VIR_DOMAIN_SHUTOFF => Some(DomainState::Stopped),
        sys::VIR_DOMAIN_CRASHED => Some(DomainState::Crashed),
        _ => None,
    }
}

/// libvirt's 9000001 is 9.0.1.
fn version(number: u32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}

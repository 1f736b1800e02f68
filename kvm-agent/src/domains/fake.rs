//! A fake hypervisor: VMs are entries in a map, with the same states and transitions as real ones.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cumulo_agent_rt::sim::Notebook;
use cumulo_proto::Memory;
use serde::{Deserialize, Serialize};

use super::{CdromSpec, DiskSpec, DomainSpec, DomainState, Domains, Link, NicSpec, Verb, xml};
use crate::{
    HostError, Mac, ObjectId,
    usage::{DiskCounters, NicCounters, VmCounters},
};

const FIRST_VNC_PORT: u16 = 5900;

/// A VM of the fake hypervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FakeDomain {
    /// Its state.
    pub state: DomainState,
    /// How it was defined last.
    pub spec: DomainSpec,
    /// Its console's port while it runs.
    pub vnc_port: u16,
}

/// VMs in memory, and in a notebook where they are to outlive their process. Clones are the same hypervisor.
#[derive(Debug, Clone, Default)]
pub struct FakeDomains {
    state: Arc<Mutex<BTreeMap<ObjectId, FakeDomain>>>,
    notes: Arc<Notebook>,
    deaf: Arc<AtomicBool>,
    bios_only: Arc<AtomicBool>,
    used: Arc<Mutex<BTreeMap<ObjectId, (Instant, VmCounters)>>>,
}

impl FakeDomains {
    /// The hypervisor whose VMs are noted in the file `notes`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn kept(notes: &Path) -> io::Result<Self> {
        let (notes, vms) = Notebook::open(notes)?;
        Ok(Self { state: Arc::new(Mutex::new(vms)), notes: Arc::new(notes), ..Self::default() })
    }

    /// The VMs there are.
    pub fn domains(&self) -> BTreeMap<ObjectId, FakeDomain> {
        self.state().clone()
    }

    /// Whether guests ignore their power button, and keep what is unplugged, from now on.
    pub fn set_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
    }

    /// Whether there is no UEFI firmware here, from now on.
    pub fn set_bios_only(&self, bios_only: bool) {
        self.bios_only.store(bios_only, Ordering::Relaxed);
    }

    /// Puts a VM into a state as if it happened by itself: a crash, a shutdown from inside.
    pub fn set_state(&self, vm: &ObjectId, state: DomainState) {
        let mut vms = self.state();
        if let Some(domain) = vms.get_mut(vm) {
            domain.state = state;
        }
        self.note(&vms, vm);
    }

    /// What a power failure leaves: all VMs are defined and none runs.
    pub fn lose_power(&self) {
        for (vm, domain) in &mut *self.state() {
            domain.state = DomainState::Stopped;
            self.notes.note(vm, Some(domain));
        }
    }

    /// Notes what `vm` is now.
    fn note(&self, vms: &BTreeMap<ObjectId, FakeDomain>, vm: &ObjectId) {
        self.notes.note(vm, vms.get(vm));
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<ObjectId, FakeDomain>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Domains for FakeDomains {
    async fn list(&self) -> Result<BTreeMap<ObjectId, DomainState>, HostError> {
        Ok(self.state().iter().map(|(vm, domain)| (vm.clone(), domain.state)).collect())
    }

    async fn state(&self, vm: &ObjectId) -> Result<Option<DomainState>, HostError> {
        Ok(self.state().get(vm).map(|domain| domain.state))
    }

    async fn define(&self, spec: &DomainSpec) -> Result<(), HostError> {
        if spec.uefi && self.bios_only.load(Ordering::Relaxed) {
            return Err(HostError::NoUefi { vm: spec.uuid.to_string() });
        }
        let mut state = self.state();
        let used: Vec<_> = state.values().map(|d| d.vnc_port).collect();
        let free = (FIRST_VNC_PORT..=u16::MAX).find(|port| !used.contains(port)).unwrap_or_default();
        let before = state.get(&spec.uuid);
        let domain = FakeDomain {
            state: before.map_or(DomainState::Stopped, |d| d.state),
            spec: spec.clone(),
            vnc_port: before.map_or(free, |d| d.vnc_port),
        };
        state.insert(spec.uuid.clone(), domain);
        self.note(&state, &spec.uuid);
        Ok(())
    }

    async fn act(&self, vm: &ObjectId, verb: Verb) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        match domain.state.after(verb) {
            Some(Some(_)) if verb == Verb::PressPower && !self.deaf.load(Ordering::Relaxed) => {
                domain.state = DomainState::Stopped;
            }
            Some(Some(next)) => domain.state = next,
            Some(None) => {
                state.remove(vm);
            }
            None => {
                return Err(HostError::VmState { vm: vm.to_string(), state: domain.state, what: "do that" });
            }
        }
        self.note(&state, vm);
        Ok(())
    }

    async fn plug(&self, vm: &ObjectId, nic: &NicSpec) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        if domain.spec.nics.iter().all(|there| there.mac != nic.mac) {
            domain.spec.nics.push(nic.clone());
        }
        self.note(&state, vm);
        Ok(())
    }

    async fn unplug(&self, vm: &ObjectId, mac: &Mac) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        let lets_go = domain.state != DomainState::Running || !self.deaf.load(Ordering::Relaxed);
        domain.spec.nics.retain(|there| there.mac != *mac || !lets_go);
        self.note(&state, vm);
        Ok(())
    }

    async fn has_nic(&self, vm: &ObjectId, mac: &Mac) -> Result<bool, HostError> {
        let state = self.state();
        let domain = state.get(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        Ok(domain.spec.nics.iter().any(|there| there.mac == *mac))
    }

    async fn set_link(&self, vm: &ObjectId, mac: &Mac, link: Link) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        let none = || HostError::NoNic { vm: vm.to_string(), mac: mac.to_string() };
        domain.spec.nics.iter_mut().find(|there| there.mac == *mac).ok_or_else(none)?.link = link;
        self.note(&state, vm);
        Ok(())
    }

    async fn load(&self, vm: &ObjectId, cdrom: &CdromSpec) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        let drive = domain.spec.cdroms.iter_mut().find(|there| there.place == cdrom.place);
        let none = || HostError::NoDrive { vm: vm.to_string(), place: cdrom.place };
        drive.ok_or_else(none)?.path.clone_from(&cdrom.path);
        self.note(&state, vm);
        Ok(())
    }

    async fn vnc_port(&self, vm: &ObjectId) -> Result<u16, HostError> {
        self.state().get(vm).map(|d| d.vnc_port).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })
    }

    /// A VM that runs works half of its time and moves a mebibyte a second through each disk and NIC; half of its memory
    /// is in use.
    async fn counters(&self) -> Result<BTreeMap<ObjectId, VmCounters>, HostError> {
        let (now, state) = (Instant::now(), self.state());
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|vm, _| state.get(vm).is_some_and(|domain| is_up(domain.state)));
        for (vm, domain) in state.iter().filter(|(_, domain)| is_up(domain.state)) {
            let (at, counters) = used.entry(vm.clone()).or_insert_with(|| (now, VmCounters::default()));
            let passed = if domain.state == DomainState::Running { now - *at } else { Duration::ZERO };
            advance(counters, &domain.spec, passed);
            *at = now;
        }
        Ok(used.iter().map(|(vm, (_, counters))| (vm.clone(), counters.clone())).collect())
    }

    async fn versions(&self) -> Result<(String, String), HostError> {
        Ok(("9.0.0".to_owned(), "7.2.0".to_owned()))
    }
}

fn target(disk: &DiskSpec) -> String {
    xml::target(disk, true).0
}

fn is_up(state: DomainState) -> bool {
    matches!(state, DomainState::Running | DomainState::Paused)
}

fn advance(counters: &mut VmCounters, spec: &DomainSpec, passed: Duration) {
    let bytes = u64::try_from((passed.as_micros() << 20) / 1_000_000).unwrap_or(0);
    counters.cpus = spec.cpus;
    counters.cpu_time += passed * spec.cpus / 2;
    counters.memory = Memory { total: spec.memory, available: spec.memory / 2 };
    for disk in &spec.disks {
        let disk = counters.disks.entry(target(disk)).or_default();
        let DiskCounters { read_bytes, written_bytes, reads, writes } = *disk;
        *disk = DiskCounters {
            read_bytes: read_bytes + bytes,
            written_bytes: written_bytes + bytes,
            reads: reads + (bytes >> 12),
            writes: writes + (bytes >> 12),
        };
    }
    for nic in &spec.nics {
        let nic = counters.nics.entry(nic.device.to_string()).or_default();
        nic.in_bytes += bytes;
        nic.out_bytes += bytes;
        nic.in_packets += bytes >> 10;
        nic.out_packets += bytes >> 10;
    }
    let named = |device: &String| spec.nics.iter().any(|nic| nic.device.as_str() == device);
    counters.nics.retain(|device, _: &mut NicCounters| named(device));
    counters.disks.retain(|device, _| spec.disks.iter().any(|disk| target(disk) == *device));
}

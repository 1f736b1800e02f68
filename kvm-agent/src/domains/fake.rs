//! A fake hypervisor: VMs are entries in a map, with the same states and transitions as real ones.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use super::{DomainSpec, DomainState, Domains, NicSpec, Verb};
use crate::{HostError, Mac, ObjectId};

const FIRST_VNC_PORT: u16 = 5900;

/// A VM of the fake hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeDomain {
    /// Its state.
    pub state: DomainState,
    /// How it was defined last.
    pub spec: DomainSpec,
    /// Its console's port while it runs.
    pub vnc_port: u16,
}

/// VMs in memory. Clones are the same hypervisor.
#[derive(Debug, Clone, Default)]
pub struct FakeDomains {
    state: Arc<Mutex<BTreeMap<ObjectId, FakeDomain>>>,
    deaf: Arc<AtomicBool>,
}

impl FakeDomains {
    /// The VMs there are.
    pub fn domains(&self) -> BTreeMap<ObjectId, FakeDomain> {
        self.state().clone()
    }

    /// Whether guests ignore their power button, and keep what is unplugged, from now on.
    pub fn set_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
    }

    /// Puts a VM into a state as if it happened by itself: a crash, a shutdown from inside.
    pub fn set_state(&self, vm: &ObjectId, state: DomainState) {
        if let Some(domain) = self.state().get_mut(vm) {
            domain.state = state;
        }
    }

    /// What a power failure leaves: all VMs are defined and none runs.
    pub fn lose_power(&self) {
        for domain in self.state().values_mut() {
            domain.state = DomainState::Stopped;
        }
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
        Ok(())
    }

    async fn plug(&self, vm: &ObjectId, nic: &NicSpec) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        if domain.spec.nics.iter().all(|there| there.mac != nic.mac) {
            domain.spec.nics.push(nic.clone());
        }
        Ok(())
    }

    async fn unplug(&self, vm: &ObjectId, mac: &Mac) -> Result<(), HostError> {
        let mut state = self.state();
        let domain = state.get_mut(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        let lets_go = domain.state != DomainState::Running || !self.deaf.load(Ordering::Relaxed);
        domain.spec.nics.retain(|there| there.mac != *mac || !lets_go);
        Ok(())
    }

    async fn has_nic(&self, vm: &ObjectId, mac: &Mac) -> Result<bool, HostError> {
        let state = self.state();
        let domain = state.get(vm).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })?;
        Ok(domain.spec.nics.iter().any(|there| there.mac == *mac))
    }

    async fn vnc_port(&self, vm: &ObjectId) -> Result<u16, HostError> {
        self.state().get(vm).map(|d| d.vnc_port).ok_or_else(|| HostError::NoVm { vm: vm.to_string() })
    }

    async fn versions(&self) -> Result<(String, String), HostError> {
        Ok(("9.0.0".to_owned(), "7.2.0".to_owned()))
    }
}

//! Drivers that remember what they made, and fail where they are told to.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::network::{L2Driver, NetworkServiceBackend, ServiceRequest},
    message::vm::StopVms,
    resource::{L2Network, L3Network, VmInstance, VmState},
};
use cumulo_kernel::{
    Kernel,
    bus::Handle,
    faults::{Point, Probe, Verdict},
};
use cumulo_schema::{ErrorCode, Uuid};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bridges by host and network.
#[derive(Debug, Default)]
pub(crate) struct Bridges {
    there: Mutex<BTreeSet<(Uuid, Uuid)>>,
    broken: Mutex<BTreeSet<Uuid>>,
}

impl Bridges {
    pub(crate) fn on(&self, host: Uuid) -> usize {
        locked(&self.there).iter().filter(|(on, _)| *on == host).count()
    }

    pub(crate) fn break_host(&self, host: Uuid) {
        locked(&self.broken).insert(host);
    }

    pub(crate) fn mend_host(&self, host: Uuid) {
        locked(&self.broken).remove(&host);
    }

    fn check(&self, host: Uuid) -> Result<(), ErrorCode> {
        match locked(&self.broken).contains(&host) {
            true => Err(ErrorCode::operation("no such interface")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl L2Driver for Bridges {
    fn bridge(&self, l2: &L2Network) -> String {
        format!("br_{}", l2.physical_interface.as_deref().unwrap_or_default())
    }

    async fn ensure(&self, host: Uuid, _: Uuid, l2: &L2Network) -> Result<(), ErrorCode> {
        self.check(host)?;
        locked(&self.there).insert((host, l2.uuid));
        Ok(())
    }

    async fn remove(&self, host: Uuid, _: Uuid, l2: &L2Network) -> Result<(), ErrorCode> {
        self.check(host)?;
        locked(&self.there).remove(&(host, l2.uuid));
        Ok(())
    }
}

/// A provider of network services.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    /// NIC and service.
    served: Mutex<BTreeSet<(Uuid, String)>>,
    forgotten: Mutex<Vec<Uuid>>,
    refreshed: Mutex<Vec<Uuid>>,
    /// Network and its services.
    prepared: Mutex<Vec<(Uuid, Vec<String>)>>,
    unready: AtomicBool,
}

impl Provider {
    pub(crate) fn serves(&self, nic: Uuid) -> Vec<String> {
        locked(&self.served).iter().filter(|(served, _)| *served == nic).map(|(_, service)| service.clone()).collect()
    }

    pub(crate) fn forgotten(&self) -> Vec<Uuid> {
        locked(&self.forgotten).clone()
    }

    /// What was prepared since this was asked last.
    pub(crate) fn prepared(&self) -> Vec<(Uuid, Vec<String>)> {
        std::mem::take(&mut locked(&self.prepared))
    }

    /// Whether preparing fails from now on.
    pub(crate) fn set_unready(&self, unready: bool) {
        self.unready.store(unready, Ordering::Relaxed);
    }

    pub(crate) fn refreshed(&self) -> Vec<Uuid> {
        locked(&self.refreshed).clone()
    }
}

#[async_trait]
impl NetworkServiceBackend for Provider {
    fn name(&self) -> &'static str {
        "A provider"
    }

    fn services(&self) -> &'static [&'static str] {
        &["DHCP", "Userdata"]
    }

    async fn serve(&self, request: &ServiceRequest) -> Result<(), ErrorCode> {
        let new = request.services.iter().map(|service| (request.nic.nic, service.clone()));
        locked(&self.served).extend(new);
        Ok(())
    }

    async fn unserve(&self, request: &ServiceRequest) -> Result<(), ErrorCode> {
        locked(&self.served).retain(|(nic, _)| *nic != request.nic.nic);
        Ok(())
    }

    async fn prepare(&self, l3: &L3Network, services: &[String]) -> Result<(), ErrorCode> {
        if self.unready.load(Ordering::Relaxed) {
            return Err(ErrorCode::operation("no free address"));
        }
        let mut services = services.to_vec();
        services.sort();
        locked(&self.prepared).push((l3.uuid, services));
        Ok(())
    }

    async fn forget(&self, l3: &L3Network) -> Result<(), ErrorCode> {
        locked(&self.forgotten).push(l3.uuid);
        Ok(())
    }

    async fn refresh(&self, l3: &L3Network) -> Result<(), ErrorCode> {
        locked(&self.refreshed).push(l3.uuid);
        Ok(())
    }
}

/// Fails one step, before or after it takes effect.
#[derive(Debug, Default)]
pub(crate) struct FailStep(Mutex<Option<(String, bool)>>);

impl FailStep {
    pub(crate) fn arm(&self, step: &str, after: bool) {
        *locked(&self.0) = Some((step.to_owned(), after));
    }

    pub(crate) fn disarm(&self) {
        *locked(&self.0) = None;
    }
}

impl Probe for FailStep {
    fn at(&self, point: Point<'_>) -> Verdict {
        let here = match point {
            Point::StepStart { step, .. } => (step.to_owned(), false),
            Point::StepEnd { step, .. } => (step.to_owned(), true),
            _ => return Verdict::Pass,
        };
        match locked(&self.0).as_ref() == Some(&here) {
            true => Verdict::Fail(ErrorCode::operation("a test wants it so")),
            false => Verdict::Pass,
        }
    }
}

/// Stands for the VM service: stops VMs by a word on the record.
pub(crate) struct Guests {
    kernel: Kernel,
    stopped: Mutex<Vec<Uuid>>,
    stuck: Mutex<bool>,
}

impl Guests {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self { kernel, stopped: Mutex::default(), stuck: Mutex::default() }
    }

    pub(crate) fn stick(&self, stuck: bool) {
        *locked(&self.stuck) = stuck;
    }

    pub(crate) fn stopped(&self) -> Vec<Uuid> {
        locked(&self.stopped).clone()
    }
}

#[async_trait]
impl Handle<StopVms> for Guests {
    async fn handle(&self, ask: StopVms) -> Result<(), ErrorCode> {
        if *locked(&self.stuck) {
            return Err(ErrorCode::operation("the guest does not stop"));
        }
        let mut batch = self.kernel.db().batch();
        let update = batch.update::<VmInstance>().set(VmInstance::STATE, &VmState::Stopped);
        update.one_of(VmInstance::UUID, &ask.vms).any();
        self.kernel.db().commit(batch).await?;
        locked(&self.stopped).extend(ask.vms);
        Ok(())
    }
}

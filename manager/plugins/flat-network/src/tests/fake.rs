//! Hosts that remember what they serve, and an address service with one address.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cumulo_contracts::message::network::{GuestMtu, HoldServiceIp, IpLease, ReleaseServiceIp};
use cumulo_kernel::bus::Handle;
use cumulo_proto::kvm::{DhcpEntry, DhcpNetwork, UserdataEntry};
use cumulo_schema::{ErrorCode, Uuid};
use tokio::sync::oneshot;

use crate::hosts::FlatHosts;

/// What a host serves of one network.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) dhcp: DhcpNetwork,
    pub(super) entries: BTreeMap<String, DhcpEntry>,
    pub(super) userdata: BTreeMap<String, UserdataEntry>,
    generation: u64,
}

#[derive(Debug, Default)]
struct State {
    networks: HashMap<(Uuid, Uuid), Served>,
    calls: usize,
    /// The next call fails; whether it takes effect all the same.
    failing: Option<bool>,
    /// The next whole network waits here.
    hold: Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>,
}

/// The hosts.
#[derive(Debug, Default)]
pub(super) struct FakeHosts(Mutex<State>);

/// A host that was asked to serve a whole network and does it when it is released.
pub(super) struct Held {
    pub(super) arrived: oneshot::Receiver<()>,
    pub(super) release: oneshot::Sender<()>,
}

impl FakeHosts {
    pub(super) fn hold_next_whole(&self) -> Held {
        let ((at, arrived), (release, released)) = (oneshot::channel(), oneshot::channel());
        self.lock().hold = Some((at, released));
        Held { arrived, release }
    }

    pub(super) fn network(&self, host: Uuid, l3: Uuid) -> Option<Served> {
        self.lock().networks.get(&(host, l3)).cloned()
    }

    pub(super) fn calls(&self) -> usize {
        self.lock().calls
    }

    pub(super) fn fail_next(&self, doing: bool) {
        self.lock().failing = Some(doing);
    }

    pub(super) fn reboot(&self, host: Uuid) {
        self.lock().networks.retain(|(on, _), _| *on != host);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, work: impl FnOnce(&mut State) -> Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        let mut state = self.lock();
        state.calls += 1;
        let lost = || ErrorCode::operation("the host did not answer");
        match state.failing.take() {
            Some(false) => Err(lost()),
            Some(true) => work(&mut state).and(Err(lost())),
            None => work(&mut state),
        }
    }
}

#[async_trait]
impl FlatHosts for FakeHosts {
    async fn ensure_dhcp(
        &self,
        host: Uuid,
        _: Uuid,
        network: DhcpNetwork,
        entries: Vec<DhcpEntry>,
        generation: u64,
    ) -> Result<(), ErrorCode> {
        let hold = self.lock().hold.take();
        if let Some((arrived, released)) = hold {
            arrived.send(()).expect("the test waits");
            released.await.expect("the test releases it");
        }
        self.call(|state| {
            let l3 = network.l3_uuid.parse().expect("a uuid");
            let before = state.networks.remove(&(host, l3));
            if before.as_ref().is_some_and(|before| before.generation > generation) {
                return Err(ErrorCode::operation("an old generation"));
            }
            let userdata = before.map(|before| before.userdata).unwrap_or_default();
            let entries = entries.into_iter().map(|entry| (entry.nic_uuid.clone(), entry)).collect();
            state.networks.insert((host, l3), Served { dhcp: network, entries, userdata, generation });
            Ok(())
        })
    }

    async fn add_dhcp_entry(
        &self,
        host: Uuid,
        _: Uuid,
        network: DhcpNetwork,
        entry: DhcpEntry,
    ) -> Result<(), ErrorCode> {
        self.call(|state| {
            let l3 = network.l3_uuid.parse().expect("a uuid");
            let served = state.networks.entry((host, l3)).or_insert_with(|| Served {
                dhcp: network.clone(),
                entries: BTreeMap::new(),
                userdata: BTreeMap::new(),
                generation: 0,
            });
            served.dhcp = network;
            served.entries.insert(entry.nic_uuid.clone(), entry);
            Ok(())
        })
    }

    async fn remove_dhcp_entry(&self, host: Uuid, _: Uuid, l3: Uuid, nic: Uuid) -> Result<(), ErrorCode> {
        self.call(|state| {
            if let Some(served) = state.networks.get_mut(&(host, l3)) {
                served.entries.remove(&nic.to_string());
            }
            Ok(())
        })
    }

    async fn remove_dhcp(&self, host: Uuid, _: Uuid, l3: Uuid) -> Result<(), ErrorCode> {
        self.call(|state| {
            state.networks.remove(&(host, l3));
            Ok(())
        })
    }

    async fn ensure_userdata(&self, host: Uuid, _: Uuid, l3: Uuid, entry: UserdataEntry) -> Result<(), ErrorCode> {
        self.call(|state| {
            let served = state.networks.get_mut(&(host, l3)).ok_or_else(|| ErrorCode::operation("no DHCP there"))?;
            served.userdata.insert(entry.vm_uuid.clone(), entry);
            Ok(())
        })
    }

    async fn remove_userdata(&self, host: Uuid, _: Uuid, l3: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.call(|state| {
            if let Some(served) = state.networks.get_mut(&(host, l3)) {
                served.userdata.remove(&vm.to_string());
            }
            Ok(())
        })
    }
}

/// Gives every service the same address.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<bool>);

impl Addresses {
    pub(super) fn held(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Handle<HoldServiceIp> for Addresses {
    async fn handle(&self, _: HoldServiceIp) -> Result<IpLease, ErrorCode> {
        *self.lock() = true;
        Ok(IpLease {
            used_ip: Uuid::random(),
            ip: "10.0.0.2".to_owned(),
            netmask: "255.255.255.0".to_owned(),
            gateway: "10.0.0.1".to_owned(),
            prefix_len: 24,
            ip_version: 4,
        })
    }
}

#[async_trait]
impl Handle<GuestMtu> for Addresses {
    async fn handle(&self, _: GuestMtu) -> Result<u32, ErrorCode> {
        Ok(1450)
    }
}

#[async_trait]
impl Handle<ReleaseServiceIp> for Addresses {
    async fn handle(&self, _: ReleaseServiceIp) -> Result<(), ErrorCode> {
        *self.lock() = false;
        Ok(())
    }
}

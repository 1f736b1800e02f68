//! A fake [`Network`]: bridges are entries in a map.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cumulo_agent_rt::sim::Notebook;
use serde::{Deserialize, Serialize};

use super::{Interface, Network};
use crate::{HostError, IfName};

/// A bridge of the fake network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FakeBridge {
    /// Its physical port.
    pub nic: IfName,
    /// Its MTU where that was set.
    pub mtu: Option<u32>,
}

/// Bridges in memory, and in notebooks where they are to outlive their process. Clones are the same network.
#[derive(Debug, Clone)]
pub struct FakeNetwork {
    nics: Arc<BTreeSet<IfName>>,
    bridges: Arc<Mutex<BTreeMap<IfName, FakeBridge>>>,
    /// Devices with their NIC and id.
    vlans: Arc<Mutex<BTreeMap<IfName, (IfName, u16)>>>,
    bridge_notes: Arc<Notebook>,
    vlan_notes: Arc<Notebook>,
}

impl FakeNetwork {
    /// A host with these physical NICs.
    pub fn new(nics: impl IntoIterator<Item = IfName>) -> Self {
        Self {
            nics: Arc::new(nics.into_iter().collect()),
            bridges: Arc::default(),
            vlans: Arc::default(),
            bridge_notes: Arc::default(),
            vlan_notes: Arc::default(),
        }
    }

    /// A host with these physical NICs and what is noted in the folder `dir`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn kept(nics: impl IntoIterator<Item = IfName>, dir: &Path) -> io::Result<Self> {
        let (bridge_notes, bridges) = Notebook::open(&dir.join("bridges"))?;
        let (vlan_notes, vlans) = Notebook::open(&dir.join("vlans"))?;
        Ok(Self {
            bridges: Arc::new(Mutex::new(bridges)),
            vlans: Arc::new(Mutex::new(vlans)),
            bridge_notes: Arc::new(bridge_notes),
            vlan_notes: Arc::new(vlan_notes),
            ..Self::new(nics)
        })
    }

    /// The bridges there are.
    pub fn bridges(&self) -> BTreeMap<IfName, FakeBridge> {
        self.lock().clone()
    }

    /// The VLANs there are, by device: of which NIC, and their id.
    pub fn vlans(&self) -> BTreeMap<IfName, (IfName, u16)> {
        self.vlans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn check_nic(&self, name: &IfName) -> Result<(), HostError> {
        if self.nics.contains(name) || self.vlans().contains_key(name) {
            return Ok(());
        }
        let present: Vec<_> = self.nics.iter().map(IfName::as_str).collect();
        Err(HostError::NoInterface { name: name.to_string(), present: present.join(", ") })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IfName, FakeBridge>> {
        self.bridges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Network for FakeNetwork {
    async fn interface(&self, name: &IfName) -> Result<Option<Interface>, HostError> {
        if self.check_nic(name).is_err() {
            return Ok(None);
        }
        let bridges = self.lock();
        let bridge = bridges.iter().find(|(_, b)| b.nic == *name).map(|(name, _)| name.to_string());
        Ok(Some(Interface { up: true, bridge, mtu: 1500, mac: "52:54:00:00:00:01".to_owned() }))
    }

    async fn ensure_bridge(&self, bridge: &IfName, nic: &IfName, mtu: Option<u32>) -> Result<(), HostError> {
        self.check_nic(nic)?;
        let mut bridges = self.lock();
        if let Some((other, _)) = bridges.iter().find(|(name, b)| *name != bridge && b.nic == *nic) {
            let (name, other) = (nic.to_string(), other.to_string());
            return Err(HostError::InterfaceTaken { name, other, bridge: bridge.to_string() });
        }
        let made = FakeBridge { nic: nic.clone(), mtu };
        self.bridge_notes.note(bridge, Some(&made));
        bridges.insert(bridge.clone(), made);
        Ok(())
    }

    async fn ensure_vlan(&self, device: &IfName, nic: &IfName, id: u16) -> Result<(), HostError> {
        self.check_nic(nic)?;
        let mut vlans = self.vlans.lock().unwrap_or_else(PoisonError::into_inner);
        let other = vlans.iter().find(|(other, vlan)| *other != device && **vlan == (nic.clone(), id));
        if let Some((other, _)) = other {
            let (nic, other) = (nic.to_string(), other.to_string());
            return Err(HostError::VlanTaken { nic, id, other });
        }
        self.vlan_notes.note(device, Some(&(nic, id)));
        vlans.insert(device.clone(), (nic.clone(), id));
        Ok(())
    }

    async fn remove_vlan(&self, device: &IfName) -> Result<(), HostError> {
        let mut vlans = self.vlans.lock().unwrap_or_else(PoisonError::into_inner);
        self.vlan_notes.note(device, None::<&()>);
        vlans.remove(device);
        Ok(())
    }

    async fn remove_bridge(&self, bridge: &IfName, _: &IfName) -> Result<(), HostError> {
        let mut bridges = self.lock();
        self.bridge_notes.note(bridge, None::<&FakeBridge>);
        bridges.remove(bridge);
        Ok(())
    }
}

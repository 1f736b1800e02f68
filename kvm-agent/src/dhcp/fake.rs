//! A fake [`Dhcp`]: what was applied last.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Dhcp, L3State};
use crate::{HostError, ObjectId};

/// DHCP servers in memory. Clones are the same servers.
#[derive(Debug, Clone, Default)]
pub struct FakeDhcp {
    applied: Arc<Mutex<BTreeMap<ObjectId, L3State>>>,
}

impl FakeDhcp {
    /// What is served.
    pub fn applied(&self) -> BTreeMap<ObjectId, L3State> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectId, L3State>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Dhcp for FakeDhcp {
    async fn apply(&self, state: &L3State) -> Result<(), HostError> {
        self.lock().insert(state.network.l3.clone(), state.clone());
        Ok(())
    }

    fn runs(&self, l3: &ObjectId) -> bool {
        self.lock().contains_key(l3)
    }

    async fn remove(&self, l3: &ObjectId) -> Result<(), HostError> {
        self.lock().remove(l3);
        Ok(())
    }
}

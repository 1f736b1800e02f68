//! A fake [`Userdata`]: what was applied last.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::Userdata;
use crate::{
    HostError, ObjectId,
    dhcp::{L3State, UserdataEntry},
};

/// Metadata in memory: per network, per VM. Clones are the same services.
#[derive(Debug, Clone, Default)]
pub struct FakeUserdata {
    served: Arc<Mutex<BTreeMap<ObjectId, BTreeMap<ObjectId, UserdataEntry>>>>,
}

impl FakeUserdata {
    /// What is served.
    pub fn served(&self) -> BTreeMap<ObjectId, BTreeMap<ObjectId, UserdataEntry>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectId, BTreeMap<ObjectId, UserdataEntry>>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Userdata for FakeUserdata {
    async fn apply(&self, state: &L3State) -> Result<(), HostError> {
        self.lock().insert(state.network.l3.clone(), state.userdata.clone());
        Ok(())
    }

    async fn remove(&self, l3: &ObjectId) -> Result<(), HostError> {
        self.lock().remove(l3);
        Ok(())
    }
}

//! The wanted state of all L3 networks on this host, kept over restarts of the agent.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

use super::L3State;
use crate::{HostError, ObjectId};

/// What should be served, per network. Changes are on disk before they are applied, so that an agent that restarts
/// serves what it served, metadata included, without waiting for a manager.
pub struct Networks {
    dir: Option<PathBuf>,
    states: Mutex<BTreeMap<ObjectId, L3State>>,
    applying: Mutex<BTreeMap<ObjectId, Weak<tokio::sync::Mutex<()>>>>,
}

impl Networks {
    /// Forgotten with the process.
    pub fn in_memory() -> Self {
        Self { dir: None, states: Mutex::default(), applying: Mutex::default() }
    }

    /// Kept in `dir`, which is made where it is missing and private: user data holds secrets.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(dir: PathBuf) -> Result<Self, HostError> {
        let failed = |what: &str| HostError::io(format!("{what} {}", dir.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed("make the folder"))?;
        let mut states = BTreeMap::new();
        for file in fs::read_dir(&dir).map_err(failed("read the folder"))? {
            let path = file.map_err(failed("read the folder"))?.path();
            if path.extension().is_some_and(|e| e == "json") {
                let bytes = fs::read(&path).map_err(HostError::io(format!("read {}", path.display())))?;
                let state: L3State =
                    serde_json::from_slice(&bytes).map_err(|cause| HostError::State { path, cause })?;
                states.insert(state.network.l3.clone(), state);
            }
        }
        Ok(Self { dir: Some(dir), states: Mutex::new(states), applying: Mutex::default() })
    }

    /// Held by whoever applies the state of a network. Commands on one network come in order anyway; this keeps what is
    /// restored after a start from overtaking them.
    pub async fn applying(&self, l3: &ObjectId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
            applying.retain(|_, lock| lock.strong_count() > 0);
            let known = applying.get(l3).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::default();
                applying.insert(l3.clone(), Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }

    /// The state of one network.
    pub fn get(&self, l3: &ObjectId) -> Option<L3State> {
        self.lock().get(l3).cloned()
    }

    /// All networks.
    pub fn all(&self) -> Vec<ObjectId> {
        self.lock().keys().cloned().collect()
    }

    /// Keeps a state.
    ///
    /// # Errors
    /// When it cannot be written down; then nothing changed.
    pub fn put(&self, state: L3State) -> Result<(), HostError> {
        let mut states = self.lock();
        if states.get(&state.network.l3) == Some(&state) {
            return Ok(());
        }
        if let Some(path) = self.path(&state.network.l3) {
            let bytes = serde_json::to_vec(&state).map_err(|cause| HostError::State { path: path.clone(), cause })?;
            write_private(&path, &bytes).map_err(HostError::io(format!("write {}", path.display())))?;
        }
        states.insert(state.network.l3.clone(), state);
        Ok(())
    }

    /// Forgets a network.
    ///
    /// # Errors
    /// When it cannot be removed from disk; then nothing changed.
    pub fn remove(&self, l3: &ObjectId) -> Result<(), HostError> {
        let mut states = self.lock();
        if let Some(path) = self.path(l3)
            && let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(HostError::io(format!("remove {}", path.display()))(error));
        }
        states.remove(l3);
        Ok(())
    }

    fn path(&self, l3: &ObjectId) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(format!("{l3}.json")))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectId, L3State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces a file that only the owner may read.
pub(super) fn write_private(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let part = path.with_extension("part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    fs::rename(&part, path)
}

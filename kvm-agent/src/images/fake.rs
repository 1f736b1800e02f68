//! A fake [`ImageStore`]: any path of any server is an image, except where this host was joined with the fake disk of a backup
//! storage; there uploads arrive too.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cumulo_agent_rt::storage::{Confined, FakeDisks, FakeFile};

use super::{Expected, ImageStore, OnProgress, RemoteFile};
use crate::HostError;

/// What an image of a server is that nothing is known of.
const DEFAULT_VIRTUAL: u64 = 1 << 30;
const DEFAULT_ACTUAL: u64 = 64 << 20;

/// Images that arrive at once on a fake disk. Clones are the same store.
#[derive(Debug, Clone)]
pub struct FakeImages {
    disks: FakeDisks,
    joined: Arc<Mutex<BTreeMap<String, FakeDisks>>>,
}

impl FakeImages {
    /// Images that arrive on `disks`.
    pub fn new(disks: FakeDisks) -> Self {
        Self { disks, joined: Arc::default() }
    }

    /// From now on the files of the server `host` are those of `disks`.
    pub fn join(&self, host: &str, disks: FakeDisks) {
        self.lock().insert(host.to_owned(), disks);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, FakeDisks>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ImageStore for FakeImages {
    async fn fetch(
        &self,
        from: &RemoteFile,
        to: &Confined,
        expected: &Expected,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError> {
        let joined = self.lock().get(&from.host).cloned();
        let file = match joined {
            Some(disks) => disks.files().remove(Path::new(&from.path)).ok_or_else(|| cannot_be_opened(from))?,
            None => FakeFile::whole("qcow2", DEFAULT_VIRTUAL, expected.size.unwrap_or(DEFAULT_ACTUAL)),
        };
        let size = file.actual_size;
        self.disks.put(to.path(), file)?;
        progress(size, size);
        Ok(())
    }

    async fn upload(&self, from: &Confined, to: &RemoteFile, progress: OnProgress<'_>) -> Result<String, HostError> {
        let there = self.lock().get(&to.host).cloned();
        let there = there.ok_or_else(|| to.failed(format!("{} does not answer", to.host)))?;
        let file = self.disks.files().remove(from.path()).ok_or_else(|| to.failed("it is not on this host"))?;
        if !there.files().contains_key(Path::new(&to.path)) {
            return Err(cannot_be_opened(to));
        }
        let (size, sha256) = (file.actual_size, FakeDisks::digests_of(&file).sha256);
        there.put(Path::new(&to.path), file)?;
        progress(size, size);
        Ok(sha256)
    }
}

fn cannot_be_opened(file: &RemoteFile) -> HostError {
    file.failed(format!("{} on {} cannot be opened", file.path, file.host))
}

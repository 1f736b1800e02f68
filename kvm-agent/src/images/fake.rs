//! A fake [`ImageSource`]: any path is an image, unless told otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cumulo_agent_rt::storage::{Confined, FakeDisks, FakeFile};

use super::{Expected, ImageSource, OnProgress, Source};
use crate::HostError;

/// What an image is that was not published.
const DEFAULT_VIRTUAL: u64 = 1 << 30;
const DEFAULT_ACTUAL: u64 = 64 << 20;

/// Images that arrive at once on a fake disk. Clones are the same source.
#[derive(Debug, Clone)]
pub struct FakeImages {
    disks: FakeDisks,
    published: Arc<Mutex<BTreeMap<String, FakeFile>>>,
}

impl FakeImages {
    /// Images that arrive on `disks`.
    pub fn new(disks: FakeDisks) -> Self {
        Self { disks, published: Arc::default() }
    }

    /// From now on the file at `path` of every backup storage is `file`.
    pub fn publish(&self, path: &str, file: FakeFile) {
        self.lock().insert(path.to_owned(), file);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, FakeFile>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ImageSource for FakeImages {
    async fn fetch(
        &self,
        from: &Source,
        to: &Confined,
        expected: &Expected,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError> {
        let published = self.lock().get(&from.path).cloned();
        let file = published.unwrap_or_else(|| FakeFile {
            virtual_size: DEFAULT_VIRTUAL,
            actual_size: expected.size.unwrap_or(DEFAULT_ACTUAL),
            format: "qcow2".to_owned(),
            backing: None,
            external_data: false,
            iso: false,
        });
        let size = file.actual_size;
        self.disks.put(to.path(), file)?;
        progress(size, size);
        Ok(())
    }
}

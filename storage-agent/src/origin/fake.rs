//! A fake [`Origin`]: any URL is an image, unless told otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cumulo_agent_rt::storage::{Confined, Digests, FakeDisks, FakeFile};
use reqwest::Url;

use super::{OnProgress, Origin, failed};
use crate::StoreError;

/// What an image is that was not published.
const DEFAULT_VIRTUAL: u64 = 1 << 30;
const DEFAULT_ACTUAL: u64 = 64 << 20;

/// Images that arrive at once on a fake disk. Clones are the same origin.
#[derive(Debug, Clone)]
pub struct FakeOrigin {
    disks: FakeDisks,
    published: Arc<Mutex<BTreeMap<String, Option<FakeFile>>>>,
}

impl FakeOrigin {
    /// Images that arrive on `disks`.
    pub fn new(disks: FakeDisks) -> Self {
        Self { disks, published: Arc::default() }
    }

    /// From now on `file` is at `url`; `None` is a 404.
    pub fn publish(&self, url: &str, file: Option<FakeFile>) {
        self.lock().insert(url.to_owned(), file);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<FakeFile>>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Origin for FakeOrigin {
    async fn fetch(&self, url: &Url, to: &Confined, _: u64, progress: OnProgress<'_>) -> Result<Digests, StoreError> {
        let file = match self.lock().get(url.as_str()) {
            Some(Some(file)) => file.clone(),
            Some(None) => return Err(failed(url, "the server answered 404 Not Found; check the address")),
            None => FakeFile::whole("qcow2", DEFAULT_VIRTUAL, DEFAULT_ACTUAL),
        };
        let digests = FakeDisks::digests_of(&file);
        let size = file.actual_size;
        self.disks.put(to.path(), file)?;
        progress(size, Some(size));
        Ok(digests)
    }
}

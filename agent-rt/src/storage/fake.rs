//! A fake [`Disks`]: files are entries in a map.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cumulo_proto::StorageCapacity;

use super::{Confined, Digester, Digests, DiskFormat, Disks, ImageInfo, NewDisk, StorageError};
use crate::sim::Notebook;

/// Bytes an empty qcow2 takes.
const EMPTY: u64 = 196_608;

/// A file of a fake disk.
pub type FakeFile = ImageInfo;

/// Files in memory, and in a notebook where they are to outlive their process. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct FakeDisks {
    state: Arc<Mutex<BTreeMap<PathBuf, FakeFile>>>,
    notes: Arc<Notebook>,
    total: u64,
}

impl FakeDisks {
    /// An empty disk of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self { state: Arc::default(), notes: Arc::default(), total }
    }

    /// The disk of `total` bytes that is noted in the file `notes`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn kept(total: u64, notes: &Path) -> std::io::Result<Self> {
        let (notes, files) = Notebook::open(notes)?;
        Ok(Self { state: Arc::new(Mutex::new(files)), notes: Arc::new(notes), total })
    }

    /// The files there are.
    pub fn files(&self) -> BTreeMap<PathBuf, FakeFile> {
        self.state().clone()
    }

    /// Puts a file there, as a download does.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn put(&self, path: &Path, file: FakeFile) -> Result<(), StorageError> {
        let mut state = self.state();
        let used: u64 = state.iter().filter(|(p, _)| *p != path).map(|(_, f)| f.actual_size).sum();
        if used + file.actual_size > self.total {
            return Err(StorageError::NoSpace { path: path.to_owned() });
        }
        self.set(&mut state, path, Some(file));
        Ok(())
    }

    fn set(&self, state: &mut BTreeMap<PathBuf, FakeFile>, path: &Path, file: Option<FakeFile>) -> Option<FakeFile> {
        self.notes.note(&path, file.as_ref());
        match file {
            Some(file) => state.insert(path.to_owned(), file),
            None => state.remove(path),
        }
    }

    /// The checksums that a file is said to have.
    pub fn digests_of(file: &FakeFile) -> Digests {
        let mut digester = Digester::new();
        digester.update(format!("{file:?}").as_bytes());
        digester.finish()
    }

    /// What a file and all that is below it take, and how large the guest sees it.
    fn whole(&self, path: &Path) -> Result<ImageInfo, StorageError> {
        let (state, mut bytes, mut next) = (self.state(), 0, Some(path.to_owned()));
        while let Some(path) = next.take() {
            let file = state.get(&path).ok_or(StorageError::Missing { path })?;
            bytes += file.actual_size;
            next.clone_from(&file.backing);
        }
        let file = state.get(path).ok_or_else(|| StorageError::Missing { path: path.to_owned() })?;
        Ok(ImageInfo { actual_size: bytes, format: "qcow2".to_owned(), backing: None, ..file.clone() })
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<PathBuf, FakeFile>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Disks for FakeDisks {
    async fn ensure_root(&self, _: &Path) -> Result<(), StorageError> {
        Ok(())
    }

    async fn capacity(&self, root: &Path) -> Result<StorageCapacity, StorageError> {
        let used: u64 = self.state().values().map(|f| f.actual_size).sum();
        let available = self.total.saturating_sub(used);
        Ok(StorageCapacity { path: root.display().to_string(), total: self.total, available })
    }

    async fn info(&self, file: &Confined) -> Result<Option<ImageInfo>, StorageError> {
        Ok(self.state().get(file.path()).cloned())
    }

    async fn create(&self, file: &Confined, disk: &NewDisk) -> Result<(), StorageError> {
        let info = match disk.clone() {
            NewDisk::Empty { format, size } => ImageInfo::whole(format.name(), size, EMPTY),
            NewDisk::Overlay { backing, size, .. } => {
                if !self.state().contains_key(&backing) {
                    return Err(StorageError::Missing { path: backing });
                }
                ImageInfo { backing: Some(backing), ..ImageInfo::whole("qcow2", size, EMPTY) }
            }
        };
        self.put(file.path(), info)
    }

    async fn remove(&self, file: &Confined) -> Result<(), StorageError> {
        self.set(&mut self.state(), file.path(), None);
        Ok(())
    }

    async fn rename(&self, from: &Confined, to: &Confined) -> Result<(), StorageError> {
        let mut state = self.state();
        let missing = || StorageError::Missing { path: from.path().to_owned() };
        let file = state.get(from.path()).cloned().ok_or_else(missing)?;
        self.set(&mut state, to.path(), Some(file));
        self.set(&mut state, from.path(), None);
        Ok(())
    }

    async fn flatten(
        &self,
        from: &Confined,
        _: DiskFormat,
        to: &Confined,
        progress: &(dyn Fn(u32) + Send + Sync),
    ) -> Result<(), StorageError> {
        let flat = self.whole(from.path())?;
        self.put(to.path(), flat)?;
        progress(100);
        Ok(())
    }

    async fn lend(&self, file: &Confined, _: &str) -> Result<(), StorageError> {
        let empty = ImageInfo::whole("raw", 0, 0);
        self.put(file.path(), empty)
    }

    async fn reclaim(&self, file: &Confined) -> Result<(), StorageError> {
        match self.state().contains_key(file.path()) {
            true => Ok(()),
            false => Err(StorageError::Missing { path: file.path().to_owned() }),
        }
    }

    async fn digests(&self, file: &Confined) -> Result<Digests, StorageError> {
        let state = self.state();
        let file = state.get(file.path()).ok_or_else(|| StorageError::Missing { path: file.path().to_owned() })?;
        Ok(Self::digests_of(file))
    }

    async fn version(&self) -> Result<String, StorageError> {
        Ok("7.2.0".to_owned())
    }
}

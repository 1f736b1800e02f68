//! A file that appears when it is whole.

use std::path::{Path, PathBuf};

use tokio::{
    fs,
    io::{AsyncWriteExt as _, BufWriter},
};

use super::{Confined, StorageError};

/// Room for writes to gather, in bytes.
const BUFFER: usize = 256 << 10;

/// A file being written under its partial name. Dropped before [`commit`](Partial::commit), it is removed.
pub struct Partial {
    file: Option<BufWriter<fs::File>>,
    part: PathBuf,
    path: PathBuf,
    written: u64,
}

impl Partial {
    /// Starts the file, making the folders above it. What an earlier attempt left is overwritten.
    ///
    /// # Errors
    /// When that is not possible.
    pub async fn create(target: &Confined) -> Result<Self, StorageError> {
        target.check_links()?;
        let path = target.path().to_owned();
        let part = part_of(&path);
        let dir = path.parent().unwrap_or(target.root());
        fs::create_dir_all(dir).await.map_err(StorageError::io("make the folder", dir))?;
        // Removed first, so that a link somebody put there is not followed.
        remove_file(&part).await?;
        let file = fs::OpenOptions::new().write(true).create_new(true).open(&part).await;
        let file = file.map_err(StorageError::io("create", &part))?;
        Ok(Self { file: Some(BufWriter::with_capacity(BUFFER, file)), part, path, written: 0 })
    }

    /// Adds to it.
    ///
    /// # Errors
    /// A full disk, for one.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).await.map_err(StorageError::io("write", &self.path))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The partial file, for looking at it before it is committed; everything is flushed to it.
    ///
    /// # Errors
    /// A full disk, for one.
    pub async fn flushed(&mut self) -> Result<&Path, StorageError> {
        if let Some(file) = &mut self.file {
            file.flush().await.map_err(StorageError::io("write", &self.path))?;
        }
        Ok(&self.part)
    }

    /// Syncs it and gives it its name.
    ///
    /// # Errors
    /// A full disk, for one; the partial file is removed then.
    pub async fn commit(mut self) -> Result<(), StorageError> {
        self.flushed().await?;
        let Some(file) = self.file.take() else { return Ok(()) };
        let named = name_whole(file.get_ref(), &self.part, &self.path).await;
        if named.is_err() {
            remove_file(&self.part).await?;
        }
        named
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing to tell anybody: the next attempt removes it first.
            _ = std::fs::remove_file(&self.part);
        }
    }
}

/// The name of a file while it is not whole.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Gives the whole file `part` its name. Whoever finds the name after a power failure finds all of the file.
pub(super) async fn name_whole(file: &fs::File, part: &Path, path: &Path) -> Result<(), StorageError> {
    file.sync_all().await.map_err(StorageError::io("sync", part))?;
    fs::rename(part, path).await.map_err(StorageError::io("rename to", path))
}

/// Removes a file that may be missing.
pub(super) async fn remove_file(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StorageError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Roots;
    use super::*;

    #[tokio::test]
    async fn a_file_is_there_when_it_is_whole_and_leaves_nothing_when_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots::in_memory();
        roots.add(dir.path().to_str().unwrap()).unwrap();
        let target = roots.confine_in(dir.path().to_str().unwrap(), "a/b").unwrap();
        let mut file = Partial::create(&target).await.unwrap();
        file.write(b"half").await.unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 0);

        std::os::unix::fs::symlink("/dev/null", part_of(target.path())).unwrap();
        let mut file = Partial::create(&target).await.unwrap();
        file.write(b"whole").await.unwrap();
        assert!(!target.path().exists());
        file.commit().await.unwrap();
        assert_eq!(std::fs::read(target.path()).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_as_one() {
        let error = StorageError::io("write", "/x")(std::io::Error::from_raw_os_error(28));
        assert!(matches!(error, StorageError::NoSpace { .. }), "{error}");
    }
}

//! The storages of a host, and paths that are surely inside one.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::StorageError;

const MAX_PATH: usize = 4000;

/// The folders that the manager declared as storages. Remembered over restarts, since commands can come before the
/// manager declares them again.
pub struct Roots {
    file: Option<PathBuf>,
    roots: Mutex<BTreeSet<PathBuf>>,
}

/// A path that names something below a root: absolute, without `..`, and nothing but its text was looked at. What
/// touches the disk checks for symbolic links with [`Confined::check_links`] first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confined {
    root: PathBuf,
    path: PathBuf,
}

impl Roots {
    /// Forgotten with the process.
    pub fn in_memory() -> Self {
        Self { file: None, roots: Mutex::default() }
    }

    /// Kept in `file`.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(file: PathBuf) -> io::Result<Self> {
        let roots = match fs::read_to_string(&file) {
            Ok(text) => text.lines().map(PathBuf::from).filter(|p| p.is_absolute()).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { file: Some(file), roots: Mutex::new(roots) })
    }

    /// Checks that `path` may be a root, without declaring it.
    ///
    /// # Errors
    /// For paths that are relative, climb, or are one of the system's own folders.
    pub fn check(path: &str) -> Result<PathBuf, StorageError> {
        let bad = |why| Err(StorageError::BadPath { path: path.to_owned(), why });
        let clean = clean(path)?;
        // A storage is filled and emptied by the agent; these would not survive that.
        const SYSTEM: [&str; 14] = [
            "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr",
            "/var",
        ];
        if SYSTEM.iter().any(|s| clean == Path::new(s)) {
            return bad("a storage cannot be one of the system's own folders; choose a folder of its own");
        }
        const KERNEL: [&str; 4] = ["/dev", "/proc", "/sys", "/etc"];
        if KERNEL.iter().any(|s| clean.starts_with(s)) {
            return bad("a storage cannot be below /dev, /proc, /sys or /etc");
        }
        Ok(clean)
    }

    /// Declares a storage.
    ///
    /// # Errors
    /// When it cannot be one, or cannot be written down.
    pub fn add(&self, path: &str) -> Result<PathBuf, StorageError> {
        let root = Self::check(path)?;
        let mut roots = self.lock();
        if roots.contains(&root) {
            return Ok(root);
        }
        if let Some(file) = &self.file {
            let text: String = roots.iter().chain([&root]).map(|r| format!("{}\n", r.display())).collect();
            let part = file.with_extension("part");
            fs::write(&part, text)
                .and_then(|()| fs::rename(&part, file))
                .map_err(StorageError::io("remember the storage in", file.as_path()))?;
        }
        roots.insert(root.clone());
        Ok(root)
    }

    /// The declared storages.
    pub fn all(&self) -> Vec<PathBuf> {
        self.lock().iter().cloned().collect()
    }

    /// One of the declared storages.
    ///
    /// # Errors
    /// Where it is none.
    pub fn root(&self, path: &str) -> Result<PathBuf, StorageError> {
        let root = Self::check(path)?;
        if self.lock().contains(&root) { Ok(root) } else { Err(self.outside(path)) }
    }

    /// A path inside one of the storages.
    ///
    /// # Errors
    /// [`StorageError::Outside`] and [`StorageError::BadPath`].
    pub fn confine(&self, path: &str) -> Result<Confined, StorageError> {
        let clean = clean(path)?;
        let roots = self.lock();
        // The innermost, where storages are nested.
        let root =
            roots.iter().filter(|root| clean.starts_with(root) && clean != **root).max_by_key(|r| r.as_os_str().len());
        match root.cloned() {
            Some(root) => Ok(Confined { root, path: clean }),
            None => {
                drop(roots);
                Err(self.outside(path))
            }
        }
    }

    fn outside(&self, path: &str) -> StorageError {
        let roots: Vec<_> = self.all().iter().map(|r| r.display().to_string()).collect();
        let roots = if roots.is_empty() { "none yet".to_owned() } else { roots.join(", ") };
        StorageError::Outside { path: path.to_owned(), roots }
    }

    /// A path relative to one certain storage.
    ///
    /// # Errors
    /// Where `root` is none, or `relative` leaves it.
    pub fn confine_in(&self, root: &str, relative: &str) -> Result<Confined, StorageError> {
        if relative.starts_with('/') {
            return Err(StorageError::BadPath { path: relative.to_owned(), why: "it must be relative to its storage" });
        }
        self.confine(&format!("{}/{relative}", root.trim_end_matches('/')))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Confined {
    /// The storage's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of a file while it is looked at, before it gets its own.
    #[must_use]
    pub fn incoming(&self) -> Self {
        let mut path = self.path.clone().into_os_string();
        path.push(".incoming");
        Self { root: self.root.clone(), path: path.into() }
    }

    /// Refuses symbolic links between the root and the file, itself included. What does not exist is no link.
    ///
    /// # Errors
    /// [`StorageError::Symlink`].
    pub fn check_links(&self) -> Result<(), StorageError> {
        let below = self.path.strip_prefix(&self.root).unwrap_or(&self.path);
        let mut at = self.root.clone();
        for part in below.components() {
            at.push(part);
            match fs::symlink_metadata(&at) {
                Ok(meta) if meta.is_symlink() => return Err(StorageError::Symlink { path: at }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(StorageError::io("look at", at)(error)),
            }
        }
        Ok(())
    }
}

/// An absolute path without `.`, `..`, doubled slashes and control characters.
fn clean(path: &str) -> Result<PathBuf, StorageError> {
    let bad = |why| Err(StorageError::BadPath { path: path.to_owned(), why });
    if path.len() > MAX_PATH {
        return bad("it is too long");
    }
    if path.chars().any(char::is_control) {
        return bad("it contains control characters");
    }
    if !path.starts_with('/') {
        return bad("it must be absolute");
    }
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => return bad("it contains '..'"),
            Component::CurDir | Component::Prefix(_) => {}
            Component::RootDir | Component::Normal(_) => clean.push(part),
        }
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_inside_a_storage_is_let_through() {
        let roots = Roots::in_memory();
        assert!(matches!(roots.confine("/ps/a"), Err(StorageError::Outside { .. })));
        roots.add("/ps/").unwrap();
        assert_eq!(roots.confine("/ps//vol/./a.qcow2").unwrap().path(), Path::new("/ps/vol/a.qcow2"));
        assert_eq!(roots.confine_in("/ps/", "i/x").unwrap().path(), Path::new("/ps/i/x"));
        for outside in ["/ps", "/ps/", "/pss/a", "/etc/passwd", "/"] {
            assert!(matches!(roots.confine(outside), Err(StorageError::Outside { .. })), "{outside}");
        }
        for bad in ["/ps/../etc/passwd", "/ps/a/..", "ps/a", "", "/ps/a\nb", "/ps/a\0b"] {
            assert!(matches!(roots.confine(bad), Err(StorageError::BadPath { .. })), "{bad:?}");
        }
        assert!(roots.confine_in("/ps", "../x").is_err() && roots.confine_in("/ps", "/etc/passwd").is_err());
        assert!(roots.confine_in("/other", "x").is_err());
    }

    #[test]
    fn the_system_cannot_be_a_storage() {
        for bad in ["/", "/etc", "/usr/", "/proc/1", "/etc/x", "relative", "/a/../etc"] {
            assert!(Roots::check(bad).is_err(), "{bad}");
        }
        assert!(Roots::check("/var/lib/cumulo").is_ok() && Roots::check("/cumulo_ps").is_ok());
    }

    #[test]
    fn roots_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roots");
        Roots::load(file.clone()).unwrap().add("/cumulo_ps").unwrap();
        assert!(Roots::load(file).unwrap().confine("/cumulo_ps/x").is_ok());
    }

    #[test]
    fn symbolic_links_are_refused_wherever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("ps");
        fs::create_dir_all(root.join("real")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("real/file")).unwrap();
        let roots = Roots::in_memory();
        roots.add(root.to_str().unwrap()).unwrap();
        let check = |path: &str| roots.confine_in(root.to_str().unwrap(), path).unwrap().check_links();
        assert!(matches!(check("link/passwd"), Err(StorageError::Symlink { .. })));
        assert!(matches!(check("real/file"), Err(StorageError::Symlink { .. })));
        assert!(check("real/other").is_ok() && check("new/deep/other").is_ok());
    }
}

//! The directory for what the command line remembers.

use std::{
    env,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// `$XDG_STATE_HOME/cumulo`, or `~/.cumulo`.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

/// Something remembered cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct StateError {
    /// What was tried.
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub cause: io::Error,
}

impl StateDir {
    /// The directory the environment names; `None` where there is neither a state directory nor a home.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        // The XDG specification says that a relative path is to be ignored.
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let path = absolute("XDG_STATE_HOME").map(|state| state.join("cumulo"));
        path.or_else(|| absolute("HOME").map(|home| home.join(".cumulo"))).map(Self::at)
    }

    /// This directory.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where `name` is or would be.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The content of `name`, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        match fs::read(self.path(name)) {
            Ok(content) => Ok(Some(content)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(StateError { action: "read", path: self.path(name), cause }),
        }
    }

    /// Replaces `name` in one step, readable by its owner only.
    ///
    /// # Errors
    /// When the disk or the permissions do not allow it.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), StateError> {
        let path = self.path(name);
        let draft = self.path(&format!("{name}.{}", std::process::id()));
        let replaced = self.ensure().and_then(|()| private_file(&draft, true)).and_then(|mut file| {
            file.write_all(content)?;
            fs::rename(&draft, &path)
        });
        replaced.map_err(|cause| {
            // Not there when it could not be created, which is the error told.
            let _ = fs::remove_file(&draft);
            StateError { action: "write", path, cause }
        })
    }

    /// Makes sure `name` is gone.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), StateError> {
        match fs::remove_file(self.path(name)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(StateError { action: "remove", path: self.path(name), cause })
            }
            _ => Ok(()),
        }
    }

    /// Makes sure `name` exists and only its owner can read it, whatever its content; returns where it is.
    ///
    /// # Errors
    /// When the disk or the permissions do not allow it.
    pub fn ensure_private(&self, name: &str) -> Result<PathBuf, StateError> {
        let path = self.path(name);
        let made = self.ensure().and_then(|()| private_file(&path, false)).and_then(|file| {
            // It may be older than this rule.
            file.set_permissions(fs::Permissions::from_mode(0o600))
        });
        made.map(|()| path.clone()).map_err(|cause| StateError { action: "create", path, cause })
    }

    fn ensure(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }
}

fn private_file(path: &Path, truncate: bool) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_private_and_read_back() {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::at(home.path().join("a/b"));
        assert!(state.read("x").expect("nothing there").is_none());
        state.remove("x").expect("nothing to do");
        state.write("x", b"one").expect("written");
        state.write("x", b"two").expect("replaced");
        assert_eq!(state.read("x").expect("readable").as_deref(), Some(b"two".as_slice()));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&state.path("x")), 0o600);
        assert_eq!(mode(&home.path().join("a/b")), 0o700);
        assert_eq!(fs::read_dir(home.path().join("a/b")).expect("readable").count(), 1, "no draft is left");
        fs::set_permissions(state.path("x"), fs::Permissions::from_mode(0o644)).expect("set");
        state.ensure_private("x").expect("there");
        assert_eq!(mode(&state.path("x")), 0o600);
        assert_eq!(state.read("x").expect("readable").as_deref(), Some(b"two".as_slice()), "content stays");
    }

    #[test]
    fn a_failed_write_says_where() {
        let home = tempfile::tempdir().expect("a directory");
        fs::write(home.path().join("file"), "").expect("written");
        let problem = StateDir::at(home.path().join("file")).write("x", b"").expect_err("no directory");
        assert!(problem.to_string().ends_with("file/x"), "{problem}");
    }
}

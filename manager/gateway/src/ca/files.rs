//! Files that only the manager reads.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use crate::GatewayError;

pub(super) fn make_dir(path: &Path) -> Result<(), GatewayError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|cause| GatewayError::File { what: "make the folder", path: path.to_owned(), cause })
}

pub(super) fn read(path: &Path) -> Result<String, GatewayError> {
    fs::read_to_string(path).map_err(|cause| GatewayError::File { what: "read", path: path.to_owned(), cause })
}

/// Replaces the file as a whole, so that nobody ever sees half of it.
pub(super) fn write(path: &Path, text: &str) -> Result<(), GatewayError> {
    replace(path, text).map_err(|cause| GatewayError::File { what: "write", path: path.to_owned(), cause })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// Removes what may not be there; what cannot be removed is of no use any more, only untidy.
pub(super) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "a forgotten agent's file stays"),
    }
}

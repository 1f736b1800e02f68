//! What happens, in order: its digest says whether two runs were the same to the last bit.

use std::{
    fmt::Display,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::pretend;

/// Takes note of everything that passes between the parts.
#[derive(Debug, Default)]
pub struct Trace {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    hasher: Sha256,
    events: u64,
    file: Option<BufWriter<File>>,
}

impl Trace {
    /// One that also writes every line to `file`, where that is given: to find where two runs part.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn to(file: Option<&Path>) -> std::io::Result<Self> {
        let file = file.map(File::create).transpose()?.map(BufWriter::new);
        Ok(Self { inner: Mutex::new(Inner { file, ..Inner::default() }) })
    }

    /// Something happened now.
    pub fn note(&self, what: impl Display) {
        let line = format!("{} {what}\n", pretend::now() / 1000);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.hasher.update(&line);
        inner.events += 1;
        if let Some(file) = &mut inner.file {
            // What is lost of it is missed by who reads it; the digest is whole.
            let _ = file.write_all(line.as_bytes());
        }
    }

    /// How much happened so far, and the digest of it.
    #[must_use]
    pub fn digest(&self) -> (u64, String) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut inner.file {
            let _ = file.flush();
        }
        (inner.events, hex::encode(&inner.hasher.clone().finalize()[..8]))
    }
}

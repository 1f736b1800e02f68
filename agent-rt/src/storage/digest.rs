//! Checksums of what passes by.

use std::{fs::File, io::Read as _, path::Path};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::{Digests, StorageError};

/// Sums up bytes as they pass.
#[derive(Default)]
pub struct Digester {
    sha256: Sha256,
    md5: Md5,
}

impl Digester {
    /// Nothing passed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.md5.update(bytes);
    }

    /// The sums of all of them.
    pub fn finish(self) -> Digests {
        Digests { sha256: hex::encode(self.sha256.finalize()), md5: hex::encode(self.md5.finalize()) }
    }
}

/// The sums of a file; blocks.
pub(super) fn of(path: &Path) -> Result<Digests, StorageError> {
    let mut file = File::open(path).map_err(StorageError::io("open", path))?;
    let mut digester = Digester::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(StorageError::io("read", path))? {
            0 => return Ok(digester.finish()),
            n => digester.update(&buffer[..n]),
        }
    }
}

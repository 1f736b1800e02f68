//! Which node this is: an id made at the first start and kept in the data directory.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use anyhow::Context;
use cumulo_schema::Uuid;

/// Where the kernel tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The name of this machine, for people.
pub(crate) fn host_name() -> String {
    let text = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    if text.trim().is_empty() { "localhost".to_owned() } else { text.trim().to_owned() }
}

/// A node's id, held by this process: whoever had it before is dead.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) node: Uuid,
    /// Locked as long as it is open.
    _file: File,
}

/// The identity of the node whose data is in `dir`.
///
/// # Errors
/// When the file cannot be read or made, holds something else, or another process has it.
pub(crate) fn take(dir: &Path) -> anyhow::Result<Identity> {
    let path = dir.join("node");
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.with_context(|| format!("{} cannot be opened", path.display()))?;
    file.try_lock().with_context(|| format!("another process uses {}; stop it first", dir.display()))?;
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("{} cannot be read", path.display()))?;
    if text.is_empty() {
        let node = Uuid::random();
        writeln!(file, "{node}").with_context(|| format!("{} cannot be written", path.display()))?;
        return Ok(Identity { node, _file: file });
    }
    let node = text.trim().parse().with_context(|| format!("{} does not hold the id of a node", path.display()))?;
    Ok(Identity { node, _file: file })
}

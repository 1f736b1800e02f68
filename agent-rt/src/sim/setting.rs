//! What a simulated agent is given from outside.

use std::{io, path::PathBuf, sync::Arc};

use crate::{Callbacks, Commands, Journal, storage::Roots};

/// How the agent of a simulated machine is set up.
pub struct Setting<H> {
    /// The folder of what outlives their process: what the machine has on its disk and in its kernel, the tasks of its agent
    /// and what that must know after a restart. All of it is in memory where absent.
    pub dir: Option<PathBuf>,
    /// The commands it knows.
    pub commands: Commands<H>,
    /// Its way to the manager.
    pub callbacks: Arc<dyn Callbacks>,
    /// Whom it reports to until told otherwise.
    pub manager: Option<String>,
}

/// What every agent keeps, opened.
pub struct Opened {
    /// Its tasks.
    pub journal: Journal,
    /// Its storages.
    pub roots: Roots,
}

impl<H> Setting<H> {
    /// Of a machine in memory.
    pub fn in_memory(commands: Commands<H>, callbacks: Arc<dyn Callbacks>) -> Self {
        Self { dir: None, commands, callbacks, manager: None }
    }

    /// Makes the folder, and opens what every agent keeps there.
    ///
    /// # Errors
    /// When it cannot be made, or holds something else.
    pub fn open(&self) -> io::Result<Opened> {
        let Some(dir) = &self.dir else {
            return Ok(Opened::in_memory());
        };
        std::fs::create_dir_all(dir)?;
        let journal = Journal::open(dir).map_err(io::Error::other)?;
        Ok(Opened { journal, roots: Roots::load(dir.join("storages"))? })
    }
}

impl Opened {
    /// Nothing yet, and forgotten with the process.
    pub fn in_memory() -> Self {
        Self { journal: Journal::in_memory(), roots: Roots::in_memory() }
    }
}

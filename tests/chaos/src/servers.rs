//! The database server and the broker: started once, for all runs.

use cumulo_testdb::{Broker, Server};

/// Both; they end with this.
#[derive(Debug)]
pub struct Servers {
    pub(crate) database: Server,
    pub(crate) broker: Broker,
}

impl Servers {
    /// Starts them; takes some seven seconds.
    ///
    /// # Panics
    /// When one is not installed (`scripts/install-packages` does that) or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self { database: Server::start(), broker: Broker::start() }
    }
}

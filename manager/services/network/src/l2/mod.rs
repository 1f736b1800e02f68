//! L2 networks and where they are.

mod attach;
mod candidates;
mod create;
mod delete;
mod detach;
mod filter;
mod hosts;
mod leftover;
mod prepare;
mod types;
mod update;

use std::sync::Arc;

use cumulo_contracts::{ext::network::L2Driver, resource::L2Network};
use cumulo_kernel::config::{ConfigDef, ConfigRule};
use cumulo_schema::ErrorCode;

pub use attach::AttachL2;
pub(crate) use attach::install as install_attach;
pub(crate) use delete::L2s;
pub(crate) use leftover::{Leftovers, RUNNER as LEFTOVER_RUNNER};

use crate::Networks;

/// Whether bridges go with their network.
pub(crate) const DELETE_BRIDGE: ConfigDef = ConfigDef {
    category: "l2Network",
    name: "deleteL2.bridge",
    description: "Whether deleting or detaching an L2 network also takes its bridge off the hosts",
    default: "true",
    rule: ConfigRule::Boolean,
};

impl Networks {
    /// What makes `l2` on hosts.
    pub(crate) fn driver(&self, l2: &L2Network) -> Result<Arc<dyn L2Driver>, ErrorCode> {
        self.kernel.registry().driver::<dyn L2Driver>("L2 networks", &l2.r#type)
    }
}

//! The management node itself: its row, and what it says about itself to anybody who asks.

mod arch;
mod current_time;
mod heartbeat;
mod os;
mod ready;
mod store;
mod support_apis;
mod version;

use std::sync::Arc;

use cumulo_contracts::api::management::{
    GetCurrentTime, GetManagementNodeArch, GetManagementNodeOS, GetSupportAPIs, GetVersion, IsReadyToGo,
    QueryManagementNode,
};
use cumulo_kernel::{
    Kernel, Setup,
    config::{ConfigDef, ConfigRule},
};
use cumulo_schema::Api;

pub use heartbeat::start;
use store::Store;

const CATEGORY: &str = "managementServer";
const HEARTBEAT: &str = "node.heartbeatInterval";

const CONFIGS: &[ConfigDef] = &[ConfigDef {
    category: CATEGORY,
    name: HEARTBEAT,
    description: "how often a management node gives a sign of life, in seconds; it counts as gone after three missed",
    default: "5",
    rule: ConfigRule::Integer(1, 3600),
}];

/// Answers the APIs of management nodes.
struct Nodes {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let nodes = Arc::new(Nodes { store: Store::new(kernel.db().clone()), kernel });
    setup
        .configs(CONFIGS)
        .api::<GetVersion>(nodes.clone())
        .api::<GetSupportAPIs>(nodes.clone())
        .api::<GetCurrentTime>(nodes.clone())
        .api::<GetManagementNodeArch>(nodes.clone())
        .api::<GetManagementNodeOS>(nodes.clone())
        .api::<IsReadyToGo>(nodes)
        .query(QueryManagementNode::META);
}

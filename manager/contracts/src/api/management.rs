//! The management node itself, and what it still has to clean up.

use std::collections::BTreeMap;

use cumulo_derive::{api, reply};
use cumulo_schema::system::{GarbageCollector, ManagementNode};
use cumulo_schema::{Empty, Inventories, Uuid};

/// Finds management nodes.
#[api(query "/management-nodes", group = "managementNode", service = "query", package = "org.zstack.header.managementnode", admin, reply = Inventories<ManagementNode>)]
pub struct QueryManagementNode;

/// Answers the version of the management node.
#[api(put "/management-nodes/actions", group = "managementNode", service = "managementNode", package = "org.zstack.header.managementnode", admin, no_session, reply = GetVersionReply)]
pub struct GetVersion {}

/// What [`GetVersion`] answers.
#[reply(all)]
pub struct GetVersionReply {
    /// The version.
    pub version: Option<String>,
}

/// Answers the APIs that this node serves.
#[api(put "/management-nodes/actions", group = "managementNode", service = "managementNode", package = "org.zstack.header.managementnode", admin, no_session, reply = GetSupportAPIsReply)]
pub struct GetSupportAPIs {}

/// What [`GetSupportAPIs`] answers.
#[reply(all)]
pub struct GetSupportAPIsReply {
    /// Their message classes.
    pub support_apis: Vec<String>,
}

/// Answers the time of the management node.
#[api(put "/management-nodes/actions", group = "managementNode", service = "managementNode", package = "org.zstack.header.managementnode", admin, no_session, reply = GetCurrentTimeReply)]
pub struct GetCurrentTime {}

/// What [`GetCurrentTime`] answers.
#[reply(all)]
pub struct GetCurrentTimeReply {
    /// Milliseconds and seconds since 1970, by name.
    pub current_time: BTreeMap<String, i64>,
}

/// Succeeds when the management node takes requests.
#[api(get "/management-nodes/ready", group = "session", service = "managementNode", package = "org.zstack.header.apimediator", no_session, reply = Empty)]
pub struct IsReadyToGo {
    /// Unused; the node asked is the one that answers.
    pub management_node_id: Option<String>,
}

/// Answers the processor architecture of the management node.
#[api(put "/management-nodes/actions", group = "managementNode", service = "managementNode", package = "org.zstack.header.managementnode", admin, no_session, reply = GetManagementNodeArchReply)]
pub struct GetManagementNodeArch {}

/// What [`GetManagementNodeArch`] answers.
#[reply(all)]
pub struct GetManagementNodeArchReply {
    /// Processor architecture.
    pub architecture: Option<String>,
}

/// Answers the operating system of the management node.
#[api(put "/management/actions", group = "managementNode", service = "managementNode", package = "org.zstack.header.managementnode", admin, no_session, reply = GetManagementNodeOSReply)]
pub struct GetManagementNodeOS {}

/// What [`GetManagementNodeOS`] answers.
#[reply(all)]
pub struct GetManagementNodeOSReply {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// Finds what is still to be cleaned up.
#[api(query "/gc-jobs", group = "misc", service = "query", package = "org.zstack.core.gc", admin, reply = Inventories<GarbageCollector>)]
pub struct QueryGCJob;

/// Tries now to clean up what is still owed.
#[api(put "/gc-jobs/{uuid}/actions", group = "misc", service = "gc", package = "org.zstack.core.gc", job, admin, reply = Empty)]
pub struct TriggerGCJob {
    /// The job.
    #[param(resource = "GarbageCollectorVO")]
    pub uuid: Uuid,
}

/// Forgets something that is still to be cleaned up; it stays as it is.
#[api(delete "/gc-jobs/{uuid}", group = "misc", service = "gc", package = "org.zstack.core.gc", job, admin, reply = Empty)]
pub struct DeleteGCJob {
    /// The job.
    pub uuid: String,
}

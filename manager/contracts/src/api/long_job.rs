//! Calls done in the background, and how far calls are.

use cumulo_derive::{api, reply};
use cumulo_schema::system::LongJob;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};
use serde_json::Value;

/// Does a call in the background, with a record that stays after its end.
#[api(post "/longjobs", group = "longJob", service = "longjob", package = "org.zstack.header.longjob", job, create, reply = Inventory<LongJob>)]
pub struct SubmitLongJob {
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The message class of the call: APIAddImageMsg.
    #[param(max_length = 255)]
    pub job_name: String,
    /// The parameters of the call as a JSON object.
    #[param(sensitive)]
    pub job_data: String,
    /// The resource it is about.
    #[param(max_length = 32, check_account, resource = "ResourceVO")]
    pub target_resource_uuid: Option<Uuid>,
}

/// Stops a long job; what it has done is undone.
#[api(put "/longjobs/{uuid}/actions", group = "longJob", service = "longjob", package = "org.zstack.header.longjob", job, reply = Empty)]
pub struct CancelLongJob {
    /// The long job.
    #[param(check_account, resource = "LongJobVO")]
    pub uuid: Uuid,
}

/// Cleans up now what a long job that has ended left behind.
#[api(put "/longjobs/{uuid}/actions", group = "longJob", service = "longjob", package = "org.zstack.header.longjob", job, reply = Empty)]
pub struct CleanLongJob {
    /// The long job.
    #[param(check_account, resource = "LongJobVO")]
    pub uuid: Uuid,
}

/// Runs a long job that failed or was cancelled again.
#[api(put "/longjobs/{uuid}/actions", group = "longJob", service = "longjob", package = "org.zstack.header.longjob", job, reply = Inventory<LongJob>)]
pub struct RerunLongJob {
    /// The long job.
    #[param(check_account, resource = "LongJobVO")]
    pub uuid: Uuid,
}

/// Changes name or description of a long job.
#[api(put "/longjobs/{uuid}/actions", group = "longJob", service = "longjob", package = "org.zstack.header.longjob", job, reply = Inventory<LongJob>)]
pub struct UpdateLongJob {
    /// The long job.
    #[param(check_account, operation_target, resource = "LongJobVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
}

/// Forgets a long job that has ended.
#[api(delete "/longjobs/{uuid}", group = "longJob", service = "longjob", package = "org.zstack.header.longjob", job, reply = Empty)]
pub struct DeleteLongJob {
    /// The long job.
    #[param(check_account, success_if_missing, resource = "LongJobVO")]
    pub uuid: Uuid,
}

/// Finds long jobs.
#[api(query "/longjobs", group = "longJob", service = "query", package = "org.zstack.header.longjob", reply = Inventories<LongJob>)]
pub struct QueryLongJob;

/// Answers how far a call is.
#[api(get "/task-progresses/{apiId}", group = "longJob", service = "core.progress", package = "org.zstack.header.core.progress", reply = GetTaskProgressReply)]
pub struct GetTaskProgress {
    /// The call: the last part of its location, or the apiId of a long job.
    pub api_id: Option<String>,
    /// Whether to answer every step, and not only the latest.
    #[param(default = "false")]
    pub all: bool,
}

/// What [`GetTaskProgress`] answers.
#[reply(members)]
pub struct GetTaskProgressReply {
    /// The steps in the order in which they began, each with what agents did for it.
    #[member(of = "TaskProgressInventory")]
    pub inventories: Vec<Value>,
}

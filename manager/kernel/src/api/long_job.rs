//! Long jobs: calls done in the background, with a record that stays.
//!
//! A run of a long job is an ordinary job, so it survives restarts, reports progress, rolls back and is polled as every
//! other; the long job is the row that points at it, written in the batches that accept and end the run. The alternative, a
//! second kind of worker with handlers of its own for each call as in the original, supports eleven calls; this supports
//! every asynchronous one.

mod parts;

use cumulo_schema::{
    ApiKind, ApiMeta, ErrorCode, ParamKind, Resource, Timestamp, Uuid, codes, decode_params,
    system::{LongJob, LongJobState},
};
use serde_json::{Map, Value};

pub use parts::LongJobPart;

use super::{ApiCx, Call, access, dispatch, settings};
use crate::{Kernel, db::DbError, flow::FlowRow};

/// What is shown of a secret.
const HIDDEN: &str = "*****";

/// What is to be done in the background.
#[derive(Debug, Clone)]
pub struct NewLongJob {
    /// What people call it.
    pub name: Option<String>,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The message class of the call, with or without its package.
    pub job_name: String,
    /// Its parameters as JSON.
    pub job_data: String,
    /// The resource it is about.
    pub target: Option<Uuid>,
}

/// The long jobs.
#[derive(Debug)]
pub struct LongJobs<'k>(&'k Kernel);

impl Kernel {
    /// Long jobs.
    #[must_use]
    pub fn long_jobs(&self) -> LongJobs<'_> {
        LongJobs(self)
    }
}

impl LongJobs<'_> {
    /// Records a long job as `cx.resource_uuid` and starts it, on behalf of the caller. Repeatable.
    ///
    /// # Errors
    /// What the call itself would be refused with; SYS.1010 when too many wait.
    pub async fn submit(&self, cx: &ApiCx, order: NewLongJob) -> Result<(), ErrorCode> {
        let meta = self.meta(&order.job_name)?;
        let params = params(meta, &order.job_data)?;
        let call = self.call(cx, meta, params);
        access::check(self.0, &cx.caller, &call).await?;
        let now = Timestamp::now();
        let creates = (meta.kind == ApiKind::Create).then(|| dispatch::resource_uuid(&call));
        let row = LongJob {
            uuid: cx.resource_uuid,
            name: order.name,
            description: order.description,
            api_id: call.job,
            job_name: meta.message_class(),
            job_data: shown(meta, &call.params),
            sealed_data: self.0.vault().seal(&Value::Object(call.params.clone()).to_string()),
            job_result: None,
            state: LongJobState::Waiting,
            target_resource_uuid: order.target.or(creates),
            management_node_uuid: Some(self.0.node()),
            create_date: now,
            last_op_date: now,
            execute_time: None,
        };
        if let Some(there) = self.0.db().find(LongJob::UUID, &row.uuid).await? {
            return already(&there, row.api_id);
        }
        let mut batch = self.0.db().batch();
        batch.insert(&row);
        cx.created::<LongJob>(&mut batch);
        self.0.jobs().accept_long(self.0, cx.caller, call, (row.uuid, batch)).await
    }

    /// Whether `cx` is a run of a long job. Calls that are long jobs of themselves submit one when it is not, and do their
    /// work when it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_run(&self, cx: &ApiCx) -> Result<bool, ErrorCode> {
        Ok(self.0.db().select::<LongJob>().eq(LongJob::API_ID, &cx.job).first().await?.is_some())
    }

    /// Whether `cx` has submitted its long job before. A call that is handled again after a crash asks this first: what it
    /// looks at before it submits may have changed since, by the long job itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_submitted(&self, cx: &ApiCx) -> Result<bool, ErrorCode> {
        let there = self.0.db().find(LongJob::UUID, &cx.resource_uuid).await?;
        Ok(there.is_some_and(|job| job.api_id == run_of(cx)))
    }

    /// Runs one that failed or was cancelled again, as the caller, with the parameters it had. Repeatable.
    ///
    /// # Errors
    /// SYS.1003 when there is none, SYS.1006 when it has not failed, and as [`LongJobs::submit`].
    pub async fn rerun(&self, cx: &ApiCx, uuid: Uuid) -> Result<(), ErrorCode> {
        let row = self.get(uuid).await?;
        let meta = self.meta(&row.job_name)?;
        let call = self.call(cx, meta, unsealed(self.0, &row)?);
        if row.api_id == call.job {
            return Ok(());
        }
        access::check(self.0, &cx.caller, &call).await?;
        let again = [LongJobState::Failed, LongJobState::Canceled];
        let refused =
            || format!("long job {uuid} is {}; only one that failed or was cancelled can be run again", row.state);
        if !again.contains(&row.state) {
            return Err(ErrorCode::operation(refused()));
        }
        let mut batch = self.0.db().batch();
        batch
            .update::<LongJob>()
            .set(LongJob::STATE, &LongJobState::Waiting)
            .set(LongJob::API_ID, &call.job)
            .set(LongJob::JOB_RESULT, &None::<String>)
            .set(LongJob::EXECUTE_TIME, &None::<i64>)
            .set(LongJob::MANAGEMENT_NODE_UUID, &Some(self.0.node()))
            .eq(LongJob::UUID, &uuid)
            .eq(LongJob::API_ID, &row.api_id)
            .one_of(LongJob::STATE, &again)
            .expect(format!("long job {uuid} is run again already"));
        self.0.jobs().accept_long(self.0, cx.caller, call, (uuid, batch)).await
    }

    /// Wants one to stop. What it has done is undone, as far as its call can be stopped in the middle; one that ends well all
    /// the same has succeeded. Repeatable.
    ///
    /// # Errors
    /// `LONG_JOB.1001` when it has ended.
    pub async fn cancel(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let row = self.get(uuid).await?;
        let ended = |state: LongJobState| {
            let text = format!("long job {uuid} is {state} already");
            ErrorCode::new(codes::LONG_JOB_NOT_CANCELABLE, text)
        };
        match row.state {
            LongJobState::Succeeded | LongJobState::Failed => return Err(ended(row.state)),
            LongJobState::Canceled => return Ok(()),
            LongJobState::Canceling => {}
            LongJobState::Waiting | LongJobState::Suspended | LongJobState::Running => {
                let mut batch = self.0.db().batch();
                batch
                    .update::<LongJob>()
                    .set(LongJob::STATE, &LongJobState::Canceling)
                    .eq(LongJob::UUID, &uuid)
                    .eq(LongJob::API_ID, &row.api_id)
                    .one_of(LongJob::STATE, &[LongJobState::Waiting, LongJobState::Running])
                    .expect("it ended in the meantime");
                match self.0.db().commit(batch).await {
                    Ok(_) => {}
                    Err(DbError::Unmet { .. }) => return Err(ended(self.get(uuid).await?.state)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if !self.0.cancel(row.api_id) {
            // It runs on another node, or ends at this moment.
            tracing::debug!(long_job = %uuid, "a long job that is not under way here was told to stop");
        }
        Ok(())
    }

    /// Tries now what is still to be cleaned up after one that ended.
    ///
    /// # Errors
    /// SYS.1006 when it has not ended; otherwise what a try said.
    pub async fn clean(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let row = self.get(uuid).await?;
        ended(&row, "cleaned up after")?;
        let flow = self.0.db().find(FlowRow::UUID, &row.api_id).await?;
        let resources = flow.map(|flow| flow.resource_uuid).into_iter().chain(row.target_resource_uuid);
        for resource in resources {
            for debt in self.0.debts().of_resource(resource).await? {
                self.0.trigger_debt(debt.uuid).await?;
            }
        }
        Ok(())
    }

    /// Forgets one that has ended; one that is gone is fine.
    ///
    /// # Errors
    /// SYS.1006 when it has not ended.
    pub async fn delete(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let Some(row) = self.0.db().find(LongJob::UUID, &uuid).await? else { return Ok(()) };
        ended(&row, "deleted")?;
        self.remove(uuid).await
    }

    /// Stops one that nobody owns any more, if it has not ended, and forgets it; one that is gone is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn abandon(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let Some(row) = self.0.db().find(LongJob::UUID, &uuid).await? else { return Ok(()) };
        let was_under_way = self.0.cancel(row.api_id);
        tracing::info!(long_job = %uuid, was_under_way, "the owner of a long job is gone");
        self.remove(uuid).await
    }

    async fn remove(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        Ok(self.0.cascade().remove(LongJob::META, &[uuid]).await?)
    }

    async fn get(&self, uuid: Uuid) -> Result<LongJob, ErrorCode> {
        let found = self.0.db().find(LongJob::UUID, &uuid).await?;
        found.ok_or_else(|| ErrorCode::not_found("LongJob", uuid))
    }

    /// The call that `job_name` means.
    fn meta(&self, job_name: &str) -> Result<&'static ApiMeta, ErrorCode> {
        let class = job_name.rsplit('.').next().unwrap_or_default();
        let name = class.strip_prefix("API").and_then(|rest| rest.strip_suffix("Msg")).unwrap_or(class);
        let shown: String = job_name.chars().take(80).collect();
        let meta = self.0.apis().meta(name).ok_or_else(|| {
            let text = format!("field[jobName] '{shown}' is no call of this node; one is APIAddImageMsg");
            ErrorCode::invalid(text)
        })?;
        // A long job that waits for a long job could wait for itself, and the result of one is there for all who see it.
        if !meta.is_job || meta.service == "longjob" || meta.secret_reply {
            return Err(ErrorCode::invalid(format!("field[jobName] {shown} cannot be a long job; call it directly")));
        }
        Ok(meta)
    }

    /// The run that `cx` starts; asking again for the same means the same run.
    fn call(&self, cx: &ApiCx, meta: &'static ApiMeta, params: Map<String, Value>) -> Call {
        let timeout = settings::long_timeout(self.0.configs());
        Call { meta, params, job: run_of(cx), timeout, client_ip: cx.client_ip.clone() }
    }
}

/// The id of the run that `cx` starts.
fn run_of(cx: &ApiCx) -> Uuid {
    cx.job.derive("run")
}

fn already(there: &LongJob, run: Uuid) -> Result<(), ErrorCode> {
    match there.api_id == run {
        true => Ok(()),
        false => {
            let text = format!("long job {} exists already; choose another resourceUuid", there.uuid);
            Err(ErrorCode::new(codes::CREATE_RESOURCE, text))
        }
    }
}

fn ended(row: &LongJob, what: &str) -> Result<(), ErrorCode> {
    match row.state {
        LongJobState::Succeeded | LongJobState::Canceled | LongJobState::Failed => Ok(()),
        state => {
            let text =
                format!("long job {} is {state}; only one that has ended can be {what}; cancel it first", row.uuid);
            Err(ErrorCode::operation(text))
        }
    }
}

fn params(meta: &'static ApiMeta, data: &str) -> Result<Map<String, Value>, ErrorCode> {
    let wrong =
        || ErrorCode::invalid(format!("field[jobData] must be the parameters of {} as a JSON object", meta.name));
    match serde_json::from_str(data) {
        Ok(Value::Object(given)) => {
            decode_params(meta, given).map_err(|bad| ErrorCode::invalid(format!("field[jobData]: {bad}")))
        }
        Ok(_) => Err(wrong()),
        Err(cause) => Err(wrong().because_of(&cause)),
    }
}

fn unsealed(kernel: &Kernel, row: &LongJob) -> Result<Map<String, Value>, ErrorCode> {
    let text = kernel.vault().unseal(&row.sealed_data)?;
    serde_json::from_str(&text).map_err(|cause| {
        ErrorCode::internal(format!("the parameters of long job {} are unreadable", row.uuid)).because_of(&cause)
    })
}

/// The parameters without what is secret: those declared so, and passwords in addresses.
fn shown(meta: &ApiMeta, params: &Map<String, Value>) -> String {
    let mut shown = params.clone();
    for param in meta.params {
        match (shown.get_mut(param.name), param.kind) {
            (Some(value), _) if param.sensitive => *value = HIDDEN.into(),
            (Some(Value::String(text)), ParamKind::String) => *text = without_password(text),
            _ => {}
        }
    }
    Value::Object(shown).to_string()
}

/// `text`, without user and password where it is an address that has them.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://{}", &rest[user.len() + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_their_passwords() {
        for (given, shown) in [
            ("http://u:p@h/x", "http://h/x"),
            ("sftp://u:p@ss@h:22/x@y", "sftp://h:22/x@y"),
            ("http://h/x@y", "http://h/x@y"),
            ("https://h?a@b", "https://h?a@b"),
            ("plain@text", "plain@text"),
            ("://@", "://"),
        ] {
            assert_eq!(without_password(given), shown);
        }
    }
}

//! After a start: the jobs that the last life of this node left.

use std::{collections::HashMap, time::Duration};

use cumulo_schema::{
    ErrorCode, Timestamp, Uuid, codes,
    system::{LongJob, LongJobState},
};

use super::{ApiJob, JobState, Jobs, run::Cut};
use crate::{
    Kernel,
    api::{Call, projection, settings},
    bus::Caller,
};

/// What a job has at least to end in, whatever its deadline was: the node was away, and not the job slow.
const GRACE: Duration = Duration::from_mins(5);

/// The jobs that were found unfinished.
pub(crate) struct Left(Vec<ApiJob>);

impl Left {
    /// How long each may still take.
    pub(crate) fn times(&self) -> HashMap<Uuid, Duration> {
        self.0.iter().map(|job| (job.uuid, time_left(job))).collect()
    }
}

pub(super) fn time_left(job: &ApiJob) -> Duration {
    let millis = job.create_date.0 + job.timeout_ms - Timestamp::now().0;
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).max(GRACE)
}

impl Jobs {
    /// What the last life of this node left. From here on its jobs are under way again, and those that were being cancelled
    /// are cancelled; so call it before flows are resumed, which look.
    pub(crate) async fn left(&self) -> Result<Left, ErrorCode> {
        let unfinished = self
            .db
            .select::<ApiJob>()
            .eq(ApiJob::STATE, &JobState::Running)
            .eq(ApiJob::NODE_UUID, &self.cluster.node())
            .order_by(ApiJob::CREATE_DATE)
            .all()
            .await?;
        for job in &unfinished {
            self.work.begin(job.uuid, job.account_uuid);
        }
        self.cancel_what_is_cancelled().await?;
        Ok(Left(unfinished))
    }

    /// Cancels what is under way here and was to be cancelled in an earlier life of it.
    pub(super) async fn cancel_what_is_cancelled(&self) -> Result<(), ErrorCode> {
        for long in self.db.select::<LongJob>().eq(LongJob::STATE, &LongJobState::Canceling).all().await? {
            // Those of other nodes are not under way here.
            let _ = self.work.cancel(long.api_id);
        }
        Ok(())
    }

    /// Goes on with those jobs. Call after the flows were resumed.
    pub(crate) fn resume(&self, kernel: &Kernel, left: Left) {
        for job in left.0 {
            let (jobs, kernel) = (self.clone(), kernel.clone());
            tokio::spawn(async move { jobs.again(&kernel, job).await });
        }
    }

    pub(super) async fn again(&self, kernel: &Kernel, job: ApiJob) {
        let anchor = self.cluster.anchor();
        let of_flow = match anchor.scope(kernel.flows().outcome_of_job(job.uuid)).await {
            Ok(None) => None,
            Ok(Some(Ok(reply))) => Some(projection::of_flow(kernel, reply).await),
            Ok(Some(Err(error))) => Some(Err(error)),
            Err(error) if error.is(codes::NODE_UNAVAILABLE) && self.cluster.is_shared() => {
                match self.after_a_cut(kernel, &job, error).await {
                    Cut::Again => None,
                    Cut::Ended(outcome) => Some(outcome),
                    Cut::NotOurs => return self.work.end(job.uuid),
                }
            }
            Err(error) => Some(Err(error)),
        };
        if let Some(outcome) = of_flow {
            return self.end(kernel, &job, outcome).await;
        }
        match call_of(kernel, &job) {
            Ok(call) => {
                let caller = Caller { account: job.account_uuid, session: job.session_uuid };
                let place = match job.long_job_uuid {
                    Some(_) => self.long.enter_again(settings::long_bounds(kernel.configs()).running),
                    None => self.calls.enter_again(settings::bounds(kernel.configs()).running),
                };
                self.work_off(kernel, job, Ok(caller), call, place).await;
            }
            Err(error) => self.end(kernel, &job, Err(error)).await,
        }
    }
}

/// The call that `job` was accepted as.
fn call_of(kernel: &Kernel, job: &ApiJob) -> Result<Call, ErrorCode> {
    let unknown = || ErrorCode::internal(format!("{} was interrupted and is not known any more", job.api));
    let meta = kernel.apis().meta(&job.api).ok_or_else(unknown)?;
    let params = job.params.clone().map(|params| params.0).unwrap_or_default();
    let (params, timeout) = (kernel.vault().open_params(params)?, time_left(job));
    Ok(Call { meta, params, job: job.uuid, timeout, client_ip: job.client_ip.clone() })
}

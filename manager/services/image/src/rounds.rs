//! Expunges deleted images whose time has come.

use cumulo_kernel::bus::{CallContext, Caller, DEFAULT_DEADLINE};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use crate::{
    Images,
    config::{self, Policy},
};

pub(crate) async fn run(images: Images) {
    loop {
        match config::expunge_interval(&images.kernel) {
            Ok(pause) => tokio::time::sleep(pause).await,
            Err(error) => {
                tracing::error!(%error, "deleted images are not expunged any more");
                return;
            }
        }
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, DEFAULT_DEADLINE);
        if let Err(error) = context.scope(round(&images, Timestamp::now())).await {
            tracing::warn!(%error, "deleted images could not be expunged");
        }
    }
}

/// Expunges what is this node's and was deleted more than the expunge period before `now`.
pub(crate) async fn round(images: &Images, now: Timestamp) -> Result<(), ErrorCode> {
    if config::policy(&images.kernel)? == Policy::Never {
        return Ok(());
    }
    let period = i64::try_from(config::expunge_period(&images.kernel)?.as_millis()).unwrap_or(i64::MAX);
    let mut due = images.store.deleted_before(Timestamp(now.0.saturating_sub(period))).await?;
    due.retain(|row| images.kernel.cluster().owns(&row.image_uuid));
    images.expunge(&due, Uuid::random()).await
}

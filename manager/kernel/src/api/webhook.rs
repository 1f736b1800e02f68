//! Telling a client's web hook how its call ended (wire.md §6).

use std::{sync::OnceLock, time::Duration};

use cumulo_schema::{ApiMeta, ErrorCode, Uuid};

use super::{dispatch::Body, http};
use crate::Kernel;

const TRIES: u32 = 15;
const PAUSE: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts what a poll would answer, until somebody acknowledges it or the tries are used up.
pub(super) async fn post(
    url: &str,
    job: Uuid,
    schema: Option<(&Kernel, &'static ApiMeta)>,
    outcome: &Result<Body, ErrorCode>,
) {
    let Some(client) = client() else { return };
    let body = http::body_text(schema, outcome);
    for attempt in 1..=TRIES {
        let request = client
            .post(url)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Job-UUID", job.to_string())
            .header("X-Job-Success", outcome.is_ok().to_string())
            .body(body.clone());
        match request.send().await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return,
            Err(error) => tracing::debug!(%job, attempt, %error, "a web hook did not take its call's outcome"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::warn!(%job, tries = TRIES, "a web hook never took its call's outcome; the client can still poll");
}

/// One client for all hooks. As in the original, certificates of hooks are not verified: operators run them with
/// self-signed ones, and what is sent is what anybody with the job's id may poll.
fn client() -> Option<&'static reqwest::Client> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    CLIENT
        .get_or_init(|| {
            let built = reqwest::Client::builder().timeout(TIMEOUT).danger_accept_invalid_certs(true).build();
            built.inspect_err(|error| tracing::error!(%error, "web hooks cannot be served")).ok()
        })
        .as_ref()
}

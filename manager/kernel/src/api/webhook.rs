//! Telling a client's web hook how its call ended (wire.md §6).

use cumulo_schema::{ApiMeta, ErrorCode, Uuid};

use super::{dispatch::Body, http};
use crate::{
    Kernel,
    hook::{Hooks, Post},
};

/// Has what a poll would answer posted to `url`.
pub(super) fn tell(
    hooks: &Hooks,
    url: &str,
    job: Uuid,
    schema: Option<(&Kernel, &'static ApiMeta)>,
    outcome: &Result<Body, ErrorCode>,
) {
    let headers = vec![("X-Job-UUID", job.to_string()), ("X-Job-Success", outcome.is_ok().to_string())];
    match Post::new(url, headers, http::body_text(schema, outcome)) {
        Ok(post) => hooks.post(post),
        Err(problem) => tracing::warn!(%job, problem, "a web hook cannot be told"),
    }
}

//! What can come back instead of an answer.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers.
    #[error("the management node at {endpoint} cannot be reached")]
    Unreachable {
        /// Where it should be.
        endpoint: String,
        /// Why not.
        #[source]
        cause: reqwest::Error,
    },
    /// Refused before it became an API call: plain text (wire.md §5).
    #[error("the management node refuses the request with {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What it says.
        text: String,
    },
    /// The API call failed.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// No management node talks like this.
    #[error("{endpoint} answers {status} with {what}; is it a management node?")]
    Foreign {
        /// Who.
        endpoint: String,
        /// The HTTP status.
        status: StatusCode,
        /// What is wrong with the answer.
        what: &'static str,
    },
    /// The job is not over when it should long be.
    #[error("job {job} is not finished after {seconds} s; it may still be running")]
    JobTimeout {
        /// Its id.
        job: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The node forgot the job.
    #[error("the management node does not know job {job} any more; query the resource to see what became of it")]
    JobForgotten {
        /// Its id.
        job: String,
    },
}

/// The error object of the wire, as tolerant as clients have to be: any member may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ApiError {
    /// `SYS.1006`.
    pub code: String,
    /// The code's fixed text.
    pub description: Option<String>,
    /// What was wrong this time.
    pub details: Option<String>,
    /// What led to it.
    pub cause: Option<Box<ApiError>>,
    /// Several errors of equal standing.
    pub causes: Option<Vec<ApiError>>,
}

impl ApiError {
    /// The error of a 503's body.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        body.get("error").and_then(|error| Self::deserialize(error).ok())
    }

    /// The particular message, or the code's text where there is none.
    #[must_use]
    pub fn message(&self) -> &str {
        let told = self.details.as_deref().filter(|text| !text.trim().is_empty());
        told.or(self.description.as_deref()).unwrap_or("the management node gives no reason")
    }

    /// Whether this error or one that led to it has the code `code`.
    #[must_use]
    pub fn involves(&self, code: &str) -> bool {
        self.code == code || self.led_to_it().any(|cause| cause.involves(code))
    }

    /// The errors directly beneath.
    pub fn led_to_it(&self) -> impl Iterator<Item = &ApiError> {
        self.cause.as_deref().into_iter().chain(self.causes.iter().flatten())
    }

    /// Whether the node declined to try: bad input, no such resource, not allowed, not supported.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.code.as_str(), "SYS.1003" | "SYS.1007" | "SYS.1008")
            || self.code.starts_with("ID.")
            || self.code.starts_with("PORTAL.")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message().trim_end(), self.code)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_object_may_lack_anything() {
        let full = json!({"error": {"code": "SYS.1006", "details": "no", "cost": "3ms", "opaque": {},
            "causes": [{"code": "HOST.1000"}, {"code": "X", "cause": {"code": "Y.1", "details": "deep"}}]}});
        let error = ApiError::read(&full).expect("an error");
        assert_eq!(error.to_string(), "no [SYS.1006]");
        assert!(error.involves("Y.1") && error.involves("HOST.1000") && !error.involves("SYS.1007"));
        let bare =
            ApiError::read(&json!({"error": {"code": "SYS.1000", "description": "internal"}})).expect("an error");
        assert_eq!(bare.to_string(), "internal [SYS.1000]");
        assert_eq!(ApiError::read(&json!({"inventory": {}})), None);
    }
}

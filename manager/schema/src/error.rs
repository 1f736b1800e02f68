//! The error every client sees: ZStack's codes, one sentence a person can act on, and its cause.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Uuid;

/// The fact that names whom [`ErrorCode::unreachable`] is about.
const AGENT: &str = "agentUuid";
/// `details` is cut at this many characters (wire.md §5).
const DETAILS_LIMIT: usize = 4096;

/// An error as the wire carries it. Deliberately also the error of every API and message handler: what a
/// person reads at the end is what was said where it happened, with the chain of causes kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorCode {
    /// `SYS.1006` and the like; stable.
    pub code: String,
    /// The fixed text of the code.
    pub description: String,
    /// What was wrong this time, on which object, and what to do, in one sentence.
    pub details: String,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<ErrorCode>>,
    /// Machine-readable facts for clients that want more than the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<serde_json::Map<String, serde_json::Value>>,
}

impl ErrorCode {
    /// An error of `code` whose particular message is `details`.
    #[must_use]
    pub fn new(code: codes::Code, details: impl Into<String>) -> Self {
        let mut details = details.into();
        if let Some((end, _)) = details.char_indices().nth(DETAILS_LIMIT) {
            details.truncate(end);
        }
        Self { code: code.0.into(), description: code.1.into(), details, cause: None, opaque: None }
    }

    /// The same error, caused by `cause`.
    #[must_use]
    pub fn because(mut self, cause: ErrorCode) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// The same error, caused by any `std` error; its chain of sources becomes the chain of causes.
    #[must_use]
    pub fn because_of(self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut inner = ErrorCode::new(codes::INTERNAL, cause.to_string());
        if let Some(source) = cause.source() {
            inner = inner.because_of(source);
        }
        self.because(inner)
    }

    /// Adds one machine-readable fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.opaque.get_or_insert_default().insert(key.into(), value.into());
        self
    }

    /// Whether this error, not one of its causes, has the code `code`.
    #[must_use]
    pub fn is(&self, code: codes::Code) -> bool {
        self.code == code.0
    }

    /// Whether this error, or one of those that led to it, has the code `code`: who says in words of its own what failed
    /// keeps the reason below.
    #[must_use]
    pub fn comes_of(&self, code: codes::Code) -> bool {
        std::iter::successors(Some(self), |error| error.cause.as_deref()).any(|error| error.is(code))
    }

    /// Nobody answers behind `agent`, the id of a host or storage: HOST.1000. Whether what was asked of it was done nobody
    /// knows. Who waits for its return finds it by [`ErrorCode::waits_for`].
    #[must_use]
    pub fn unreachable(agent: Uuid, details: impl Into<String>) -> Self {
        Self::new(codes::HOST_CONNECTION, details).with(AGENT, agent.to_string())
    }

    /// The host or storage that has to come back before what failed can go well, where that is why it failed.
    #[must_use]
    pub fn waits_for(&self) -> Option<Uuid> {
        let mut chain = std::iter::successors(Some(self), |error| error.cause.as_deref());
        let unreachable = chain.find(|error| error.is(codes::HOST_CONNECTION))?;
        unreachable.opaque.as_ref()?.get(AGENT)?.as_str()?.parse().ok()
    }

    /// Wrong input: SYS.1007.
    #[must_use]
    pub fn invalid(details: impl Into<String>) -> Self {
        Self::new(codes::INVALID_ARGUMENT, details)
    }

    /// The usual failure of something that was tried: SYS.1006.
    #[must_use]
    pub fn operation(details: impl Into<String>) -> Self {
        Self::new(codes::OPERATION, details)
    }

    /// A referenced resource is not there: SYS.1003.
    #[must_use]
    pub fn not_found(kind: &str, id: impl fmt::Display) -> Self {
        Self::new(codes::RESOURCE_NOT_FOUND, format!("{kind}[uuid:{id}] does not exist"))
    }

    /// Something that should not happen: SYS.1000.
    #[must_use]
    pub fn internal(details: impl Into<String>) -> Self {
        Self::new(codes::INTERNAL, details)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.details)
    }
}

impl std::error::Error for ErrorCode {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// ZStack's codes with their fixed descriptions (wire.md §8).
pub mod codes {
    /// A code and its description.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Code(pub &'static str, pub &'static str);

    macro_rules! codes {
        ($($name:ident = $code:literal, $text:literal;)*) => { $(#[doc = $text] pub const $name: Code = Code($code, $text);)* };
    }

    codes! {
        INTERNAL = "SYS.1000", "An internal error happened in system";
        TIMEOUT = "SYS.1001", "A message or an operation timed out";
        CREATE_RESOURCE = "SYS.1002", "Unable to create a resource";
        RESOURCE_NOT_FOUND = "SYS.1003", "A resource cannot be found";
        DELETE_RESOURCE = "SYS.1004", "Unable to delete a resource";
        CHANGE_RESOURCE_STATE = "SYS.1005", "Unable to change the state of a resource";
        OPERATION = "SYS.1006", "An operation failed";
        INVALID_ARGUMENT = "SYS.1007", "One or more API arguments are invalid";
        UNKNOWN_MESSAGE = "SYS.1008", "Message is not supported";
        NO_ROUTE = "SYS.1009", "No route for message";
        NOT_READY = "SYS.1010", "The management node is not ready to accept requests";
        UNDELIVERABLE = "SYS.1011", "A message could not be delivered";
        NODE_UNAVAILABLE = "SYS.1012", "The management node is unavailable";
        NO_CAPABILITY = "SYS.1013", "The resource lacks a needed capability";
        HTTP = "SYS.1015", "An HTTP call failed";
        IO = "SYS.1016", "An input or output operation failed";
        CANCEL = "SYS.1017", "The operation was cancelled";
        AUTHENTICATION = "ID.1000", "Wrong account name or password";
        INVALID_SESSION = "ID.1001", "Session expired or invalid";
        PERMISSION_DENIED = "ID.1002", "API call is not permitted for this account";
        QUOTA_EXCEEDING = "ID.1003", "Quota exceeded";
        QUOTA_INVALID_OP = "ID.1004", "The quota cannot be changed that way";
        MAX_SESSIONS = "ID.1006", "Too many concurrent sessions";
        NO_SERVICE = "PORTAL.1000", "No service is available for the message";
        HOST_CONNECTION = "HOST.1000", "Unable to connect the host";
        HOST_ALLOCATION_NONE = "HOST_ALLOCATION.1001", "No available host for the request";
        LONG_JOB_NOT_CANCELABLE = "LONG_JOB.1001", "The long job cannot be cancelled";
        VM_STATE = "VM.1002", "The VM instance is not in a state that allows the operation";
        DUPLICATED_TAG = "TAG.1000", "The resource has a tag of this text already";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_std_errors_becomes_a_chain_of_causes() {
        let io = std::io::Error::other("disk full");
        let error = ErrorCode::operation("could not store image A on host H; free some space there").because_of(&io);
        let wire = serde_json::to_value(&error).expect("serialises");
        assert_eq!(wire["code"], "SYS.1006");
        assert_eq!(wire["cause"]["details"], "disk full");
        assert!(wire.get("opaque").is_none(), "null members are left out");
    }

    #[test]
    fn what_an_error_comes_of_is_found_however_deep() {
        let gone = ErrorCode::new(codes::NODE_UNAVAILABLE, "the node went away");
        let error = ErrorCode::internal("no host").because(ErrorCode::operation("no lease").because(gone));
        assert!(error.comes_of(codes::NODE_UNAVAILABLE) && error.comes_of(codes::INTERNAL));
        assert!(!error.comes_of(codes::CANCEL) && !error.is(codes::NODE_UNAVAILABLE));
    }

    #[test]
    fn who_has_to_come_back_is_found_however_it_is_said() {
        let host = Uuid::random();
        let error = ErrorCode::operation("no volume").because(ErrorCode::unreachable(host, "it does not answer"));
        assert_eq!((error.waits_for(), error.comes_of(codes::HOST_CONNECTION)), (Some(host), true));
        let wire = serde_json::to_value(&error).expect("serialises");
        assert_eq!(wire["cause"]["opaque"]["agentUuid"], host.to_string());
        assert_eq!(ErrorCode::new(codes::HOST_CONNECTION, "no route").waits_for(), None);
        assert_eq!(ErrorCode::operation("no space").with("agentUuid", host.to_string()).waits_for(), None);
    }

    #[test]
    fn details_are_cut_on_a_character() {
        let error = ErrorCode::invalid("é".repeat(5000));
        assert_eq!(error.details.chars().count(), DETAILS_LIMIT);
    }
}

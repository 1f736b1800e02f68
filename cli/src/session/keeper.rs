//! The session in use, and whether it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{StateDir, StateError};
use crate::http::Endpoint;

/// A session as the node opened it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The secret that calls carry.
    pub uuid: String,
    /// Whose it is, for the prompt.
    #[serde(default)]
    pub account: Option<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What a session's file holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// For people who look into it; the file's name is a digest.
    endpoint: String,
    session: Session,
}

/// Holds the session of one endpoint.
#[derive(Debug)]
pub struct Keeper {
    session: Option<Session>,
    /// Where it is kept; `None` forgets it at the end of the run.
    file: Option<(StateDir, String, String)>,
}

impl Keeper {
    /// Keeps nothing beyond this run; begins with `session`.
    #[must_use]
    pub fn in_memory(session: Option<Session>) -> Self {
        Self { session, file: None }
    }

    /// The session kept for `endpoint` in `state`, and changes to it.
    ///
    /// # Errors
    /// When there is one and it cannot be read.
    pub fn on_disk(state: StateDir, endpoint: &Endpoint) -> Result<Self, StateError> {
        let name = format!("session-{}", &hex::encode(Sha256::digest(endpoint.base().as_bytes()))[..16]);
        // A file that is not ours to understand is as good as none: the next login replaces it.
        let kept = state.read(&name)?.and_then(|content| serde_json::from_slice::<Kept>(&content).ok());
        Ok(Self { session: kept.map(|kept| kept.session), file: Some((state, name, endpoint.to_string())) })
    }

    /// The session in use.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Uses `session` from now on.
    ///
    /// # Errors
    /// When it cannot be kept; it is used all the same.
    pub fn open(&mut self, session: Session) -> Result<(), StateError> {
        self.session = Some(session.clone());
        let Some((state, name, endpoint)) = &self.file else { return Ok(()) };
        let kept = Kept { endpoint: endpoint.clone(), session };
        let content = serde_json::to_vec(&kept).unwrap_or_default();
        state.write(name, &content)
    }

    /// Uses no session from now on.
    ///
    /// # Errors
    /// When the kept one cannot be removed.
    pub fn close(&mut self) -> Result<(), StateError> {
        self.session = None;
        self.file.as_ref().map_or(Ok(()), |(state, name, _)| state.remove(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_own_session() {
        let home = tempfile::tempdir().expect("a directory");
        let keeper = |endpoint: &str| {
            Keeper::on_disk(StateDir::at(home.path().into()), &endpoint.parse().expect("valid")).expect("readable")
        };
        let session = Session { uuid: "s".into(), account: Some("admin".into()) };
        keeper("http://a:8080").open(session.clone()).expect("kept");
        assert_eq!(keeper("a:8080/").session(), Some(&session), "the same endpoint, written differently");
        assert_eq!(keeper("http://b:8080").session(), None);
        keeper("http://a:8080").close().expect("removed");
        assert_eq!(keeper("http://a:8080").session(), None);
    }

    #[test]
    fn a_damaged_file_is_no_session_and_no_obstacle() {
        let home = tempfile::tempdir().expect("a directory");
        let endpoint: Endpoint = "a".parse().expect("valid");
        let state = || StateDir::at(home.path().into());
        Keeper::on_disk(state(), &endpoint)
            .expect("fine")
            .open(Session { uuid: "s".into(), account: None })
            .expect("kept");
        let file = std::fs::read_dir(home.path()).expect("readable").next().expect("one").expect("one").path();
        std::fs::write(file, "{").expect("damaged");
        assert_eq!(Keeper::on_disk(state(), &endpoint).expect("no obstacle").session(), None);
    }

    #[test]
    fn the_debug_form_hides_the_session() {
        assert!(!format!("{:?}", Session { uuid: "S3CR3T".into(), account: None }).contains("S3CR3T"));
    }
}

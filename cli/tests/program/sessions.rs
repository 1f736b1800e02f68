//! Sessions from one run to the next.

use std::os::unix::fs::PermissionsExt;

use crate::{Place, Reply, run, text};

/// SHA-512 of `hunter2`.
pub(crate) const HASH: &str = "6b97ed68d14eb3f1aa959ce5d49c7dc612e1eb1dafd73b1e705847483fd6a6c809f2ceb4e8df6ff9984c6298ff0285cace6614bf8daa9f0070101b6c89899e22";

const LOG_IN: [&str; 3] = ["LogInByAccount", "accountName=admin", "password=hunter2"];

#[tokio::test]
async fn a_login_lasts_until_the_logout() {
    let place = Place::new().await;
    place.node.on("DELETE /accounts/sessions/s1", [Reply::Json(200, serde_json::json!({}))]);
    for arguments in [LOG_IN.as_slice(), &["QueryZone"], &["LogOut"], &["QueryZone"]] {
        let (code, error) = place.ended(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {error}");
    }
    let calls = place.node.calls();
    assert_eq!(calls[0].body["logInByAccount"]["password"], HASH);
    let sessions: Vec<Option<&str>> = calls.iter().map(|call| call.authorization.as_deref()).collect();
    assert_eq!(sessions, [None, Some("OAuth s1"), None, None]);
}

#[tokio::test]
async fn the_kept_session_is_for_its_owner_and_its_endpoint_only() {
    let place = Place::new().await;
    let state = place.path("state");
    let mut log_in = place.program();
    log_in.args(LOG_IN).env("XDG_STATE_HOME", &state);
    assert!(run(log_in).await.status.success());
    let files: Vec<_> = std::fs::read_dir(state.join("cumulo")).expect("kept there").filter_map(Result::ok).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let other = Place::new().await;
    let mut query = other.program();
    query.arg("QueryZone").env("XDG_STATE_HOME", &state);
    assert!(run(query).await.status.success());
    assert_eq!(other.node.calls()[0].authorization, None, "another endpoint gets no session of this one");
}

#[tokio::test]
async fn a_session_from_the_environment_wins_and_is_not_kept() {
    let place = Place::new().await;
    let mut query = place.program();
    query.arg("QueryZone").env("CUMULO_SESSION", "given");
    assert!(run(query).await.status.success());
    assert_eq!(place.node.calls()[0].authorization.as_deref(), Some("OAuth given"));
    assert!(!place.path(".cumulo").exists());
}

#[tokio::test]
async fn a_refused_password_is_not_repeated() {
    let place = Place::new().await;
    place.node.on("PUT /accounts/login", [Reply::error("ID.1000", "wrong account name or password")]);
    let output = place.run(&LOG_IN, "").await;
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("wrong account name") && !said.contains("hunter2") && !said.contains(HASH), "{said}");
}

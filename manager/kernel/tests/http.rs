//! The envelope of wire.md, against the portal's own router.

mod common;

use common::{
    http::{admin, as_admin, call, ended},
    kernel,
};
use cumulo_kernel::api;
use cumulo_schema::Uuid;
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn an_asynchronous_call_is_accepted_polled_and_found_again() {
    let (kernel, _, _database) = kernel().await;
    let accepted = as_admin(&kernel, "POST", "/zstack/v1/shelves", r#"{"params":{"name":" s ","height":"30"}}"#).await;
    assert!(accepted.json()["apiTimeout"].is_number());
    let done = ended(&kernel, &accepted).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let shelf = done.json()["inventory"].clone();
    assert_eq!((&shelf["name"], &shelf["height"]), (&json!("s"), &json!(30)));
    let uuid = shelf["uuid"].as_str().expect("a uuid");
    for path in [
        format!("/zstack/v1/shelves/{uuid}"),
        format!("/zstack/v1//shelves//{uuid}/"),
        format!("/v1/shelves?q=uuid={uuid}"),
    ] {
        let found = as_admin(&kernel, "GET", &path, "").await;
        assert_eq!(found.status, StatusCode::OK, "{path}");
        assert_eq!(found.json()["inventories"][0]["uuid"], uuid, "{path}");
        assert_eq!(found.json()["schema"]["inventories[0]"], "org.example.ShelfInventory");
    }
    let none = as_admin(&kernel, "GET", &format!("/zstack/v1/shelves/{}", Uuid::random()), "").await;
    assert_eq!((none.status, &none.json()["inventories"]), (StatusCode::OK, &json!([])), "empty, not 404");
}

#[tokio::test]
async fn a_poll_that_prefers_to_wait_is_answered_once_with_the_end() {
    let (kernel, _, _dir) = kernel().await;
    let accepted = as_admin(&kernel, "POST", "/zstack/v1/shelves", r#"{"params":{"name":"s","height":30}}"#).await;
    let location = accepted.json()["location"].as_str().expect("a location").to_owned();
    let path = location.split_once("//").and_then(|(_, rest)| rest.split_once('/')).expect("a URL").1.to_owned();
    let done = call(&kernel, "GET", &format!("/{path}"), &[("Prefer", "respond-async, wait=30")], "").await;
    assert_eq!((done.status, done.json()["inventory"]["name"].as_str()), (StatusCode::OK, Some("s")), "{}", done.text);
}

#[tokio::test]
async fn broken_rules_fail_in_the_envelope_of_the_job() {
    let (kernel, _, _database) = kernel().await;
    for body in [
        r#"{"params":{}}"#,
        r#"{"params":{"name":"far too long a name"}}"#,
        r#"{"params":{"name":"n","height":301}}"#,
        r#"{"params":{"name":"n","resourceUuid":"nonsense"}}"#,
        "null",
        "",
    ] {
        let failed = ended(&kernel, &as_admin(&kernel, "POST", "/zstack/v1/shelves", body).await).await;
        assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        let error = failed.json();
        assert_eq!(error.as_object().map(serde_json::Map::len), Some(1), "nothing beside the error");
        assert_eq!(error["error"]["code"], "SYS.1007", "{body}");
    }
    let found = as_admin(&kernel, "GET", "/zstack/v1/shelves?count=true", "").await;
    assert_eq!(found.json()["total"], 0, "nothing was changed");
}

#[tokio::test]
async fn transport_errors_are_plain_text() {
    let (kernel, _, _database) = kernel().await;
    let (auth, value) = admin();
    let with = |extra: (&'static str, &'static str)| vec![(auth, value.clone()), (extra.0, extra.1.to_owned())];
    let plain = |headers: Vec<(&'static str, String)>, method: &'static str, path: &'static str, body: &'static str| {
        let kernel = kernel.clone();
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            call(&kernel, method, path, &headers, body).await
        }
    };
    let authorized = || vec![(auth, value.clone())];
    for (answer, status) in [
        (plain(vec![], "GET", "/zstack/v1/shelves", "").await, 400),
        (plain(vec![(auth, "Basic x".into())], "GET", "/zstack/v1/shelves", "").await, 400),
        (plain(authorized(), "GET", "/zstack/v1/nowhere", "").await, 404),
        (plain(authorized(), "GET", "/elsewhere", "").await, 404),
        (plain(authorized(), "DELETE", "/zstack/v1/shelves", "").await, 405),
        (plain(authorized(), "PATCH", "/zstack/v1/shelves", "").await, 405),
        (plain(authorized(), "GET", "/zstack/v1/shelves?limit=many", "").await, 400),
        (plain(authorized(), "GET", "/zstack/v1/shelves?q=name", "").await, 400),
        (plain(authorized(), "POST", "/zstack/v1/shelves", "{").await, 500),
        (plain(authorized(), "POST", "/zstack/v1/shelves", "[]").await, 400),
        (plain(authorized(), "POST", "/zstack/v1/shelves", r#"{"params":{"name":"n","height":1.5}}"#).await, 400),
        (plain(authorized(), "POST", "/zstack/v1/shelves", r#"{"params":{"name":{}}}"#).await, 400),
        (plain(with(("x-job-uuid", "short")), "POST", "/zstack/v1/shelves", "{}").await, 400),
        (plain(with(("x-api-timeout", "soon")), "POST", "/zstack/v1/shelves", "{}").await, 400),
        (plain(authorized(), "GET", "/zstack/v1/api-jobs/36c27e8ff05c4780bf6d2fa65700f22e", "").await, 404),
        (plain(authorized(), "DELETE", "/zstack/v1/api-jobs/36c27e8ff05c4780bf6d2fa65700f22e", "").await, 405),
    ] {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert!(serde_json::from_str::<Value>(&answer.text).is_err(), "plain text, not JSON: {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_over_sixteen_mebibytes_is_refused() {
    let (kernel, _, _database) = kernel().await;
    let body = format!(r#"{{"params":{{"name":"{}"}}}}"#, "x".repeat(16 * 1024 * 1024));
    assert_eq!(as_admin(&kernel, "POST", "/zstack/v1/shelves", &body).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_unknown_session_is_an_api_error() {
    let (kernel, _, _database) = kernel().await;
    let headers = [("Authorization", "OAuth nobody")];
    let query = call(&kernel, "GET", "/zstack/v1/shelves", &headers, "").await;
    assert_eq!((query.status.as_u16(), &query.json()["error"]["code"]), (503, &json!("ID.1001")));
    let accepted = call(&kernel, "POST", "/zstack/v1/shelves", &headers, r#"{"params":{"name":"n"}}"#).await;
    let failed = ended(&kernel, &accepted).await;
    assert_eq!(failed.json()["error"]["code"], "ID.1001", "accepted first, refused in the poll");
}

#[tokio::test]
async fn a_job_id_is_used_once() {
    let (kernel, _, _database) = kernel().await;
    let (auth, value) = admin();
    let id = Uuid::random().to_string();
    let headers = [(auth, value.as_str()), ("X-Job-UUID", id.as_str())];
    let first = call(&kernel, "POST", "/zstack/v1/shelves", &headers, r#"{"params":{"name":"n"}}"#).await;
    assert!(first.json()["location"].as_str().is_some_and(|location| location.ends_with(&id)));
    assert_eq!(ended(&kernel, &first).await.status, StatusCode::OK);
    let second = call(&kernel, "POST", "/zstack/v1/shelves", &headers, r#"{"params":{"name":"n"}}"#).await;
    assert_eq!(second.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn actions_are_picked_by_key_and_post_stands_for_put() {
    let (kernel, _, _database) = kernel().await;
    let done =
        ended(&kernel, &as_admin(&kernel, "POST", "/zstack/v1/shelves", r#"{"params":{"name":"n"}}"#).await).await;
    let uuid = done.json()["inventory"]["uuid"].as_str().expect("a uuid").to_owned();
    let path = format!("/zstack/v1/shelves/{uuid}/actions");
    for (method, name) in [("PUT", "a"), ("POST", "b")] {
        let body = json!({ "renameShelf": { "name": name, "unknown": 1, "uuid": "ignored" }, "other": {} }).to_string();
        let renamed = as_admin(&kernel, method, &path, &body).await;
        assert_eq!(renamed.json()["inventory"]["name"], name, "{method}");
    }
    let missing = as_admin(
        &kernel,
        "PUT",
        &format!("/zstack/v1/shelves/{}/actions", Uuid::random()),
        r#"{"renameShelf":{"name":"c"}}"#,
    )
    .await;
    assert_eq!(missing.json()["error"]["code"], "SYS.1003");
    let stranger = format!("OAuth {}", Uuid::random());
    let denied = call(&kernel, "PUT", &path, &[("Authorization", &stranger)], r#"{"renameShelf":{"name":"d"}}"#).await;
    assert_eq!(denied.json()["error"]["code"], "ID.1002");
}

#[tokio::test]
async fn secrets_are_sealed_in_the_job_and_gone_after_it() {
    let (kernel, _, database) = kernel().await;
    let body = r#"{"params":{"name":"n","secret":"open sesame"}}"#;
    ended(&kernel, &as_admin(&kernel, "POST", "/zstack/v1/shelves", body).await).await;
    let jobs = kernel.db().select::<api::ApiJob>().all().await.expect("read");
    assert!(jobs.iter().all(|job| job.params.is_none()), "parameters go with the job's end");
    kernel.stop().await;
    assert!(!database.contains("open sesame").await);
    assert!(database.contains("CreateShelf").await, "what was done is still to be read");
}

#[tokio::test]
async fn the_openapi_document_names_what_is_served() {
    let (kernel, _, _database) = kernel().await;
    let document = call(&kernel, "GET", "/zstack/v1/openapi.json", &[], "").await.json();
    assert_eq!(document["paths"]["/shelves"]["post"]["operationId"], "CreateShelf");
    assert!(document["components"]["schemas"]["ShelfInventory"]["properties"].get("secret").is_none());
}

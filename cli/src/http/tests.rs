//! The client against a node that speaks the real envelope.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::{AccessKey, CallError, Client, Progress, Silent, Trust};
use crate::{
    command::{self, Checks, Command, Request, Variables},
    testing::{
        catalog,
        node::{FakeNode, Reply},
    },
};

fn client(endpoint: &str) -> Client {
    Client::new(endpoint.parse().expect("an endpoint"), &Trust::System).expect("a client")
}

fn request(line: &str) -> Request {
    let command = Command::read(line).expect("readable").expect("a command");
    let api = catalog().api(&command.verb).expect("declared");
    if matches!(api.kind, cumulo_schema::ApiKind::Query(_)) {
        let query = command::query_parameters(api.name, &command, &Variables::default()).expect("a query");
        return Request::query(api, query);
    }
    let params = command::arguments(api, &command, &Variables::default()).expect("typed");
    command::shape(api, params, Checks::Here).expect("complete")
}

async fn call(node: &FakeNode, line: &str) -> Result<Value, CallError> {
    client(&node.endpoint).call(&request(line), Some("s3ss"), &Silent).await
}

#[tokio::test]
async fn a_job_is_followed_to_its_end_whatever_host_its_location_names() {
    let node = FakeNode::start().await;
    let end = Box::new(Reply::Json(200, json!({"inventory": {"uuid": "z"}})));
    node.on("POST /zones", [Reply::Job { polls: 3, end }]);
    let answer = call(&node, "CreateZone name='a b' systemTags=x::y").await.expect("created");
    assert_eq!(answer, json!({"inventory": {"uuid": "z"}}));
    let [sent] = node.calls().try_into().expect("one call");
    assert_eq!(sent.body, json!({"params": {"name": "a b"}, "systemTags": ["x::y"]}));
    assert_eq!(sent.authorization.as_deref(), Some("OAuth s3ss"));
    assert_eq!(sent.job.map(|id| id.len()), Some(32));
}

#[tokio::test]
async fn a_query_sends_its_conditions_encoded_and_repeated() {
    let node = FakeNode::start().await;
    node.on("GET /zones", [Reply::Json(200, json!({"inventories": [], "total": 0}))]);
    call(&node, "QueryZone name?='a,b&c' uuid!=null sort=+name limit=3").await.expect("found nothing");
    let [sent] = node.calls().try_into().expect("one call");
    assert_eq!(sent.query, "q=name%3F%3Da%2Cb%26c&q=uuid+not+null&sort=%2Bname&limit=3");
}

#[tokio::test]
async fn with_an_access_key_calls_are_signed_and_logins_are_not() {
    let node = FakeNode::start().await;
    node.on("GET /zones", [Reply::Json(200, json!({"inventories": []}))]);
    node.on("PUT /accounts/login", [Reply::Json(200, json!({"inventory": {"uuid": "s"}}))]);
    let client = client(&node.endpoint).signing_with(Some(AccessKey::new("key".to_owned(), "S3CR3T")));
    client.call(&request("QueryZone name=a"), Some("kept"), &Silent).await.expect("answered");
    client.call(&request("LogInByAccount accountName=a password=p"), None, &Silent).await.expect("answered");
    let [query, login] = node.calls().try_into().expect("two calls");
    let signed = query.authorization.expect("signed");
    assert!(signed.starts_with("ZStack key:") && !signed.contains("S3CR3T"), "{signed}");
    assert_eq!(login.authorization, None);
}

#[tokio::test]
async fn a_login_carries_no_session() {
    let node = FakeNode::start().await;
    node.on("PUT /accounts/login", [Reply::Json(200, json!({"inventory": {"uuid": "s"}}))]);
    call(&node, "LogInByAccount accountName=admin password=p").await.expect("logged in");
    let [sent] = node.calls().try_into().expect("one call");
    assert_eq!(sent.authorization, None);
    assert_eq!(sent.body["logInByAccount"]["accountName"], "admin");
}

#[tokio::test]
async fn errors_of_jobs_and_of_plain_calls_are_the_same_error() {
    let node = FakeNode::start().await;
    let error = Reply::error("SYS.1007", "name must not be empty");
    node.on("POST /zones", [Reply::Job { polls: 0, end: Box::new(error.clone()) }]).on("GET /zones", [error]);
    for line in ["CreateZone name=z", "QueryZone"] {
        let Err(CallError::Api(error)) = call(&node, line).await else { panic!("{line} fails") };
        assert_eq!(error.to_string(), "name must not be empty [SYS.1007]");
        assert!(error.is_refusal());
    }
}

#[tokio::test]
async fn plain_text_refusals_keep_their_text() {
    let node = FakeNode::start().await;
    node.on("GET /zones", [Reply::Text(400, "missing header 'Authorization'")]);
    let refused = call(&node, "QueryZone").await.expect_err("refused").to_string();
    assert_eq!(refused, "the management node refuses the request with 400 Bad Request: missing header 'Authorization'");
}

#[tokio::test]
async fn a_lost_202_is_found_again_by_the_id_that_went_with_the_call() {
    let node = FakeNode::start().await;
    let end = Box::new(Reply::Json(200, json!({"inventory": {"uuid": "z"}})));
    node.on("POST /zones", [Reply::LostJob { polls: 1, end }]);
    let answer = call(&node, "CreateZone name=z").await.expect("found again");
    assert_eq!(answer["inventory"]["uuid"], "z");
    assert_eq!(node.calls().len(), 1, "it is not sent twice");
}

#[tokio::test]
async fn a_call_that_never_arrived_is_unreachable() {
    let node = FakeNode::start().await;
    node.on("POST /zones", [Reply::Lost]);
    assert!(matches!(call(&node, "CreateZone name=z").await, Err(CallError::Unreachable { .. })));
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_no_url_is_told() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let outcome = client(&format!("http://{free}")).call(&request("LogOut sessionUuid=S3CR3T"), None, &Silent).await;
    let error = outcome.expect_err("nobody there");
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("S3CR3T"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_management_node_is_said_to_be_none() {
    let node = FakeNode::start().await;
    let replies = [
        Reply::Text(200, "<html>"),
        Reply::Text(302, ""),
        Reply::Text(503, "try later"),
        Reply::Json(202, json!({"location": "http://x/elsewhere"})),
        Reply::Json(202, json!({"location": "http://x/zstack/v1/api-jobs/../zones"})),
    ];
    for reply in replies {
        node.on("GET /zones", [reply.clone()]);
        let outcome = call(&node, "QueryZone").await;
        assert!(matches!(outcome, Err(CallError::Foreign { .. })), "{reply:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_forgotten_job_is_named() {
    let node = FakeNode::start().await;
    let gone = Box::new(Reply::Text(404, "no such job"));
    node.on("POST /zones", [Reply::Job { polls: 1, end: gone }]);
    assert!(matches!(call(&node, "CreateZone name=z").await, Err(CallError::JobForgotten { .. })));
}

#[derive(Default)]
struct Watcher(Mutex<Vec<String>>);

impl Watcher {
    fn note(&self, what: &str) {
        self.0.lock().expect("not poisoned").push(what.to_owned());
    }
}

impl Progress for Watcher {
    fn started(&self, verb: &str, _job: &str) {
        self.note(verb);
    }
    fn is_shown(&self) -> bool {
        true
    }
    fn at(&self, content: &str) {
        self.note(content);
    }
    fn waiting(&self) {
        self.note("waiting");
    }
    fn ended(&self) {
        self.note("ended");
    }
}

#[tokio::test]
async fn who_watches_hears_how_far_the_job_is_and_that_it_ended() {
    let node = FakeNode::start().await;
    // Polls grow apart, so that these last a little over the second after which progress is asked for.
    let end = Box::new(Reply::error("SYS.1006", "no"));
    node.on("POST /zones", [Reply::Job { polls: 6, end }]);
    node.on(
        "GET /task-progresses",
        [Reply::Json(
            200,
            json!({"inventories": [{"type": "Task", "taskName": "download-image", "content": "download-image"},
                                   {"type": "Progress", "taskName": "DownloadImage", "content": "45"}]}),
        )],
    );
    let watcher = Watcher::default();
    let outcome = client(&node.endpoint).call(&request("CreateZone name=z"), None, &watcher).await;
    assert!(outcome.is_err());
    assert_eq!(
        *watcher.0.lock().expect("not poisoned"),
        ["CreateZone", "DownloadImage 45%", "ended"],
        "ended also after a failure"
    );
}

#[tokio::test]
async fn a_node_that_restarts_during_a_job_is_waited_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let (watcher, client) = (Watcher::default(), client(&format!("http://{free}")));
    let (request, accepted) = (request("CreateZone name=z"), json!({"location": "http://x/zstack/v1/api-jobs/abc"}));
    let follow = client.follow(&request, None, &accepted, &watcher);
    let back = async {
        while !watcher.0.lock().expect("not poisoned").contains(&"waiting".to_owned()) {
            tokio::task::yield_now().await;
        }
        let done = axum::routing::get(|| async { r#"{"inventory": {"uuid": "z"}}"# });
        let router = axum::Router::new().route("/zstack/v1/api-jobs/abc", done);
        let listener = tokio::net::TcpListener::bind(free).await.expect("still free");
        axum::serve(listener, router).await
    };
    tokio::select! {
        answer = follow => assert_eq!(answer.expect("answered after the restart"), json!({"inventory": {"uuid": "z"}})),
        served = back => panic!("the node ended: {served:?}"),
    }
}

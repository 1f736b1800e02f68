//! Access keys: made once, shown once, and calls signed with them.

mod fixture;

use base64::{Engine, prelude::BASE64_STANDARD};
use cumulo_contracts::resource::AccessKey;
use cumulo_schema::{Timestamp, Uuid};
use cumulo_testnode::TestNode;
use http::StatusCode;
use ring::hmac;
use serde_json::{Value, json};

use fixture::{create_account, log_in, node, uuid};

/// A client that signs. Everything of the request can be changed before it is sent.
struct Signed<'n> {
    node: &'n TestNode,
    id: String,
    secret: String,
    date: String,
}

impl<'n> Signed<'n> {
    fn with(node: &'n TestNode, key: &Value) -> Self {
        let text = |name: &str| key[name].as_str().expect("a text").to_owned();
        Self { node, id: text("AccessKeyID"), secret: text("AccessKeySecret"), date: date(Timestamp::now()) }
    }

    fn authorization(&self, message: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.secret.as_bytes());
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, message.as_bytes()));
        format!("ZStack {}:{signature}", self.id)
    }

    async fn send(&self, verb: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let signed = path.split('?').next().unwrap_or_default();
        let authorization = self.authorization(&format!("{verb}\n{}\n/v1{signed}", self.date));
        self.send_as(verb, path, body, &authorization).await
    }

    async fn send_as(&self, verb: &str, path: &str, body: &Value, authorization: &str) -> (StatusCode, Value) {
        let headers = [("authorization", authorization), ("date", self.date.as_str())];
        self.node.exchange_with(verb, &format!("/zstack/v1{path}"), &headers, body).await
    }
}

/// As Java's clients write dates.
fn date(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).expect("in range").to_zoned(jiff::tz::TimeZone::UTC);
    time.strftime("%a, %d %b %Y %H:%M:%S Z").to_string()
}

async fn create_key(node: &TestNode, account: &str) -> Value {
    let params = json!({ "accountUuid": account, "userUuid": account, "description": "for scripts" });
    node.inventory("POST", "/accesskeys", json!({ "params": params })).await.expect("made")
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().expect("a code")
}

#[tokio::test]
async fn a_call_that_is_signed_is_made_by_the_keys_account() {
    let node = node().await;
    let alice = create_account(&node, "alice", "pa").await;
    let key = create_key(&node, uuid(&alice)).await;
    assert_eq!(
        (key["AccessKeyID"].as_str().map(str::len), key["AccessKeySecret"].as_str().map(str::len)),
        (Some(20), Some(40))
    );
    let client = Signed::with(&node, &key);
    let (status, found) = client.send("GET", "/accounts?q=name~=%25", &Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    assert_eq!(found["inventories"].as_array().map(Vec::len), Some(1), "herself");
    let body = json!({ "updateAccount": { "description": "signed" } });
    let (status, _) = client.send("PUT", &format!("/accounts/{}", uuid(&alice)), &body).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, answer) =
        client.send("POST", "/accounts", &json!({ "params": { "name": "a", "password": "b" } })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_signature_is_refused() {
    let node = node().await;
    let key = create_key(&node, &Uuid::ADMIN.to_string()).await;
    let good = || Signed::with(&node, &key);

    let other_secret = Signed { secret: "x".repeat(40), ..good() };
    let (status, answer) = other_secret.send("GET", "/accounts", &Value::Null).await;
    assert_eq!((status, code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "ID.1000"));
    assert!(answer.to_string().contains("wrong accessKey signature"), "{answer}");
    let other_id = Signed { id: "nobodyknowsthis".to_owned(), ..good() };
    let (_, answer) = other_id.send("GET", "/accounts", &Value::Null).await;
    assert!(answer.to_string().contains("access key id"), "{answer}");

    // What was signed for one call does not do for another.
    let client = good();
    let authorization = client.authorization(&format!("GET\n{}\n/v1/accounts", client.date));
    let (status, _) = client.send_as("GET", "/accounts", &Value::Null, &authorization).await;
    assert_eq!(status, StatusCode::OK);
    let (_, answer) = client.send_as("GET", "/accounts/quotas", &Value::Null, &authorization).await;
    assert_eq!(code(&answer), "ID.1000");
    let delete = format!("/accounts/{}", Uuid::random());
    let (_, answer) = client.send_as("GET", &delete, &Value::Null, &authorization).await;
    assert_eq!(code(&answer), "ID.1000");
    let later = Signed { date: date(Timestamp(Timestamp::now().0 + 1000)), ..good() };
    let (_, answer) = later.send_as("GET", "/accounts", &Value::Null, &authorization).await;
    assert_eq!(code(&answer), "ID.1000");

    for minutes in [-16, 16] {
        let skewed = Signed { date: date(Timestamp(Timestamp::now().0 + minutes * 60_000)), ..good() };
        let (status, text) = skewed.send("GET", "/accounts", &Value::Null).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
        assert!(text.to_string().contains("requestTimeTooSkewed"), "{text}");
        let near = Signed { date: date(Timestamp(Timestamp::now().0 + minutes.signum() * 14 * 60_000)), ..good() };
        assert_eq!(near.send("GET", "/accounts", &Value::Null).await.0, StatusCode::OK);
    }
    for authorization in ["ZStack", "ZStack abc", "ZStack abc:%%%", "Basic abc"] {
        let (status, text) = good().send_as("GET", "/accounts", &Value::Null, authorization).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{authorization}: {text}");
    }
    let undated = Signed { date: "today".to_owned(), ..good() };
    assert_eq!(undated.send("GET", "/accounts", &Value::Null).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_secret_is_shown_once_and_kept_sealed() {
    let node = node().await;
    let key = create_key(&node, &Uuid::ADMIN.to_string()).await;
    let secret = key["AccessKeySecret"].as_str().expect("shown");
    let found = node.query("/accesskeys").await;
    assert_eq!((found.len(), found[0].get("AccessKeySecret")), (1, None));
    let db = node.kernel().db();
    let row = db.find(AccessKey::UUID, &uuid(&key).parse::<Uuid>().expect("a uuid")).await.expect("read");
    let row = row.expect("there");
    assert!(!row.access_key_secret.contains(secret), "{}", row.access_key_secret);
    let jobs = db.select::<cumulo_kernel::api::ApiJob>().all().await.expect("read");
    assert!(!jobs.is_empty());
    for job in jobs {
        assert!(!format!("{:?} {:?}", job.params, job.result).contains(secret), "{job:?}");
    }
    let disable = json!({ "changeAccessKeyState": { "stateEvent": "disable" } });
    let path = format!("/accesskeys/{}", uuid(&key));
    let disabled = node.inventory("PUT", &format!("{path}/actions"), disable).await.expect("disabled");
    assert_eq!((&disabled["state"], disabled.get("AccessKeySecret")), (&json!("Disabled"), None));
    let again =
        json!({ "params": { "accountUuid": Uuid::ADMIN, "userUuid": Uuid::ADMIN, "resourceUuid": uuid(&key) } });
    let refused = node.call("POST", "/accesskeys", again).await.expect_err("another call is not told it");
    assert_eq!(refused.code, "SYS.1002");
}

#[tokio::test]
async fn a_key_works_until_it_is_disabled_or_deleted() {
    let node = node().await;
    let key = create_key(&node, &Uuid::ADMIN.to_string()).await;
    let path = format!("/accesskeys/{}", uuid(&key));
    let state = |event: &str| json!({ "changeAccessKeyState": { "stateEvent": event } });
    for (event, works) in [("disable", false), ("enable", true)] {
        node.call("PUT", &format!("{path}/actions"), state(event)).await.expect("changed");
        let (status, _) = Signed::with(&node, &key).send("GET", "/accounts", &Value::Null).await;
        assert_eq!(status == StatusCode::OK, works, "{event}");
    }
    for _ in 0..2 {
        node.call("DELETE", &path, Value::Null).await.expect("gone is fine");
    }
    let (_, answer) = Signed::with(&node, &key).send("GET", "/accounts", &Value::Null).await;
    assert_eq!(code(&answer), "ID.1000");
}

#[tokio::test]
async fn an_account_has_to_do_with_its_own_keys_only() {
    let mut node = node().await;
    let alice = create_account(&node, "alice", "pa").await;
    let admins = create_key(&node, &Uuid::ADMIN.to_string()).await;
    let session = log_in(&node, "alice", "pa").await.expect("logged in");
    node.use_session(uuid(&session));
    create_key(&node, uuid(&alice)).await;
    assert_eq!(node.query("/accesskeys").await.len(), 1);
    let for_admin = json!({ "params": { "accountUuid": Uuid::ADMIN, "userUuid": Uuid::ADMIN } });
    let path = format!("/accesskeys/{}", uuid(&admins));
    let enable = json!({ "changeAccessKeyState": { "stateEvent": "enable" } });
    for (verb, path, body) in [
        ("POST", "/accesskeys".to_owned(), for_admin),
        ("DELETE", path.clone(), Value::Null),
        ("PUT", format!("{path}/actions"), enable),
        ("GET", format!("/accounts/quota/{}/usages", Uuid::ADMIN), Value::Null),
    ] {
        let refused = node.call(verb, &path, body).await.expect_err("not hers");
        assert_eq!(refused.code, "ID.1002", "{verb} {path}: {refused}");
    }
}

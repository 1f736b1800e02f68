//! Calls through the portal's own router.

use axum::body::Body;
use cumulo_kernel::{Kernel, api};
use cumulo_schema::Uuid;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub async fn call(kernel: &Kernel, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let response = api::router(kernel.clone()).oneshot(request).await.expect("answered");
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    Answer { status, headers, text: String::from_utf8(bytes.to_vec()).expect("text") }
}

pub fn admin() -> (&'static str, String) {
    ("Authorization", format!("OAuth {}", Uuid::ADMIN))
}

pub async fn as_admin(kernel: &Kernel, method: &str, path: &str, body: &str) -> Answer {
    let (name, value) = admin();
    call(kernel, method, path, &[(name, &value)], body).await
}

pub async fn ended(kernel: &Kernel, accepted: &Answer) -> Answer {
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
    let location = accepted.json()["location"].as_str().expect("a location").to_owned();
    let path = location.split_once("//").and_then(|(_, rest)| rest.split_once('/')).expect("a URL").1.to_owned();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let answer = call(kernel, "GET", &format!("/{path}"), &[], "").await;
        if answer.status != StatusCode::ACCEPTED {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "the job does not end");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

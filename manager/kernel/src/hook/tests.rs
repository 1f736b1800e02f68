use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, http::StatusCode, routing::any};
use tokio::net::TcpListener;

use super::*;

/// A receiver that refuses its first `refuses` posts, and how many it got.
async fn receiver(refuses: usize) -> (String, Arc<AtomicUsize>) {
    let heard = Arc::new(AtomicUsize::new(0));
    let counting = heard.clone();
    let app = Router::new().fallback(any(move || {
        let number = counting.fetch_add(1, Ordering::SeqCst);
        async move { if number < refuses { StatusCode::BAD_GATEWAY } else { StatusCode::OK } }
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, heard)
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    format!("http://{}/hook", listener.local_addr().expect("an address"))
}

fn hooks() -> Hooks {
    Hooks { pause: Duration::from_millis(1), ..Hooks::new(CancellationToken::new()) }
}

fn post(url: &str) -> Post {
    Post::new(url, vec![("X-Job-Success", "true".to_owned())], "{}".to_owned()).expect("an address")
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not happen in 20 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_receiver_is_told_and_told_again_until_it_takes_it() {
    let (hooks, (url, heard)) = (hooks(), receiver(3).await);
    for _ in 0..20 {
        hooks.post(post(&url));
    }
    eventually("the line's end", || hooks.depth() == (0, 0)).await;
    assert_eq!(heard.load(Ordering::SeqCst), 23, "twenty, and three again");
}

#[tokio::test]
async fn a_dead_receiver_holds_up_nobody_and_is_forgotten() {
    let (hooks, dead, (url, heard)) = (hooks(), nobody().await, receiver(0).await);
    for _ in 0..10 {
        hooks.post(post(&dead));
        hooks.post(post(&url));
    }
    eventually("the living one's posts", || heard.load(Ordering::SeqCst) == 10).await;
    eventually("the lines' end", || hooks.depth() == (0, 0)).await;
}

#[tokio::test]
async fn lines_are_bounded() {
    let hooks = Hooks { pause: Duration::from_secs(3600), ..hooks() };
    let mut hosts = 0;
    while hooks.depth().1 < ALL {
        for _ in 0..LINE + 10 {
            hooks.post(post(
                &format!("http://127.0.0.1:1/{hosts}?x={hosts}").replace(":1/", &format!(":{}/", hosts + 1)),
            ));
        }
        hosts += 1;
        assert!(hosts <= 20, "a line holds no more than {LINE}: {:?}", hooks.depth());
    }
    hooks.post(post("http://127.0.0.1:60000/"));
    assert_eq!(hooks.depth().1, ALL);
    hooks.stop.cancel();
}

#[test]
fn only_addresses_of_the_web_are_posted_to() {
    for bad in ["", "x", "/etc/passwd", "file:///etc/passwd", "ftp://a/b", "http://"] {
        assert!(check_url(bad).is_err(), "{bad}");
    }
    assert!(check_url("https://a.example:8443/b?c=d").is_ok());
}

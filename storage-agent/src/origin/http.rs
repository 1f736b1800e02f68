//! Downloads over HTTP and HTTPS.

use std::{error::Error, time::Duration};

use cumulo_agent_rt::storage::{Confined, Digester, Digests, Partial, StorageError};
use reqwest::{Client, StatusCode, Url, redirect::Policy};

use super::{OnProgress, failed, failed_by};
use crate::StoreError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A server that sends nothing for so long is gone.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS: usize = 10;

pub(super) fn client() -> Result<Client, reqwest::Error> {
    // The first to say so decides for the process; in this one nobody else says anything but ring.
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(IDLE_TIMEOUT)
        .redirect(Policy::limited(REDIRECTS))
        .user_agent(concat!("cumulo-storage-agent/", env!("CARGO_PKG_VERSION")))
        .build()
}

pub(super) async fn fetch(
    client: &Client,
    url: &Url,
    to: &Confined,
    space: u64,
    progress: OnProgress<'_>,
) -> Result<Digests, StoreError> {
    let mut response = client.get(url.clone()).send().await.map_err(|error| unreachable(url, error))?;
    let status = response.status();
    if status != StatusCode::OK {
        let advice = match status.as_u16() {
            404 | 410 => "check the address",
            401 | 403 => "it wants a login, or does not let this host in",
            _ => "ask whoever runs it, or try again later",
        };
        return Err(failed(url, format!("the server answered {status}; {advice}")));
    }
    let length = response.content_length();
    if length.is_some_and(|length| length > space) {
        return Err(StorageError::NoSpace { path: to.path().to_owned() }.into());
    }
    let mut file = Partial::create(to).await?;
    let mut digester = Digester::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| ended_early(url, file.written(), length, error))?;
        let Some(chunk) = chunk else { break };
        digester.update(&chunk);
        file.write(&chunk).await?;
        progress(file.written(), length);
    }
    if length.is_some_and(|length| length != file.written()) {
        return Err(failed(url, short(file.written(), length)));
    }
    file.commit().await?;
    Ok(digester.finish())
}

fn unreachable(url: &Url, error: reqwest::Error) -> StoreError {
    let why = if error.is_redirect() {
        "the server sends it round in circles; check the address"
    } else if error.is_timeout() {
        "the server does not answer; check the address and whether this host can reach it"
    } else {
        "the server cannot be reached; check the address and whether this host can reach it"
    };
    // reqwest's own text repeats the URL, secrets included.
    failed_by(url, why, error.without_url())
}

fn ended_early(url: &Url, got: u64, length: Option<u64>, error: reqwest::Error) -> StoreError {
    let error = error.without_url();
    let why = if error.is_timeout() { "the server stopped sending; try again".to_owned() } else { short(got, length) };
    let cause: Box<dyn Error + Send + Sync> = error.into();
    failed_by(url, why, cause)
}

fn short(got: u64, length: Option<u64>) -> String {
    let of = length.map(|length| format!(" of {length}")).unwrap_or_default();
    format!("it ended early, after {got}{of} bytes; try again, or check the file on the server")
}

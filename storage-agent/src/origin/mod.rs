//! Where images come from: URLs, and the door through which their bytes arrive.

#[cfg(feature = "sim")]
mod fake;
mod file;
mod http;
mod real;

use async_trait::async_trait;
use cumulo_agent_rt::storage::{Confined, Digests};
use reqwest::Url;

#[cfg(feature = "sim")]
pub use fake::FakeOrigin;
pub use real::Urls;

use crate::StoreError;

/// How far a download is: bytes so far, bytes in all where that is known.
pub type OnProgress<'a> = &'a (dyn Fn(u64, Option<u64>) + Send + Sync);

/// The door to URLs.
#[async_trait]
pub trait Origin: Send + Sync {
    /// Copies what `url` names to `to`, which appears when it is whole; `space` bytes may be used. Returns its checksums.
    async fn fetch(
        &self,
        url: &Url,
        to: &Confined,
        space: u64,
        progress: OnProgress<'_>,
    ) -> Result<Digests, StoreError>;
}

/// Where an image is said to be from: a URL that a user wrote, or `volume://` with the id of the volume it was made of.
///
/// # Errors
/// [`StoreError::BadUrl`].
pub fn parse(text: &str) -> Result<Url, StoreError> {
    text.parse().map_err(|_| StoreError::BadUrl { url: text.to_owned(), why: "it is no URL" })
}

/// Refuses a URL from which nothing can be fetched.
///
/// # Errors
/// [`StoreError::BadUrl`].
pub fn refuse_other_kinds(url: &Url) -> Result<(), StoreError> {
    match url.scheme() {
        "http" | "https" | "file" => Ok(()),
        _ => Err(StoreError::BadUrl { url: shown(url), why: "the URL must begin with http://, https:// or file://" }),
    }
}

/// A URL for errors and logs: without user, password and query, which can be secrets.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Fails for URLs that cannot have them.
    _ = url.set_username("");
    _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// A failed download, told to operators.
fn failed(url: &Url, why: impl Into<String>) -> StoreError {
    StoreError::Download { url: shown(url), why: why.into(), cause: None }
}

/// A failed download with its cause.
fn failed_by(
    url: &Url,
    why: impl Into<String>,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Download { url: shown(url), why: why.into(), cause: Some(cause.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_can_be_fetched_are_taken() {
        let judge = |url: &str| refuse_other_kinds(&parse(url)?);
        for bad in ["", "x", "/etc/passwd", "ftp://h/x", "javascript:x", "http://", "volume://0123"] {
            assert!(matches!(judge(bad), Err(StoreError::BadUrl { .. })), "{bad}");
        }
        assert!(judge("HTTP://h/x").is_ok() && judge("file:///srv/x").is_ok());
    }

    #[test]
    fn secrets_in_a_url_are_not_shown() {
        let url = parse("https://me:s3cret@h:8443/a/b.qcow2?token=s3cret#s3cret").unwrap();
        assert_eq!(shown(&url), "https://h:8443/a/b.qcow2");
    }
}

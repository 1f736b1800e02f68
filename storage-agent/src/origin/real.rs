//! The real [`Origin`]: HTTP(S), and files of the host.

use std::path::PathBuf;

use async_trait::async_trait;
use cumulo_agent_rt::storage::{Confined, Digests};
use reqwest::{Client, Url};

use super::{OnProgress, Origin, file, http};
use crate::StoreError;

/// URLs.
pub struct Urls {
    client: Client,
    dirs: Vec<PathBuf>,
}

impl Urls {
    /// `file://` URLs may point into `dirs`.
    ///
    /// # Errors
    /// When the system's certificate authorities cannot be read.
    pub fn new(dirs: Vec<PathBuf>) -> Result<Self, reqwest::Error> {
        Ok(Self { client: http::client()?, dirs })
    }
}

#[async_trait]
impl Origin for Urls {
    async fn fetch(
        &self,
        url: &Url,
        to: &Confined,
        space: u64,
        progress: OnProgress<'_>,
    ) -> Result<Digests, StoreError> {
        if url.scheme() == "file" {
            file::fetch(&self.dirs, url, to, progress).await
        } else {
            http::fetch(&self.client, url, to, space, progress).await
        }
    }
}

//! Images that are files of this host already.

use std::path::{Path, PathBuf};

use cumulo_agent_rt::storage::{Confined, Digester, Digests, Partial};
use reqwest::Url;
use tokio::{fs, io::AsyncReadExt as _};

use super::{OnProgress, failed, failed_by};
use crate::StoreError;

pub(super) async fn fetch(
    dirs: &[PathBuf],
    url: &Url,
    to: &Confined,
    progress: OnProgress<'_>,
) -> Result<Digests, StoreError> {
    let path = allowed(dirs, url, to).await?;
    let read = |cause| failed_by(url, "it cannot be read", cause);
    let mut from = fs::File::open(&path).await.map_err(read)?;
    let meta = from.metadata().await.map_err(read)?;
    if !meta.is_file() {
        return Err(failed(url, "it is no file"));
    }
    let mut file = Partial::create(to).await?;
    let mut digester = Digester::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = from.read(&mut buffer).await.map_err(read)?;
        if n == 0 {
            break;
        }
        digester.update(&buffer[..n]);
        file.write(&buffer[..n]).await?;
        progress(file.written(), Some(meta.len()));
    }
    file.commit().await?;
    Ok(digester.finish())
}

/// The file with all links resolved, if that is in an allowed folder.
async fn allowed(dirs: &[PathBuf], url: &Url, to: &Confined) -> Result<PathBuf, StoreError> {
    let path = url.to_file_path().map_err(|()| failed(url, "it names another host; file URLs are of this one"))?;
    let path =
        fs::canonicalize(&path).await.map_err(|cause| failed_by(url, "the storage host has no such file", cause))?;
    for dir in dirs.iter().map(PathBuf::as_path).chain([to.root()]) {
        if is_below(&path, dir).await {
            return Ok(path);
        }
    }
    Err(failed(url, "it is outside the folders that the storage host gives images from (file_url_dirs)"))
}

async fn is_below(path: &Path, dir: &Path) -> bool {
    fs::canonicalize(dir).await.is_ok_and(|dir| path.starts_with(dir))
}

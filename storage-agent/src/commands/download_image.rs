//! `DownloadImage`: fetches an image and makes sure it is what it is said to be.
//!
//! The file is looked at under another name and gets its own when it passed, so that whatever has its name is an image.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{Confined, Digests, ImageInfo, StorageError},
};
use cumulo_proto::storage;

use crate::{StorageHost, origin, wanted::Wanted};

pub(super) struct DownloadImage;

impl Command<StorageHost> for DownloadImage {
    type Request = storage::DownloadImage;

    fn key(rq: &Self::Request) -> String {
        rq.image_uuid.clone()
    }

    async fn run(
        host: Arc<StorageHost>,
        rq: Self::Request,
        cx: &TaskCx,
    ) -> Result<storage::DownloadImageReply, AgentError> {
        let image = host.roots.confine_in(&rq.storage_path, &rq.install_path)?;
        let url = origin::parse(&rq.url)?;
        let (sha256, md5) = (&rq.expected_sha256, &rq.expected_md5);
        let wanted = Wanted::checked(origin::shown(&url), &rq.expected_format, sha256, md5)?;
        if let Some(info) = host.disks.info(&image).await? {
            let digests = host.disks.digests(&image).await?;
            wanted.check(&info, &digests)?;
            return Ok(reply(&wanted, &image, &info, digests));
        }
        origin::refuse_other_kinds(&url)?;
        let space = host.disks.capacity(image.root()).await?.available;
        let incoming = image.incoming();
        let progress = |done: u64, all: Option<u64>| cx.progress(percent(done, all), "downloading the image");
        let fetched = host.origin.fetch(&url, &incoming, space, &progress);
        let digests = cx.until_deadline("downloading the image", fetched).await??;
        let info = host.disks.info(&incoming).await?;
        let info = info.ok_or_else(|| StorageError::Vanished { path: incoming.path().to_owned() })?;
        if let Err(error) = wanted.check(&info, &digests) {
            host.disks.remove(&incoming).await?;
            return Err(error.into());
        }
        host.disks.rename(&incoming, &image).await?;
        host.changed.notify_one();
        Ok(reply(&wanted, &image, &info, digests))
    }
}

fn reply(wanted: &Wanted, image: &Confined, info: &ImageInfo, digests: Digests) -> storage::DownloadImageReply {
    storage::DownloadImageReply {
        size: info.virtual_size,
        actual_size: info.actual_size,
        sha256: digests.sha256,
        md5: digests.md5,
        format: wanted.format(),
        path: image.path().display().to_string(),
    }
}

fn percent(done: u64, all: Option<u64>) -> u32 {
    // Without a length it is under way, and nobody knows how far.
    let percent = all.map_or(0, |all| done.saturating_mul(100).checked_div(all).unwrap_or(100));
    u32::try_from(percent).unwrap_or(100)
}

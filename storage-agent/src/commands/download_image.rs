//! `DownloadImage`: fetches an image and makes sure it is what it is said to be.
//!
//! The file is looked at under another name and gets its own when it passed, so that whatever has its name is an image.

use std::sync::Arc;

use cumulo_agent_rt::{
    AgentError, Command, TaskCx,
    storage::{Confined, Digests, ImageInfo, StorageError},
};
use cumulo_proto::storage;

use crate::{StorageHost, StoreError, origin};

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
        let wanted = Wanted::checked(&rq, origin::shown(&url))?;
        if let Some(info) = host.disks.info(&image).await? {
            let digests = host.disks.digests(&image).await?;
            wanted.check(&info, &digests)?;
            return Ok(wanted.reply(&image, &info, digests));
        }
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
        Ok(wanted.reply(&image, &info, digests))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Qcow2,
    Raw,
    Iso,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::Iso => "iso",
        }
    }
}

/// What the image is said to be.
struct Wanted {
    url: String,
    format: Format,
    sha256: Option<String>,
    md5: Option<String>,
}

impl Wanted {
    fn checked(rq: &storage::DownloadImage, url: String) -> Result<Self, StoreError> {
        let format = match rq.expected_format.as_str() {
            "qcow2" => Format::Qcow2,
            "raw" => Format::Raw,
            "iso" => Format::Iso,
            _ => return Err(StoreError::UnknownFormat(rq.expected_format.clone())),
        };
        let sum = |text: &str| Some(text.to_ascii_lowercase()).filter(|sum| !sum.is_empty());
        Ok(Self { url, format, sha256: sum(&rq.expected_sha256), md5: sum(&rq.expected_md5) })
    }

    fn check(&self, info: &ImageInfo, digests: &Digests) -> Result<(), StoreError> {
        let not = |why: String| Err(StoreError::NotAsExpected { url: self.url.clone(), why });
        for (kind, wanted, is) in [("SHA-256", &self.sha256, &digests.sha256), ("MD5", &self.md5, &digests.md5)] {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != is) {
                return not(format!(
                    "its {kind} checksum is {is} and not {wanted}; download it again, or correct the sum"
                ));
            }
        }
        if !info.is_whole() {
            return not("it is only an overlay of another file; flatten it with qemu-img convert first".to_owned());
        }
        let right = match self.format {
            Format::Qcow2 => info.format == "qcow2",
            Format::Raw => info.format == "raw",
            Format::Iso => info.format == "raw" && info.iso,
        };
        if right {
            return Ok(());
        }
        let is = if info.iso { "an ISO image".to_owned() } else { format!("of format {}", info.format) };
        let hint = if info.format == "raw" && !info.iso { " (or no image at all)" } else { "" };
        not(format!("it is {is}{hint} and not {}; add it with its own format", self.format.name()))
    }

    fn reply(&self, image: &Confined, info: &ImageInfo, digests: Digests) -> storage::DownloadImageReply {
        storage::DownloadImageReply {
            size: info.virtual_size,
            actual_size: info.actual_size,
            sha256: digests.sha256,
            md5: digests.md5,
            format: self.format.name().to_owned(),
            path: image.path().display().to_string(),
        }
    }
}

fn percent(done: u64, all: Option<u64>) -> u32 {
    // Without a length it is under way, and nobody knows how far.
    let percent = all.map_or(0, |all| done.saturating_mul(100).checked_div(all).unwrap_or(100));
    u32::try_from(percent).unwrap_or(100)
}

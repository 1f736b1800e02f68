//! What an image is said to be, held against what it is.

use cumulo_agent_rt::storage::{Digests, ImageInfo};

use crate::StoreError;

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
pub(crate) struct Wanted {
    /// Where it is from, for errors.
    from: String,
    format: Format,
    sha256: Option<String>,
    md5: Option<String>,
}

impl Wanted {
    /// Checksums are empty where they are not known.
    pub(crate) fn checked(from: String, format: &str, sha256: &str, md5: &str) -> Result<Self, StoreError> {
        let format = match format {
            "qcow2" => Format::Qcow2,
            "raw" => Format::Raw,
            "iso" => Format::Iso,
            _ => return Err(StoreError::UnknownFormat(format.to_owned())),
        };
        let sum = |text: &str| Some(text.to_ascii_lowercase()).filter(|sum| !sum.is_empty());
        Ok(Self { from, format, sha256: sum(sha256), md5: sum(md5) })
    }

    pub(crate) fn check(&self, info: &ImageInfo, digests: &Digests) -> Result<(), StoreError> {
        let not = |why: String| Err(StoreError::NotAsExpected { url: self.from.clone(), why });
        for (kind, wanted, is) in [("SHA-256", &self.sha256, &digests.sha256), ("MD5", &self.md5, &digests.md5)] {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != is) {
                return not(format!("its {kind} checksum is {is} and not {wanted}; get it again, or correct the sum"));
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

    /// The format, as users call it.
    pub(crate) fn format(&self) -> String {
        self.format.name().to_owned()
    }
}

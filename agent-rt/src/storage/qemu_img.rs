//! The real [`Disks`]: `qemu-img`, and the file system.
//!
//! Paths given to `qemu-img` are absolute, so that it takes them for neither options nor protocols; formats are always
//! given, so that it does not guess one from what a guest wrote into its disk.

use std::{
    ffi::OsStr,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use async_trait::async_trait;
use cumulo_proto::StorageCapacity;
use serde::Deserialize;
use tokio::{fs, process::Command, task::spawn_blocking};

use super::{
    Confined, Digests, DiskFormat, Disks, ImageInfo, NewDisk, StorageError, capacity, digest, flatten, lend,
    partial::{part_of, remove_file},
};

pub(super) const PROGRAM: &str = "qemu-img";

/// `qemu-img` and the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct QemuImg;

impl QemuImg {
    /// What the file at `path` is, as far as its content tells. The file is not trusted: nothing it refers to is opened.
    ///
    /// # Errors
    /// When `qemu-img` cannot make sense of it.
    pub async fn probe(path: &Path) -> Result<ImageInfo, StorageError> {
        let args: [&OsStr; 4] = ["info".as_ref(), "--output=json".as_ref(), "-U".as_ref(), path.as_os_str()];
        let out = run("read", path, &args).await?;
        let info: Info = serde_json::from_slice(&out).map_err(|e| StorageError::QemuImg {
            what: "read",
            path: path.to_owned(),
            said: e.to_string(),
        })?;
        let data_file = info.format_specific.and_then(|s| s.data).and_then(|d| d.data_file);
        Ok(ImageInfo {
            virtual_size: info.virtual_size,
            actual_size: info.actual_size,
            format: info.format,
            backing: info.backing_filename,
            external_data: data_file.is_some(),
            iso: is_iso(path),
        })
    }
}

#[async_trait]
impl Disks for QemuImg {
    async fn ensure_root(&self, root: &Path) -> Result<(), StorageError> {
        fs::create_dir_all(root).await.map_err(StorageError::io("make the folder", root))
    }

    async fn capacity(&self, root: &Path) -> Result<StorageCapacity, StorageError> {
        capacity::of(root)
    }

    async fn info(&self, file: &Confined) -> Result<Option<ImageInfo>, StorageError> {
        file.check_links()?;
        match fs::metadata(file.path()).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageError::io("look at", file.path())(error)),
            Ok(_) => Self::probe(file.path()).await.map(Some),
        }
    }

    async fn create(&self, file: &Confined, disk: &NewDisk) -> Result<(), StorageError> {
        file.check_links()?;
        let dir = file.path().parent().unwrap_or(file.root());
        fs::create_dir_all(dir).await.map_err(StorageError::io("make the folder", dir))?;
        let part = part_of(file.path());
        remove_file(&part).await?;
        let (format, backing, size) = match disk {
            NewDisk::Empty { format, size } => (format.name(), None, size),
            NewDisk::Overlay { backing, backing_format, size } => ("qcow2", Some((backing, backing_format)), size),
        };
        let size = size.to_string();
        let mut args: Vec<&OsStr> = ["create", "-q", "-f", format].map(OsStr::new).to_vec();
        if let Some((backing, backing_format)) = backing {
            args.extend([OsStr::new("-b"), backing.as_os_str(), OsStr::new("-F"), OsStr::new(backing_format)]);
        }
        args.extend([part.as_os_str(), OsStr::new(&size)]);
        let made = match run("create", file.path(), &args).await {
            Ok(_) => fs::rename(&part, file.path()).await.map_err(StorageError::io("rename to", file.path())),
            Err(error) => Err(error),
        };
        if made.is_err() {
            remove_file(&part).await?;
        }
        made
    }

    async fn remove(&self, file: &Confined) -> Result<(), StorageError> {
        file.check_links()?;
        remove_file(&part_of(file.path())).await?;
        remove_file(file.path()).await?;
        let mut dir = file.path().parent();
        while let Some(empty) = dir.filter(|d| *d != file.root()) {
            if fs::remove_dir(empty).await.is_err() {
                break; // not empty, or gone
            }
            dir = empty.parent();
        }
        Ok(())
    }

    async fn rename(&self, from: &Confined, to: &Confined) -> Result<(), StorageError> {
        from.check_links()?;
        to.check_links()?;
        fs::rename(from.path(), to.path()).await.map_err(StorageError::io("rename to", to.path()))
    }

    async fn flatten(
        &self,
        from: &Confined,
        format: DiskFormat,
        to: &Confined,
        progress: &(dyn Fn(u32) + Send + Sync),
    ) -> Result<(), StorageError> {
        flatten::flatten(from, format, to, progress).await
    }

    async fn lend(&self, file: &Confined, user: &str) -> Result<(), StorageError> {
        lend::lend(file, user).await
    }

    async fn reclaim(&self, file: &Confined) -> Result<(), StorageError> {
        lend::reclaim(file).await
    }

    async fn digests(&self, file: &Confined) -> Result<Digests, StorageError> {
        file.check_links()?;
        let path = file.path().to_owned();
        let read = spawn_blocking(move || digest::of(&path)).await;
        read.unwrap_or_else(|e| Err(StorageError::io("read", file.path())(std::io::Error::other(e))))
    }

    async fn version(&self) -> Result<String, StorageError> {
        let out = run("tell the version of", Path::new(PROGRAM), &["--version".as_ref()]).await?;
        // "qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7)"
        let text = String::from_utf8_lossy(&out);
        Ok(text.split_whitespace().nth(2).unwrap_or("unknown").to_owned())
    }
}

/// The standard identifier of ISO 9660 is in its 17th sector.
fn is_iso(path: &Path) -> bool {
    let mut identifier = [0; 5];
    let read = std::fs::File::open(path).and_then(|file| file.read_exact_at(&mut identifier, 16 * 2048 + 1));
    read.is_ok() && &identifier == b"CD001"
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Info {
    virtual_size: u64,
    #[serde(default)]
    actual_size: u64,
    format: String,
    backing_filename: Option<PathBuf>,
    format_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct Specific {
    data: Option<SpecificData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SpecificData {
    data_file: Option<String>,
}

pub(super) async fn run(what: &'static str, path: &Path, args: &[&OsStr]) -> Result<Vec<u8>, StorageError> {
    let out = Command::new(PROGRAM).args(args).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true).output();
    let out = out.await.map_err(|cause| StorageError::Io { what: "run qemu-img for", path: path.to_owned(), cause })?;
    judge(what, path, out.status, &out.stderr)?;
    Ok(out.stdout)
}

/// What became of a run.
pub(super) fn judge(what: &'static str, path: &Path, status: ExitStatus, said: &[u8]) -> Result<(), StorageError> {
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(said);
    if said.contains("No space left on device") {
        return Err(StorageError::NoSpace { path: path.to_owned() });
    }
    let said = said.lines().next().unwrap_or("it gave no reason").trim_start_matches("qemu-img: ").to_owned();
    Err(StorageError::QemuImg { what, path: path.to_owned(), said })
}

//! A volume as one file: `qemu-img convert`, whose progress is passed on.

use std::{ffi::OsStr, path::Path, process::Stdio};

use serde::Deserialize;
use tokio::{
    fs,
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::Command,
};

use super::{
    Confined, DiskFormat, StorageError, capacity,
    partial::{name_whole, part_of, remove_file},
    qemu_img::{PROGRAM, judge, run},
};

/// Writes what the volume `from` shows its guest to the qcow2 file `to`, which appears when it is whole.
pub(super) async fn flatten(
    from: &Confined,
    format: DiskFormat,
    to: &Confined,
    progress: &(dyn Fn(u32) + Send + Sync),
) -> Result<(), StorageError> {
    from.check_links()?;
    to.check_links()?;
    let dir = to.path().parent().unwrap_or(to.root());
    fs::create_dir_all(dir).await.map_err(StorageError::io("make the folder", dir))?;
    let part = part_of(to.path());
    remove_file(&part).await?;
    // Told now rather than after an hour of copying.
    if required(from.path(), format).await? > capacity::of(to.root())?.available {
        return Err(StorageError::NoSpace { path: to.path().to_owned() });
    }
    let converted = match convert(from.path(), format, &part, progress).await {
        Ok(()) => settle(&part, to.path()).await,
        failed => failed,
    };
    if converted.is_err() {
        remove_file(&part).await?;
    }
    converted
}

async fn settle(part: &Path, path: &Path) -> Result<(), StorageError> {
    let file = fs::File::open(part).await.map_err(StorageError::io("open", part))?;
    name_whole(&file, part, path).await
}

#[derive(Deserialize)]
struct Measured {
    required: u64,
}

/// The bytes that the flat file will take.
async fn required(from: &Path, format: DiskFormat) -> Result<u64, StorageError> {
    let args = ["measure", "--output=json", "-f", format.name(), "-O", "qcow2"].map(OsStr::new);
    let out = run("measure", from, &[&args[..], &[from.as_os_str()]].concat()).await?;
    let measured: Result<Measured, _> = serde_json::from_slice(&out);
    let unreadable = |cause: serde_json::Error| StorageError::QemuImg {
        what: "measure",
        path: from.to_owned(),
        said: cause.to_string(),
    };
    Ok(measured.map_err(unreadable)?.required)
}

async fn convert(
    from: &Path,
    format: DiskFormat,
    to: &Path,
    progress: &(dyn Fn(u32) + Send + Sync),
) -> Result<(), StorageError> {
    let failed = |cause| StorageError::Io { what: "run qemu-img for", path: from.to_owned(), cause };
    let mut child = Command::new(PROGRAM)
        .args(["convert", "-p", "-f", format.name(), "-O", "qcow2"])
        .args([from, to])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let complaint = async {
        let mut text = Vec::new();
        match err {
            Some(mut err) => err.read_to_end(&mut text).await.map(|_| text),
            None => Ok(text),
        }
    };
    let (status, told, said) = tokio::join!(child.wait(), tell(out, progress), complaint);
    told.map_err(failed)?;
    judge("flatten", from, status.map_err(failed)?, &said.map_err(failed)?)
}

/// Passes on what `qemu-img -p` prints: `    (12.34/100%)`, one over the other.
async fn tell(
    out: Option<impl AsyncRead + Unpin>,
    progress: &(dyn Fn(u32) + Send + Sync),
) -> Result<(), std::io::Error> {
    let Some(out) = out else { return Ok(()) };
    let (mut lines, mut line) = (BufReader::new(out), Vec::new());
    while lines.read_until(b'\r', &mut line).await? > 0 {
        if let Some(percent) = percent(&String::from_utf8_lossy(&line)) {
            progress(percent);
        }
        line.clear();
    }
    Ok(())
}

fn percent(line: &str) -> Option<u32> {
    let number = line.trim().strip_prefix('(')?.split_once(['.', '/'])?.0;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn the_progress_of_qemu_img_is_understood() {
        for (line, is) in [
            ("    (0.00/100%)\r", Some(0)),
            ("    (12.34/100%)\r", Some(12)),
            ("    (100.00/100%)\r", Some(100)),
            ("    (7/100%)", Some(7)),
            ("\n", None),
            ("qemu-img: oops", None),
        ] {
            assert_eq!(percent(line), is, "{line:?}");
        }
    }
}

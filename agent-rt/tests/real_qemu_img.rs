//! `qemu-img` for real, in a temporary folder. Needs the package qemu-utils.

use std::path::Path;

use cumulo_agent_rt::storage::{self, Confined, DiskFormat, Disks as _, NewDisk, QemuImg, Roots, StorageError};

struct Storage {
    dir: tempfile::TempDir,
    roots: Roots,
}

impl Storage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots::in_memory();
        roots.add(dir.path().to_str().unwrap()).unwrap();
        Self { dir, roots }
    }

    fn file(&self, name: &str) -> Confined {
        self.roots.confine_in(self.dir.path().to_str().unwrap(), name).unwrap()
    }
}

#[tokio::test]
async fn volumes_are_made_once_and_removed_with_the_folders_they_leave_empty() {
    let storage = Storage::new();
    let disks = QemuImg;
    let image = storage.file("cache/image.qcow2");
    let disk = NewDisk::Empty { format: DiskFormat::Qcow2, size: 64 << 20 };
    let info = storage::ensure(&disks, &image, &disk).await.unwrap();
    assert_eq!((info.virtual_size, info.format.as_str()), (64 << 20, "qcow2"));

    let volume = storage.file("vol/a/root.qcow2");
    let overlay =
        NewDisk::Overlay { backing: image.path().to_owned(), backing_format: "qcow2".into(), size: 128 << 20 };
    let info = storage::ensure(&disks, &volume, &overlay).await.unwrap();
    assert_eq!((info.virtual_size, info.backing.as_deref()), (128 << 20, Some(image.path())));
    assert!(info.actual_size < 1 << 20, "{info:?}");
    assert_eq!(storage::ensure(&disks, &volume, &overlay).await.unwrap(), info);
    assert!(matches!(storage::ensure(&disks, &volume, &disk).await, Err(StorageError::Different { .. })));

    disks.remove(&volume).await.unwrap();
    disks.remove(&volume).await.unwrap();
    assert!(!storage.dir.path().join("vol").exists() && image.path().exists());
    assert_eq!(disks.info(&volume).await.unwrap(), None);
}

#[tokio::test]
async fn names_with_odd_characters_are_only_names() {
    let storage = Storage::new();
    let raw = NewDisk::Empty { format: DiskFormat::Raw, size: 1 << 20 };
    for name in ["-o help", "json:{}", "nbd:localhost:1", "a,b=c", "$(touch x)", "é \"'<&>"] {
        let info = storage::ensure(&QemuImg, &storage.file(name), &raw).await.unwrap();
        assert_eq!(info.virtual_size, 1 << 20, "{name}");
    }
    assert_eq!(std::fs::read_dir(storage.dir.path()).unwrap().count(), 6);
}

#[tokio::test]
async fn what_is_no_image_is_raw_and_a_backing_file_is_told_and_not_opened() {
    let storage = Storage::new();
    let text = storage.file("text");
    std::fs::write(text.path(), vec![b'x'; 4096]).unwrap();
    assert_eq!(QemuImg::probe(text.path()).await.unwrap().format, "raw");

    let evil = storage.file("evil");
    let made = std::process::Command::new("qemu-img")
        .args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/shadow"])
        .arg(evil.path())
        .arg("1M")
        .status();
    assert!(made.unwrap().success());
    assert_eq!(QemuImg::probe(evil.path()).await.unwrap().backing.as_deref(), Some(Path::new("/etc/shadow")));
}

#[tokio::test]
async fn what_cannot_be_made_leaves_nothing() {
    let storage = Storage::new();
    let backing = storage.dir.path().join("missing");
    let overlay = NewDisk::Overlay { backing, backing_format: "qcow2".into(), size: 1 << 20 };
    let failed = storage::ensure(&QemuImg, &storage.file("root"), &overlay).await;
    assert!(matches!(failed, Err(StorageError::QemuImg { .. })), "{failed:?}");
    assert_eq!(std::fs::read_dir(storage.dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn version_and_capacity_are_told() {
    let storage = Storage::new();
    assert!(QemuImg.version().await.unwrap().starts_with(|c: char| c.is_ascii_digit()));
    let capacity = QemuImg.capacity(storage.dir.path()).await.unwrap();
    assert!(capacity.total >= capacity.available && capacity.available > 0, "{capacity:?}");
}

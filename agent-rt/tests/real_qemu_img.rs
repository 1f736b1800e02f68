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

fn tool(program: &str, args: &[&str]) {
    let out = std::process::Command::new(program).args(args).output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

#[tokio::test]
async fn a_volume_and_its_image_become_one_file() {
    let storage = Storage::new();
    let (image, volume, flat) = (storage.file("image"), storage.file("v/root"), storage.file("flat/image"));
    let empty = NewDisk::Empty { format: DiskFormat::Qcow2, size: 64 << 20 };
    storage::ensure(&QemuImg, &image, &empty).await.unwrap();
    tool("qemu-io", &["-f", "qcow2", "-c", "write -P 1 0 8M", image.path().to_str().unwrap()]);
    let overlay = NewDisk::Overlay { backing: image.path().to_owned(), backing_format: "qcow2".into(), size: 96 << 20 };
    storage::ensure(&QemuImg, &volume, &overlay).await.unwrap();
    tool("qemu-io", &["-f", "qcow2", "-c", "write -P 2 4M 8M", volume.path().to_str().unwrap()]);

    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |percent| seen.lock().unwrap().push(percent);
    QemuImg.flatten(&volume, DiskFormat::Qcow2, &flat, &progress).await.unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&100), "{seen:?}");
    let info = QemuImg.info(&flat).await.unwrap().unwrap();
    assert!(info.is_whole() && info.format == "qcow2" && info.virtual_size == 96 << 20, "{info:?}");
    QemuImg.remove(&image).await.unwrap();
    let reads = "read -P 1 0 4M;read -P 2 4M 8M;read -P 0 12M 84M";
    let commands: Vec<&str> = reads.split(';').flat_map(|read| ["-c", read]).collect();
    tool("qemu-io", &[&["-f", "qcow2"], &commands[..], &[flat.path().to_str().unwrap()]].concat());

    // Without its image the volume is nothing, and of nothing there is no file.
    let again = storage.file("again/image");
    let failed = QemuImg.flatten(&volume, DiskFormat::Qcow2, &again, &|_| ()).await;
    assert!(matches!(failed, Err(StorageError::QemuImg { .. })), "{failed:?}");
    assert_eq!(std::fs::read_dir(again.path().parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_volume_too_large_for_the_disk_is_not_begun() {
    use nix::mount::{MsFlags, mount, umount};

    let storage = Storage::new();
    let small = storage.dir.path().join("small");
    std::fs::create_dir(&small).unwrap();
    mount(Some("tmpfs"), &small, Some("tmpfs"), MsFlags::empty(), Some("size=4m")).expect("this test needs root");
    storage.roots.add(small.to_str().unwrap()).unwrap();
    let volume = storage.file("root");
    storage::ensure(&QemuImg, &volume, &NewDisk::Empty { format: DiskFormat::Qcow2, size: 64 << 20 }).await.unwrap();
    tool("qemu-io", &["-f", "qcow2", "-c", "write -P 1 0 8M", volume.path().to_str().unwrap()]);
    let flat = storage.roots.confine_in(small.to_str().unwrap(), "image").unwrap();
    let failed = QemuImg.flatten(&volume, DiskFormat::Qcow2, &flat, &|_| panic!("it has begun")).await;
    let left = std::fs::read_dir(&small).unwrap().count();
    umount(&small).unwrap();
    assert!(matches!(failed, Err(StorageError::NoSpace { .. })), "{failed:?}");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_lent_file_is_the_accounts_until_it_is_taken_back() {
    use std::os::unix::fs::MetadataExt as _;

    let storage = Storage::new();
    let file = storage.file("lent/file");
    std::os::unix::fs::symlink("/etc/passwd", storage.dir.path().join("link")).unwrap();
    let owner = || std::fs::metadata(file.path()).unwrap().uid();
    for _ in 0..2 {
        QemuImg.lend(&file, "nobody").await.expect("this test needs root");
        assert_eq!((owner(), std::fs::read(file.path()).unwrap().len()), (65534, 0));
        std::fs::write(file.path(), "written").unwrap();
    }
    QemuImg.reclaim(&file).await.unwrap();
    assert_eq!((owner(), std::fs::read(file.path()).unwrap().as_slice()), (0, &b"written"[..]));
    let stranger = QemuImg.lend(&storage.file("other"), "no\0body").await;
    assert!(matches!(stranger, Err(StorageError::NoUser { .. })), "{stranger:?}");
    assert!(QemuImg.lend(&storage.file("link"), "nobody").await.is_err());
}

//! Network namespaces by name, as `ip netns` keeps them: mounts below `/run/netns`.
//!
//! A thread that entered a namespace stays in it, so each visit has a thread of its own. Processes and sockets made
//! during a visit belong to the namespace.

use std::{
    fs::{self, File},
    future::Future,
    io,
    path::{Path, PathBuf},
    thread,
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
    sys::statfs::{NSFS_MAGIC, fstatfs},
};
use tokio::{runtime, sync::oneshot};

use crate::HostError;

const DIR: &str = "/run/netns";

/// A named network namespace.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) fn new(name: String) -> Self {
        Self { name }
    }

    fn path(&self) -> PathBuf {
        Path::new(DIR).join(&self.name)
    }

    /// Opens it, where it exists.
    pub(crate) fn open(&self) -> Result<Option<File>, HostError> {
        match File::open(self.path()) {
            Ok(file) if is_namespace(&file) => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("open")(error)),
        }
    }

    /// Makes sure it exists.
    pub(crate) async fn ensure(&self) -> Result<(), HostError> {
        if self.open()?.is_some() {
            return Ok(());
        }
        let (path, failed) = (self.path(), self.failed("make"));
        on_thread(move || {
            prepare_dir()?;
            File::create(&path)?;
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(Some("/proc/thread-self/ns/net"), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            Ok(())
        })
        .await
        .map_err(failed)
    }

    /// Makes sure it is gone. What still runs in it keeps the kernel's side alive until it ends.
    pub(crate) fn remove(&self) -> Result<(), HostError> {
        let path = self.path();
        if self.open()?.is_some() {
            umount2(&path, MntFlags::MNT_DETACH).map_err(io::Error::from).map_err(self.failed("unmount"))?;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove")(error)),
            _ => Ok(()),
        }
    }

    /// Does something on a thread inside it.
    pub(crate) async fn visit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HostError> {
        let Some(file) = self.open()? else {
            return Err(self.failed("enter")(io::ErrorKind::NotFound.into()));
        };
        let visited = on_thread(move || {
            setns(file, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        });
        visited.await.map_err(self.failed("enter"))
    }

    /// Does something asynchronous on a thread inside it, with a small runtime of its own.
    pub(crate) async fn visit_async<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> Result<T, HostError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, HostError>>,
    {
        self.visit(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(HostError::io("start a runtime in a namespace"))?.block_on(async { work().await })
        })
        .await?
    }

    fn failed(&self, what: &str) -> impl FnOnce(io::Error) -> HostError + use<> {
        HostError::io(format!("{what} the network namespace {}", self.name))
    }
}

/// Runs `work` on a thread of its own.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().name("netns".into()).spawn(move || {
        // Nobody waiting any more is fine.
        _ = done.send(work());
    })?;
    result.await.unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace panicked")))
}

/// Whether a file is a mounted namespace and not the empty file below it.
fn is_namespace(file: &File) -> bool {
    fstatfs(file).is_ok_and(|stat| stat.filesystem_type() == NSFS_MAGIC)
}

/// Makes the folder of namespaces a shared mount, as `ip netns` does, so that everybody on the host sees them.
fn prepare_dir() -> io::Result<()> {
    fs::create_dir_all(DIR)?;
    let share = || mount(None::<&str>, DIR, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>);
    if share().is_err() {
        // It is no mount yet.
        mount(Some(DIR), DIR, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
        share()?;
    }
    Ok(())
}

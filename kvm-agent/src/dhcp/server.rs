//! One dnsmasq process: its files, its start, its end.
//!
//! It runs on when the agent ends and is found again by its process id file, so that guests get their leases while the
//! agent is upgraded. A change is a restart, which takes some ten milliseconds: SIGHUP would do for an added host, but
//! dnsmasq 2.90, which Debian 12 has, aborts on it once it gave out a lease, and it would keep leases of addresses that
//! have a new owner.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::{
    L3State, Namespace,
    dnsmasq::{self, Files},
};
use crate::{HostError, ObjectId};

const END_PATIENCE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) struct Server {
    l3: ObjectId,
    dir: PathBuf,
}

impl Server {
    pub(super) fn new(l3: ObjectId, dir: PathBuf) -> Self {
        Self { l3, dir }
    }

    pub(super) async fn apply(&self, state: &L3State, device: u32, namespace: &Namespace) -> Result<(), HostError> {
        let failed = |cause| HostError::Io { what: format!("write the files in {}", self.dir.display()), cause };
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&self.dir).map_err(failed)?;
        let (hosts, leases, pid) = (self.file("hosts"), self.file("leases"), self.file("pid"));
        let config = dnsmasq::config(&state.network, device, &Files { hosts: &hosts, leases: &leases, pid: &pid });
        let changed = replace(&self.file("conf"), &config).map_err(failed)?
            | replace(&hosts, &dnsmasq::hosts(state)).map_err(failed)?;
        if self.running().is_some() {
            if !changed {
                return Ok(());
            }
            self.end().await?;
        }
        self.start(namespace).await
    }

    pub(super) async fn remove(&self) -> Result<(), HostError> {
        self.end().await?;
        match fs::remove_dir_all(&self.dir) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(HostError::Io { what: format!("remove {}", self.dir.display()), cause })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.running().is_some()
    }

    async fn start(&self, namespace: &Namespace) -> Result<(), HostError> {
        // Leases only remember what the hosts file says better; stale ones would block an address.
        _ = fs::remove_file(self.file("leases"));
        let conf = self.file("conf");
        let output = namespace
            .visit(move || {
                let mut flag = OsString::from("--conf-file=");
                flag.push(conf);
                // It goes to the background when it serves, so this ends soon.
                Command::new("dnsmasq").arg(flag).stdin(Stdio::null()).env("LC_ALL", "C").output()
            })
            .await?
            .map_err(|error| HostError::Program { program: "dnsmasq", said: error.to_string() })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
            return Err(HostError::Dnsmasq { l3: self.l3.to_string(), said });
        }
        info!(l3 = %self.l3, "started a DHCP server");
        Ok(())
    }

    async fn end(&self) -> Result<(), HostError> {
        let Some(pid) = self.running() else { return Ok(()) };
        self.signal(pid, Signal::SIGTERM)?;
        let give_up = Instant::now() + END_PATIENCE;
        while self.running().is_some() {
            if Instant::now() > give_up {
                warn!(l3 = %self.l3, "a DHCP server does not end; is killed");
                self.signal(pid, Signal::SIGKILL)?;
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Its process, if the process id file names one that surely is ours.
    fn running(&self) -> Option<Pid> {
        let pid: i32 = fs::read_to_string(self.file("pid")).ok()?.trim().parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let ours = format!("--conf-file={}", self.file("conf").display());
        command.split(|b| *b == 0).any(|arg| arg == ours.as_bytes()).then_some(Pid::from_raw(pid))
    }

    /// A process that has just ended is as good.
    fn signal(&self, pid: Pid, signal: Signal) -> Result<(), HostError> {
        match kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(HostError::io(format!("signal the DHCP server of {}", self.l3))(errno.into())),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Writes a file so that it is there whole or not at all, readable by the user that dnsmasq becomes. Says whether that
/// changed anything.
fn replace(path: &Path, text: &str) -> io::Result<bool> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    let part = path.with_extension("part");
    fs::write(&part, text)?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o644))?;
    fs::rename(&part, path)?;
    Ok(true)
}

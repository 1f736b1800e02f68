//! A MariaDB server of the test's own, to be killed and started again.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A private server; its data goes with it.
#[derive(Debug)]
pub struct Server {
    dir: TempDir,
    url: String,
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// When MariaDB is not installed (`scripts/install-packages` does that) or does not start.
    #[must_use]
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = up(dir.path());
        Self { dir, url }
    }

    /// `mysql://root@127.0.0.1:PORT`, the same over all its lives.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it: what it had not answered may be lost or not, what it had answered is not.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn kill(&self) {
        let status = script().arg("kill").arg(self.dir.path()).status().expect("the script runs");
        assert!(status.success(), "the server could not be killed");
    }

    /// Stops it from doing anything, its connections open. When this returns, it answers nothing more.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn freeze(&self) {
        self.signal("-STOP");
        // The signal stops one thread after the other, each when it next enters the kernel's scheduler.
        let since = Instant::now();
        while !self.is_frozen() {
            assert!(since.elapsed() < Duration::from_secs(10), "the server does not freeze");
            std::thread::yield_now();
        }
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn is_frozen(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the server lives");
        tasks.flatten().all(|task| {
            // A thread that ended meanwhile answers nothing either.
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
        })
    }

    fn pid(&self) -> String {
        let pid = std::fs::read_to_string(self.dir.path().join("pid")).expect("the server runs");
        pid.trim().to_owned()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid()]).status().expect("kill runs");
        assert!(status.success(), "the server does not take {signal}");
    }

    /// Starts it again over its data.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        assert_eq!(up(self.dir.path()), self.url);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn up(dir: &Path) -> String {
    let output = script().arg("up").arg(dir).stderr(Stdio::inherit()).output().expect("the script runs");
    assert!(output.status.success(), "no MariaDB server for this test; see above");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn script() -> Command {
    Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/mariadb"))
}

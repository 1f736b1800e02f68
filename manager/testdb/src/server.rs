//! A MariaDB server of the test's own, to be killed and started again.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
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

    /// Stops it from doing anything, its connections open.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.dir.path().join("pid")).expect("the server runs");
        let status = Command::new("kill").args([signal, pid.trim()]).status().expect("kill runs");
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

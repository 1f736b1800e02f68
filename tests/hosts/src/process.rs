//! The program as a child process of a test.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::Control;

/// The program's name.
const PROGRAM: &str = "cumulo-sim-hosts";
/// Longest wait for it to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder, and the process that plays its machines at times. It is killed when this is dropped.
#[derive(Debug)]
pub struct Hosts {
    program: PathBuf,
    dir: PathBuf,
    options: Vec<String>,
    control: Control,
    life: Option<(Child, BufReader<ChildStdout>)>,
}

impl Hosts {
    /// The program, beside the one that runs or in the folder above, where cargo puts it beside tests.
    ///
    /// # Errors
    /// When it is not there: it is to be built first.
    pub fn program() -> anyhow::Result<PathBuf> {
        let own = env::current_exe().context("the own program has no path")?;
        let found = own.ancestors().skip(1).take(2).map(|dir| dir.join(PROGRAM)).find(|path| path.is_file());
        found.with_context(|| format!("{PROGRAM} is not built: cargo build --package {PROGRAM}"))
    }

    /// Machines kept in `dir`, played by `program` with `options`, from now on.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(program: &Path, dir: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let control = Control::of(dir);
        let mut hosts = Self { program: program.to_owned(), dir: dir.to_owned(), options, control, life: None };
        hosts.start_again().await?;
        Ok(hosts)
    }

    /// Starts the process over what is there.
    ///
    /// # Errors
    /// When it does not start, or runs already.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.life.is_none(), "the hosts' process runs already");
        let log = fs::File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new(&self.program);
        command.args(["serve", "--dir"]).arg(&self.dir).args(&self.options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{} does not start", self.program.display()))?;
        let mut stdout = BufReader::new(child.stdout.take().context("piped")?);
        let mut line = String::new();
        timeout(PATIENCE, stdout.read_line(&mut line)).await.context("the hosts' process is not ready in time")??;
        anyhow::ensure!(line.starts_with("ready"), "the hosts' process ended:\n{}", self.log());
        self.life = Some((child, stdout));
        Ok(())
    }

    /// Kills the process with SIGKILL, if it runs, and waits for its end.
    ///
    /// # Errors
    /// When there is no way to do that.
    pub async fn kill(&mut self) -> io::Result<()> {
        match self.life.take() {
            Some((mut child, _)) => child.kill().await,
            None => Ok(()),
        }
    }

    /// The way to its control socket.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The `PATH` of a manager that is to deploy its agents here.
    ///
    /// # Panics
    /// When the folder's name has a colon in it.
    #[must_use]
    pub fn path(&self) -> OsString {
        let all = env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(self.dir.join("bin")).chain(env::split_paths(&all));
        env::join_paths(dirs).expect("a folder without a colon")
    }

    /// What the process logged in all its lives.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

//! The programs, found beside this one.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use cumulo_bench_report::resident_mib;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A running program; ended with this value.
pub(crate) struct Program(Child);

impl Program {
    /// Starts `name` with `args`; what it logs goes into `dir`.
    pub(crate) fn start(name: &str, args: &[&str], dir: &Path) -> anyhow::Result<Self> {
        let here = std::env::current_exe()?;
        let program = here.with_file_name(name);
        ensure!(program.exists(), "{} is not built; run `make bench NAME=agents`", program.display());
        let log = fs::File::options().create(true).append(true).open(dir.join("log"))?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        Ok(Self(command.spawn()?))
    }

    /// Starts a manager over an empty `dir`; how long it took until it was ready.
    pub(crate) fn manager(dir: &Path) -> anyhow::Result<(Self, Duration)> {
        fs::create_dir_all(dir)?;
        let data = dir.join("data");
        let data = data.to_str().context("a path of text")?;
        let begun = Instant::now();
        let args = ["--data-dir", data, "--listen", "127.0.0.1:0", "--callback-listen", "127.0.0.1:0"];
        let mut program = Self::start("cumulo-manager", &args, dir)?;
        let stdout = program.0.stdout.take().context("its output")?;
        let ready = BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.starts_with("ready at "));
        ensure!(ready.is_some(), "it did not start: {}", fs::read_to_string(dir.join("log"))?);
        Ok((program, begun.elapsed()))
    }

    /// Its resident memory, in MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        resident_mib(self.0.id())
    }

    /// Ends it as an init system does.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGTERM)?;
        let status = self.0.wait()?;
        ensure!(status.success(), "a program ended with {status}");
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where it has ended already, there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

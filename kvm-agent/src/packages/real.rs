//! apt-get, dnf and yum.
//!
//! They are given arguments and no shell, ask nobody, and keep configuration files that were changed on the host. What apt is
//! not to touch it is told by a file of pins for this one run, read after the host's own: unlike `apt-mark hold` that leaves
//! nothing behind when the agent dies in the middle.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use async_trait::async_trait;
use tokio::process::Command;

use super::{OnProgress, PackagePattern, Packages, Update};
use crate::HostError;

/// Where the host's own pins are, beside a folder of them that is read in any case.
const OWN_PINS: &str = "/etc/apt/preferences";
/// Ours for one run, in the agent's folder.
const PINS: &str = "excluded-packages";
/// Of what a tool says at its end, so many characters are told.
const SAID: usize = 500;
/// How apt-get is called: waits ten minutes for another one, and takes names as names and not as expressions.
const APT: [&str; 8] = [
    "--quiet",
    "--yes",
    "--option=DPkg::Lock::Timeout=600",
    "--option=APT::Cmd::Pattern-Only=true",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=Dpkg::Use-Pty=false",
    "--no-remove",
];

/// The tool of whichever distribution this is.
#[derive(Debug)]
pub struct PackageTools {
    state_dir: PathBuf,
    path: Option<OsString>,
}

/// A tool, and where it is.
enum Tool {
    Apt(PathBuf),
    Dnf(PathBuf),
    Yum(PathBuf),
}

impl PackageTools {
    /// The tool that the agent's `PATH` leads to; `state_dir` is a folder of the agent.
    pub fn new(state_dir: PathBuf) -> Self {
        Self { state_dir, path: env::var_os("PATH") }
    }

    /// As [`PackageTools::new`], where `path` says where programs are.
    #[must_use]
    pub fn on_path(self, path: impl Into<OsString>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    fn tool(&self) -> Result<Tool, HostError> {
        let find = |name: &str| {
            let dirs = env::split_paths(self.path.as_deref().unwrap_or_default()).filter(|dir| dir.is_absolute());
            dirs.map(|dir| dir.join(name)).find(|file| is_program(file))
        };
        // A Debian may have a dnf, to build packages of others with; hardly the other way round.
        let apt = find("apt-get").map(Tool::Apt);
        let found = apt.or_else(|| find("dnf").map(Tool::Dnf)).or_else(|| find("yum").map(Tool::Yum));
        found.ok_or(HostError::NoPackageTool)
    }

    async fn apt(&self, apt: &Path, update: &Update, progress: OnProgress<'_>) -> Result<(), HostError> {
        if update.release.is_some() {
            return Err(HostError::NoReleases { program: "apt-get" });
        }
        let mut arguments: Vec<OsString> = APT.iter().map(OsString::from).collect();
        progress(0, "reading what packages there are");
        let lists = arguments.iter().map(OsString::as_os_str).chain([OsStr::new("update")]);
        run("apt-get", "read the lists of packages", apt, lists).await?;
        if !update.excluded.is_empty() {
            let mut option = OsString::from("--option=Dir::Etc::Preferences=");
            option.push(self.write_pins(&update.excluded)?);
            arguments.push(option);
        }
        let what: &[&str] = match update.packages.is_empty() {
            true => &["upgrade", "--with-new-pkgs"],
            false => &["install", "--only-upgrade"],
        };
        arguments.extend(what.iter().map(OsString::from));
        arguments.extend(update.packages.iter().map(|name| OsString::from(name.as_str())));
        progress(10, "updating packages");
        run("apt-get", "update packages", apt, arguments.iter().map(OsString::as_os_str)).await
    }

    /// The host's own pins, and one for each of `excluded` by which no version of it is taken.
    fn write_pins(&self, excluded: &[PackagePattern]) -> Result<PathBuf, HostError> {
        let mut text = match fs::read_to_string(OWN_PINS) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
        .map_err(HostError::io(format!("read {OWN_PINS}")))?;
        for pattern in excluded {
            text.push_str(&pin(pattern));
        }
        let file = self.state_dir.join(PINS);
        fs::write(&file, text).map_err(HostError::io(format!("write {}", file.display())))?;
        Ok(file)
    }

    /// dnf, or its elder brother.
    async fn dnf(
        program: &'static str,
        file: &Path,
        update: &Update,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError> {
        let mut arguments = vec!["--assumeyes".to_owned(), "--quiet".to_owned()];
        if program == "dnf" {
            arguments.push("--refresh".to_owned());
        }
        arguments.extend(update.release.iter().map(|release| format!("--releasever={release}")));
        arguments.extend(update.excluded.iter().map(|pattern| format!("--exclude={pattern}")));
        arguments.push("update".to_owned());
        arguments.extend(update.packages.iter().map(ToString::to_string));
        progress(10, "updating packages");
        run(program, "update packages", file, arguments.iter().map(OsStr::new)).await
    }
}

#[async_trait]
impl Packages for PackageTools {
    async fn update(&self, update: &Update, progress: OnProgress<'_>) -> Result<(), HostError> {
        match self.tool()? {
            Tool::Apt(file) => self.apt(&file, update, progress).await,
            Tool::Dnf(file) => Self::dnf("dnf", &file, update, progress).await,
            Tool::Yum(file) => Self::dnf("yum", &file, update, progress).await,
        }
    }
}

fn pin(pattern: &PackagePattern) -> String {
    format!("\n\nPackage: {pattern}\nPin: version *\nPin-Priority: -1\n")
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

async fn run<'a>(
    program: &'static str,
    what: &'static str,
    file: &Path,
    arguments: impl Iterator<Item = &'a OsStr>,
) -> Result<(), HostError> {
    let failed = |said: String| HostError::Packages { program, what, said };
    let output = Command::new(file)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Which services run on with what they had before is for the operator to see, not for needrestart to decide.
        .env("NEEDRESTART_MODE", "l")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(
            said(&output.stderr).or_else(|| said(&output.stdout)).unwrap_or_else(|| output.status.to_string()),
        )),
    }
}

/// The end of what a tool says, in one line. `None` where it says nothing.
fn said(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text: String = lines.join(" | ").chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let surplus = text.chars().count().saturating_sub(SAID);
    Some(text.chars().skip(surplus).collect()).filter(|text: &String| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Tools that only write down how they were called, and fail when there is a file `fails`.
    struct Stubs {
        dir: TempDir,
        tools: PackageTools,
    }

    impl Stubs {
        fn of(programs: &[&str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().display();
            for program in programs {
                let file = dir.path().join(program);
                let script = format!(
                    "#!/bin/sh\nfor word in \"${{0##*/}}\" \"$@\"; do printf '%s\\n' \"$word\" >> {path}/calls; done\n\
                     echo \"$DEBIAN_FRONTEND $LC_ALL\" > {path}/env\n\
                     if [ -e {path}/fails ]; then echo one >&2; echo; echo 'two' >&2; exit 100; fi\n"
                );
                fs::write(&file, script).unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            }
            let tools = PackageTools::new(dir.path().to_owned()).on_path(dir.path());
            Self { dir, tools }
        }

        async fn update(&self, update: &Update) -> Result<(), HostError> {
            self.tools.update(update, &|_, _| ()).await
        }

        /// What was called, without what every call of apt-get has.
        fn calls(&self) -> Vec<String> {
            let text = fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
            text.lines().filter(|word| !APT.contains(word)).map(str::to_owned).collect()
        }
    }

    fn update(packages: &[&str], excluded: &[&str], release: Option<&str>) -> Update {
        Update {
            packages: packages.iter().map(|name| (*name).try_into().unwrap()).collect(),
            excluded: excluded.iter().map(|name| (*name).try_into().unwrap()).collect(),
            release: release.map(|name| name.try_into().unwrap()),
        }
    }

    #[tokio::test]
    async fn apt_gets_all_packages_or_those_that_are_named() {
        let stubs = Stubs::of(&["apt-get", "dnf"]);
        stubs.update(&Update::default()).await.unwrap();
        assert_eq!(stubs.calls(), ["apt-get", "update", "apt-get", "upgrade", "--with-new-pkgs"]);
        assert_eq!(fs::read_to_string(stubs.dir.path().join("env")).unwrap(), "noninteractive C\n");

        let stubs = Stubs::of(&["apt-get"]);
        stubs.update(&update(&["vim", "g++"], &["linux-*"], None)).await.unwrap();
        let pins = stubs.dir.path().join(PINS);
        let option = format!("--option=Dir::Etc::Preferences={}", pins.display());
        let expected = ["apt-get", "update", "apt-get", &option, "install", "--only-upgrade", "vim", "g++"];
        assert_eq!(stubs.calls(), expected);
        assert!(fs::read_to_string(pins).unwrap().ends_with("\nPackage: linux-*\nPin: version *\nPin-Priority: -1\n"));
    }

    #[tokio::test]
    async fn dnf_and_yum_are_told_by_options() {
        for (program, more) in [("dnf", &["--refresh"][..]), ("yum", &[])] {
            let stubs = Stubs::of(&[program]);
            stubs.update(&update(&["vim"], &["kernel*"], Some("9.4"))).await.unwrap();
            let mut expected = vec![program, "--assumeyes"];
            expected.extend(more);
            expected.extend(["--releasever=9.4", "--exclude=kernel*", "update", "vim"]);
            let calls = stubs.calls();
            // apt-get is told to be quiet by the same word.
            assert_eq!(calls, expected);
        }
    }

    #[tokio::test]
    async fn what_a_tool_says_when_it_fails_is_told() {
        let stubs = Stubs::of(&["apt-get"]);
        let refused = stubs.update(&update(&[], &[], Some("13"))).await.unwrap_err();
        assert!(matches!(refused, HostError::NoReleases { .. }) && stubs.calls().is_empty(), "{refused}");
        fs::write(stubs.dir.path().join("fails"), "").unwrap();
        let failed = stubs.update(&Update::default()).await.unwrap_err();
        let text = "apt-get could not read the lists of packages: one | two; mend that on the host, then try again";
        assert_eq!(failed.to_string(), text);
        assert_eq!(stubs.calls(), ["apt-get", "update"]);

        let none = Stubs::of(&[]).update(&Update::default()).await.unwrap_err();
        assert!(matches!(none, HostError::NoPackageTool), "{none}");
        let long = said("é".repeat(600).as_bytes()).unwrap();
        assert_eq!(long.chars().count(), SAID);
        assert_eq!(said(b"\n \n"), None);
    }
}

//! Deploying with Ansible over SSH: the same playbooks that an operator can run by hand.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use cumulo_kernel::bus::CallContext;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::Semaphore,
    time::timeout,
};

use super::{DeployError, Deployer, Deployment, explain, inventory};
use crate::{
    AgentKind,
    ca::{AgentFiles, Authority},
};

/// The longest a deployment may take: it may have to download packages over a slow line.
const LONGEST: Duration = Duration::from_mins(30);
/// How long ansible-playbook gets to clean up when it is ended.
const GRACE: Duration = Duration::from_secs(5);
/// Deployments at once: each is a Python process with some forks.
const AT_ONCE: usize = 8;

/// The agents' programs.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    pub(crate) kvm: PathBuf,
    pub(crate) storage: PathBuf,
}

/// Runs `ansible-playbook`.
pub(crate) struct AnsibleDeployer {
    authority: Arc<Authority>,
    ansible_dir: PathBuf,
    binaries: Binaries,
    logs: PathBuf,
    slots: Semaphore,
}

impl AnsibleDeployer {
    pub(crate) fn new(authority: Arc<Authority>, ansible_dir: PathBuf, binaries: Binaries, data_dir: &Path) -> Self {
        let logs = data_dir.join("deploy");
        Self { authority, ansible_dir, binaries, logs, slots: Semaphore::new(AT_ONCE) }
    }

    /// Writes what Ansible needs into a folder that goes with the run.
    fn prepare(&self, deployment: &Deployment, files: &AgentFiles) -> Result<Workplace, DeployError> {
        let binary = match deployment.kind {
            AgentKind::Kvm => &self.binaries.kvm,
            AgentKind::Storage => &self.binaries.storage,
        };
        let place = Workplace::new().map_err(DeployError::here("make a temporary folder"))?;
        let write = |path: &Path, text: &str| private(path, text).map_err(DeployError::here("write Ansible's files"));
        if let Ok(known) = fs::read_to_string(&files.known_hosts) {
            write(&place.known_hosts(), &known)?;
        }
        let alias = deployment.agent.to_string();
        write(&place.inventory(), &inventory::inventory(&deployment.target, &place.known_hosts(), &alias))?;
        let variables = inventory::Variables {
            agent_id: alias,
            agent_listen: format!("0.0.0.0:{}", deployment.kind.port()),
            agent_binary: binary,
            agent_cert_pem: &files.certificate,
            agent_key_pem: &files.key,
            ca_pem: &files.ca,
        };
        write(&place.variables(), &variables.to_yaml())?;
        Ok(place)
    }

    fn command(&self, deployment: &Deployment, place: &Workplace, log: &fs::File) -> std::io::Result<Command> {
        let mut command = Command::new("ansible-playbook");
        command
            .arg("-i")
            .arg(place.inventory())
            .arg("-e")
            .arg(prefixed('@', &place.variables()))
            .arg(format!("{}.yml", deployment.kind.name()))
            .current_dir(&self.ansible_dir)
            .env_clear()
            .envs(["PATH", "HOME"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("LANG", "C.UTF-8")
            .env("ANSIBLE_CONFIG", self.ansible_dir.join("ansible.cfg"))
            .env("ANSIBLE_LOCAL_TEMP", place.dir.path())
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", place.control())
            .env("ANSIBLE_NOCOLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            // A group of its own, so that its forks end with it.
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    fn log(&self, deployment: &Deployment) -> std::io::Result<(PathBuf, fs::File)> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.logs)?;
        let path = self.logs.join(format!("{}.log", deployment.agent));
        let file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        Ok((path, file))
    }
}

#[async_trait]
impl Deployer for AnsibleDeployer {
    async fn deploy(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let target = &deployment.target;
        target.check()?;
        // The semaphore is never closed; without a permit the run is merely not limited.
        let _slot = self.slots.acquire().await;
        let files = self.authority.agent(deployment.agent).map_err(DeployError::here("issue a certificate"))?;
        let place = self.prepare(deployment, &files)?;
        let (log_path, log) = self.log(deployment).map_err(DeployError::here("open the deployment log"))?;
        let mut command = self.command(deployment, &place, &log).map_err(DeployError::here("open the log"))?;
        let child = command.spawn().map_err(DeployError::here("start ansible-playbook, which has to be installed,"))?;

        tracing::info!(agent = %deployment.agent, kind = %deployment.kind, host = target.host, "deploying an agent");
        let patience = CallContext::current().remaining().min(LONGEST);
        let ended = end_within(child, patience).await;
        place.close_connections(&target.host).await;
        if let Ok(known) = fs::read_to_string(place.known_hosts()) {
            private(&files.known_hosts, &known).map_err(DeployError::here("keep the machine's SSH key"))?;
        }
        let output = fs::read(&log_path).map_err(DeployError::here("read the deployment log"))?;
        let output = String::from_utf8_lossy(&output);
        match ended.map_err(DeployError::here("wait for ansible-playbook"))? {
            Some(status) if status.success() => Ok(()),
            Some(_) => {
                let reason = explain::explain(&output, target);
                Err(DeployError::Failed { reason, output: explain::tail(&output) })
            }
            None => Err(DeployError::Late {
                host: target.host.clone(),
                seconds: patience.as_secs(),
                output: explain::tail(&output),
            }),
        }
    }
}

/// Waits for `child`; ends its whole group when it takes longer than `patience`, answering `None`.
async fn end_within(mut child: Child, patience: Duration) -> std::io::Result<Option<ExitStatus>> {
    if let Ok(ended) = timeout(patience, child.wait()).await {
        return ended.map(Some);
    }
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        // The group may be gone by itself in the meantime.
        let _gone = group.map(|group| killpg(group, signal));
        if timeout(GRACE, child.wait()).await.is_ok() {
            break;
        }
    }
    Ok(None)
}

/// The folder of one run; only we can look into it, and it goes when the run is over.
struct Workplace {
    dir: TempDir,
}

impl Workplace {
    fn new() -> std::io::Result<Self> {
        let place = Self { dir: tempfile::Builder::new().prefix("cumulo-").tempdir()? };
        fs::DirBuilder::new().mode(0o700).create(place.control())?;
        Ok(place)
    }

    fn inventory(&self) -> PathBuf {
        self.dir.path().join("inventory.yml")
    }

    fn variables(&self) -> PathBuf {
        self.dir.path().join("variables.yml")
    }

    fn known_hosts(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    /// Where ssh keeps the sockets of connections it shares; a path must be short there.
    fn control(&self) -> PathBuf {
        self.dir.path().join("cp")
    }

    /// Ends the connections that Ansible left open for a next run, which would have a folder of its own.
    async fn close_connections(&self, host: &str) {
        let sockets = fs::read_dir(self.control()).into_iter().flatten().flatten();
        for socket in sockets {
            let ended = Command::new("ssh")
                .arg("-O")
                .arg("exit")
                .arg("-o")
                .arg(format!("ControlPath={}", socket.path().display()))
                .arg("--")
                .arg(host)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .status();
            if timeout(GRACE, ended).await.is_err() {
                tracing::debug!(host, "a shared SSH connection was not closed; it ends by itself");
            }
        }
    }
}

fn private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn prefixed(prefix: char, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(prefix.to_string());
    text.push(path);
    text
}

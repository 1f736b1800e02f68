//! `ansible-playbook` as the manager runs it, for machines that have no SSH server: what the manager wrote for Ansible is handed
//! to the process that plays the machines.
//!
//! It says what went wrong as Ansible does, so that the manager explains it as it would. The files that the manager writes
//! are YAML of one shape, a line for each variable with its text as JSON; a parser of all that YAML can be is not needed.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use cumulo_sim_hosts::{
    Control, ControlError,
    control::{Deployment, Kind},
};
use serde_json::json;
use tokio::time::timeout;

/// How long ssh tries to connect.
const SSH_TIMEOUT: Duration = Duration::from_secs(10);
/// What Ansible ends with when a task failed, and when a host could not be reached.
const FAILED: u8 = 2;
const UNREACHABLE: u8 = 4;

/// Those of `ansible-playbook` that the manager uses.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the process that plays the machines.
    #[arg(long)]
    dir: PathBuf,
    /// The inventory.
    #[arg(short)]
    inventory: PathBuf,
    /// Variables: `@FILE`.
    #[arg(short)]
    extra_vars: String,
    /// `kvm-agent.yml` or `storage-agent.yml`.
    playbook: PathBuf,
}

/// Deploys one agent.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let deployment = match read(arguments) {
        Ok(deployment) => deployment,
        Err(error) => return fatal("FAILED", &format!("{error:#}"), FAILED),
    };
    let address = deployment.address.ip();
    match timeout(SSH_TIMEOUT, Control::of(&arguments.dir).deploy(&deployment)).await {
        Ok(Ok(())) => {
            println!("TASK [agent : Start] ***\nchanged: [machine]");
            ExitCode::SUCCESS
        }
        Ok(Err(ControlError::Refused(why))) => fatal("FAILED", &why, FAILED),
        Ok(Err(ControlError::Unreachable { .. })) => ssh(address, "Connection refused"),
        Err(_) => ssh(address, "Connection timed out"),
    }
}

fn ssh(address: IpAddr, why: &str) -> ExitCode {
    let said = format!("Failed to connect to the host via ssh: ssh: connect to host {address} port 22: {why}");
    fatal("UNREACHABLE", &said, UNREACHABLE)
}

fn fatal(how: &str, msg: &str, code: u8) -> ExitCode {
    let result = json!({ "changed": false, "msg": msg, "unreachable": code == UNREACHABLE });
    println!("TASK [agent : Look at the host] ***\nfatal: [machine]: {how}! => {result}");
    ExitCode::from(code)
}

fn read(arguments: &Arguments) -> anyhow::Result<Deployment> {
    let kind = match arguments.playbook.file_stem().and_then(|name| name.to_str()) {
        Some("kvm-agent") => Kind::KvmAgent,
        Some("storage-agent") => Kind::StorageAgent,
        _ => anyhow::bail!("there is no playbook {}", arguments.playbook.display()),
    };
    let variables = arguments.extra_vars.strip_prefix('@').context("variables are in a file")?;
    let (inventory, variables) = (Texts::of(&arguments.inventory)?, Texts::of(Path::new(variables))?);
    let host: IpAddr = inventory.get("ansible_host")?.parse().context("simulated machines are known by address")?;
    let listen: SocketAddr = variables.get("agent_listen")?.parse().context("agent_listen is no address")?;
    let pem = |name| {
        let path = variables.get(name)?;
        fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
    };
    Ok(Deployment {
        kind,
        agent: variables.get("agent_id")?,
        address: SocketAddr::new(host, listen.port()),
        ca: pem("ca_pem")?,
        certificate: pem("agent_cert_pem")?,
        key: pem("agent_key_pem")?,
    })
}

/// The lines `name: !unsafe "text"` of a file.
struct Texts(String);

impl Texts {
    fn of(path: &Path) -> anyhow::Result<Self> {
        fs::read_to_string(path).map(Self).with_context(|| format!("{} cannot be read", path.display()))
    }

    fn get(&self, name: &str) -> anyhow::Result<String> {
        let line = |line: &str| line.trim().strip_prefix(name)?.strip_prefix(": !unsafe ").map(serde_json::from_str);
        let found = self.0.lines().find_map(line).with_context(|| format!("the manager does not say {name}"))?;
        found.with_context(|| format!("{name} is no text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_the_manager_writes_them() {
        let texts = Texts(
            "all:\n  hosts:\n    machine:\n      ansible_host: !unsafe \"127.1.2.3\"\n      ansible_port: 22\n"
                .to_owned(),
        );
        assert_eq!(texts.get("ansible_host").expect("there"), "127.1.2.3");
        assert!(texts.get("ansible_port").is_err(), "no text");
        assert!(texts.get("ansible").is_err());
    }
}

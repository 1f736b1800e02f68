//! The files that tell Ansible what to do: an inventory of one host, and the role's variables.
//!
//! Both are YAML in which every text is tagged `!unsafe`: Ansible takes any text with `{{` in it for a template, and a
//! password like that would otherwise be run. Texts are written as JSON strings, which YAML reads the same.

use std::path::Path;

use serde_json::Value;

use super::SshTarget;

/// A text as YAML that Ansible does not look into.
fn text(value: &str) -> String {
    format!("!unsafe {}", Value::from(value))
}

fn path(value: &Path) -> String {
    text(&value.to_string_lossy())
}

/// The inventory. `known_hosts` pins the machine's key under the name `alias`, so that a machine that takes over the
/// address of another one is not taken for it.
pub(super) fn inventory(target: &SshTarget, known_hosts: &Path, alias: &str) -> String {
    let options = format!(
        "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null -o HostKeyAlias={alias} -o HashKnownHosts=no",
        known_hosts.display()
    );
    let lines = [
        ("ansible_host", text(&target.host)),
        ("ansible_port", target.port.to_string()),
        ("ansible_user", text(&target.username)),
        ("ansible_password", text(target.password.expose())),
        ("ansible_become_password", text(target.password.expose())),
        ("ansible_ssh_common_args", text(&options)),
    ];
    let lines: String = lines.iter().map(|(name, value)| format!("      {name}: {value}\n")).collect();
    format!("all:\n  hosts:\n    machine:\n{lines}")
}

/// What the roles want to know; see their READMEs.
pub(super) struct Variables<'v> {
    pub(super) agent_id: String,
    pub(super) agent_listen: String,
    pub(super) agent_binary: &'v Path,
    pub(super) agent_cert_pem: &'v Path,
    pub(super) agent_key_pem: &'v Path,
    pub(super) ca_pem: &'v Path,
}

impl Variables<'_> {
    pub(super) fn to_yaml(&self) -> String {
        let lines = [
            ("agent_id", text(&self.agent_id)),
            ("agent_listen", text(&self.agent_listen)),
            ("agent_binary", path(self.agent_binary)),
            ("agent_cert_pem", path(self.agent_cert_pem)),
            ("agent_key_pem", path(self.agent_key_pem)),
            ("ca_pem", path(self.ca_pem)),
        ];
        lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn texts_are_quoted_and_marked() {
        let target = SshTarget {
            host: "10.0.0.1".to_owned(),
            port: 22,
            username: "root".to_owned(),
            password: Secret::new("a\"b\n{{ lookup('pipe', 'reboot') }}: #é"),
        };
        let yaml = inventory(&target, Path::new("/tmp/x"), "id");
        let wanted = r#"      ansible_password: !unsafe "a\"b\n{{ lookup('pipe', 'reboot') }}: #é""#;
        assert!(yaml.lines().any(|line| line == wanted), "{yaml}");
        assert!(yaml.lines().any(|line| line == r#"      ansible_host: !unsafe "10.0.0.1""#), "{yaml}");
    }
}

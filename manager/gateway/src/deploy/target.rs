//! The machine an agent goes to, as a person named it.

use cumulo_schema::is_host;

use super::DeployError;
use crate::Secret;

/// How to log in to a machine.
#[derive(Debug, Clone)]
pub struct SshTarget {
    /// Its address or DNS name.
    pub host: String,
    /// The port of SSH there.
    pub port: u16,
    /// The account; one that may use sudo where it is not root.
    pub username: String,
    /// The account's password.
    pub password: Secret,
}

impl SshTarget {
    /// Refuses what is no host and no account. Both end up among the arguments of ssh, where a leading dash or a space
    /// would be an option.
    pub(super) fn check(&self) -> Result<(), DeployError> {
        if !is_host(&self.host) {
            let reason = format!("'{}' is neither an address nor a DNS name; correct the host's address", self.host);
            return Err(DeployError::BadTarget(reason));
        }
        if !is_account(&self.username) {
            let reason = format!("'{}' cannot be the name of an account; correct the user name", self.username);
            return Err(DeployError::BadTarget(reason));
        }
        Ok(())
    }
}

fn is_account(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first && text.len() <= 64 && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_accounts_are_accounts() {
        for good in ["root", "_apt", "first.last", "cloud-user"] {
            assert!(is_account(good), "{good}");
        }
        for bad in ["", "-l", "a b", "root\"", "{{ x }}", "$(reboot)", "a\n"] {
            assert!(!is_account(bad), "{bad}");
        }
    }
}

//! `Debug` for messages that carry secrets: requests are logged with `{:?}`, passwords are not.

use std::fmt;

use crate::kvm::{Console, SftpFile, UserdataEntry};

/// Stands for a secret: shows whether there is one and nothing of it, not even its length.
fn hidden(secret: &[u8]) -> &'static str {
    if secret.is_empty() { "none" } else { "hidden" }
}

impl fmt::Debug for SftpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpFile")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("password", &format_args!("{}", hidden(self.password.as_bytes())))
            .field("private_key", &format_args!("{}", hidden(self.private_key.as_bytes())))
            .field("host_key_fingerprint", &self.host_key_fingerprint)
            .field("path", &self.path)
            .finish()
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("listen", &self.listen)
            .field("password", &format_args!("{}", hidden(self.password.as_bytes())))
            .finish()
    }
}

impl fmt::Debug for UserdataEntry {
    // User data often holds passwords and tokens for the guest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserdataEntry")
            .field("vm_uuid", &self.vm_uuid)
            .field("ip", &self.ip)
            .field("hostname", &self.hostname)
            .field("user_data", &format_args!("{}", hidden(&self.user_data)))
            .field("ssh_keys", &self.ssh_keys.len())
            .field("mac", &self.mac)
            .field("instance_type", &self.instance_type)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let source = SftpFile {
            host: "10.0.0.9".into(),
            password: "s3cret".into(),
            private_key: "s3cret-key".into(),
            ..Default::default()
        };
        let console = Console { listen: "0.0.0.0".into(), password: "s3cret".into() };
        let userdata =
            UserdataEntry { user_data: b"s3cret".to_vec(), ssh_keys: vec!["s3cret".into()], ..Default::default() };
        let text = format!("{source:?} {console:?} {userdata:?}");
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("10.0.0.9") && text.contains("hidden"), "{text}");
    }
}

//! `known_hosts`, as far as one machine's file needs: lines of name, type and key.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use sha2::{Digest, Sha256};

/// The fingerprint of the first key, `SHA256:…` as `ssh-keygen -l` prints it.
pub(super) fn fingerprint(known_hosts: &str) -> Option<String> {
    let key = known_hosts.lines().find_map(|line| line.split_ascii_whitespace().nth(2))?;
    let key = STANDARD.decode(key).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_ssh_keygen() {
        let line = "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";
        assert_eq!(fingerprint(line).as_deref(), Some("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"));
        assert_eq!(fingerprint(""), None);
        assert_eq!(fingerprint("h ssh-ed25519 %%%"), None);
    }
}

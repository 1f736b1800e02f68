//! Which key a line holds, whatever its comment says.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use sha2::{Digest, Sha256};

/// The fingerprint of the key in `line`, as `ssh-keygen -l` writes it; `None` where there is none.
pub(super) fn fingerprint(line: &str) -> Option<String> {
    let key = line.split_ascii_whitespace().nth(1)?;
    let blob = STANDARD.decode(key).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_ssh_keygen_and_of_the_key_alone() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        let print = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
        assert_eq!(fingerprint(&format!("{key} me@here")).as_deref(), Some(print));
        assert_eq!(fingerprint(&format!("{key}\tyou  there")).as_deref(), Some(print));
        assert_ne!(fingerprint(&key.replace("GKJl", "GKJk")).as_deref(), Some(print));
        assert_eq!((fingerprint("ssh-ed25519"), fingerprint("ssh-ed25519 *")), (None, None));
    }
}

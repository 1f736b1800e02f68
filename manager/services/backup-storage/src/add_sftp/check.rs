//! What may be a folder, a machine and an account. All of it ends up in an inventory for Ansible and on an agent's disk,
//! each through an encoder of its own; what could not be meant is refused here, where people still read the reason.

use cumulo_schema::{ErrorCode, is_host};

/// The type follows from the call; whoever gives it must give that one.
pub(crate) fn check_type(given: Option<&str>, wanted: &str) -> Result<(), ErrorCode> {
    match given.filter(|given| *given != wanted) {
        Some(other) => {
            Err(ErrorCode::invalid(format!("field[type] is {wanted} for this call, not '{other}'; leave it out")))
        }
        None => Ok(()),
    }
}

/// Images that lie on a storage already are not found by themselves.
pub(crate) fn refuse_import(import_images: bool) -> Result<(), ErrorCode> {
    match import_images {
        true => {
            let text = "field[importImages] is not supported by this version; add the images with AddImage";
            Err(ErrorCode::invalid(text))
        }
        false => Ok(()),
    }
}

/// A folder that can be a storage, without a slash at its end.
pub(crate) fn folder(url: &str) -> Result<String, ErrorCode> {
    let wrong = |why: &str| Err(ErrorCode::invalid(format!("field[url] {why}; give a folder like /cumulo_bs")));
    if !url.starts_with('/') {
        return wrong("must be an absolute path");
    }
    if url.chars().any(char::is_control) {
        return wrong("holds characters that no path should have");
    }
    let parts: Vec<&str> = url.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return wrong("must not climb with '..'");
    }
    match parts.first() {
        None => wrong("is the root of the file system"),
        Some(&("dev" | "proc" | "sys" | "etc")) => wrong("lies below /dev, /proc, /sys or /etc"),
        Some(_) => Ok(format!("/{}", parts.join("/"))),
    }
}

/// A host name or an address.
pub(crate) fn hostname(name: &str) -> Result<(), ErrorCode> {
    if is_host(name) {
        return Ok(());
    }
    Err(ErrorCode::invalid(format!("field[hostname] '{name}' is neither an IP address nor a host name")))
}

/// The name of an account on Linux.
pub(crate) fn username(name: &str) -> Result<(), ErrorCode> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.is_empty() && !name.starts_with('-') && name.bytes().all(good) {
        return Ok(());
    }
    Err(ErrorCode::invalid(format!("field[username] '{name}' is no name of an account")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_from_what_is_none() {
        assert_eq!(folder("/cumulo_bs").as_deref(), Ok("/cumulo_bs"));
        assert_eq!(folder("//a/./b/").as_deref(), Ok("/a/b"));
        for wrong in ["", "bs", "/", "//", "/../etc", "/a/../..", "/dev/shm", "/a\n/b", "sftp://a"] {
            assert!(folder(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn machines_and_accounts_are_told_from_what_is_none() {
        assert!(hostname("bs-1.example.org").is_ok());
        assert!(hostname("-oProxyCommand=x").is_err());
        assert!(username("root").is_ok());
        for wrong in ["", "-l", "a b", "a;b", "a\n", "$(id)"] {
            assert!(username(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! What is answered to which path: the part of EC2's metadata tree that cloud-init and its kin ask for.

use crate::{ObjectId, dhcp::UserdataEntry};

/// The answer to `path` for one VM; `None` is "not found". The first segment is a version, any is taken.
pub(super) fn answer(path: &str, vm: &ObjectId, entry: &UserdataEntry) -> Option<Vec<u8>> {
    let path: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
    let text = |text: &str| Some(text.as_bytes().to_vec());
    match path.as_slice() {
        [] => text("latest\n"),
        [_version] => text("meta-data\nuser-data\n"),
        [_version, "user-data"] => Some(entry.user_data.clone()).filter(|data| !data.is_empty()),
        [_version, "meta-data", rest @ ..] => meta_data(rest, vm, entry),
        _ => None,
    }
}

fn meta_data(path: &[&str], vm: &ObjectId, entry: &UserdataEntry) -> Option<Vec<u8>> {
    let keys = &entry.ssh_keys;
    let hostname = || entry.hostname.as_ref().map(ToString::to_string);
    let text = match path {
        [] => listing(entry),
        ["instance-id"] => vm.to_string(),
        ["local-hostname" | "hostname"] => hostname()?,
        ["local-ipv4"] => entry.ip.to_string(),
        ["mac"] => entry.mac.as_ref()?.to_string(),
        ["instance-type"] => Some(entry.instance_type.clone()).filter(|t| !t.is_empty())?,
        ["public-keys"] => (0..keys.len()).map(|i| format!("{i}=key-{i}")).collect::<Vec<_>>().join("\n"),
        ["public-keys", index] => {
            index.parse().ok().and_then(|i: usize| keys.get(i)).map(|_| "openssh-key".to_owned())?
        }
        ["public-keys", index, "openssh-key"] => index.parse().ok().and_then(|i: usize| keys.get(i)).cloned()?,
        _ => return None,
    };
    Some(text.into_bytes())
}

fn listing(entry: &UserdataEntry) -> String {
    let items = [
        ("hostname", entry.hostname.is_some()),
        ("instance-id", true),
        ("instance-type", !entry.instance_type.is_empty()),
        ("local-hostname", entry.hostname.is_some()),
        ("local-ipv4", true),
        ("mac", entry.mac.is_some()),
        ("public-keys/", !entry.ssh_keys.is_empty()),
    ];
    items.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hostname;

    #[test]
    fn the_tree_answers_like_ec2() {
        let vm = ObjectId::try_from("0123456789abcdef0123456789abcdef").unwrap();
        let entry = UserdataEntry {
            ip: [10, 0, 0, 9].into(),
            hostname: Some(Hostname::try_from("web-1").unwrap()),
            mac: None,
            user_data: b"#cloud-config\n".to_vec(),
            ssh_keys: vec!["ssh-ed25519 AAAA me".into()],
            instance_type: String::new(),
        };
        let ask = |path: &str| answer(path, &vm, &entry).map(|a| String::from_utf8(a).unwrap());
        let expected = [
            ("/", Some("latest\n")),
            ("/latest/", Some("meta-data\nuser-data\n")),
            ("/latest/user-data", Some("#cloud-config\n")),
            ("/2009-04-04/meta-data/", Some("hostname\ninstance-id\nlocal-hostname\nlocal-ipv4\npublic-keys/")),
            ("/latest/meta-data/instance-id", Some("0123456789abcdef0123456789abcdef")),
            ("/latest/meta-data/local-hostname", Some("web-1")),
            ("/latest/meta-data/local-ipv4", Some("10.0.0.9")),
            ("/latest/meta-data/public-keys/", Some("0=key-0")),
            ("/latest/meta-data/public-keys/0/openssh-key", Some("ssh-ed25519 AAAA me")),
            ("/latest/meta-data/public-keys/1/openssh-key", None),
            ("/latest/meta-data/mac", None),
            ("/latest/meta-data/instance-type", None),
            ("/latest/nothing", None),
        ];
        for (path, answer) in expected {
            assert_eq!(ask(path).as_deref(), answer, "{path}");
        }
        let without = UserdataEntry { user_data: Vec::new(), ..entry };
        assert_eq!(answer("/latest/user-data", &vm, &without), None);
    }
}

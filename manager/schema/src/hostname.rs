//! What may be the name of a machine. Such names end up in command lines, configuration files and DNS, each through an
//! encoder of its own; what could not be meant is refused where people still read the reason.

use std::net::IpAddr;

/// Whether `text` is a host or domain name as in RFC 1123: labels of letters, digits and inner dashes between dots.
#[must_use]
pub fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Whether `text` says where a machine is: an IP address or a host name.
#[must_use]
pub fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_hostname(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_dns_a_file_or_a_command_are_none() {
        for good in ["web-1.example.com", "host", "a-b.c1", "10.0.0.1"] {
            assert!(is_hostname(good) && is_host(good), "{good}");
        }
        assert!(is_host("fe80::1") && !is_hostname("fe80::1"));
        let long = ["a".repeat(64), vec!["abc"; 64].join(".")];
        let bad = [
            "",
            ".",
            "-a",
            "a-",
            "-oProxyCommand=x",
            "a b",
            "a\nb",
            "a\n",
            "a_b",
            "a,b",
            "h;reboot",
            "$(reboot)",
            "{{ x }}",
            "a..b",
            "[::1]",
        ];
        for bad in bad.into_iter().chain(long.iter().map(String::as_str)) {
            assert!(!is_host(bad), "{bad:?}");
        }
    }
}

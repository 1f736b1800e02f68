//! L3 networks: what guests are told beside their addresses.

mod change_state;
mod create;
mod delete;
mod dns;
mod host_route;
mod types;
mod update;

pub(crate) use create::QUOTAS;
pub(crate) use delete::L3s;

use cumulo_schema::ErrorCode;

use crate::ipv4::short;

/// The only type of L3 networks there is.
const TYPE: &str = "L3BasicNetwork";

/// Domains are written into the configuration of DHCP servers.
fn check_domain(domain: &str) -> Result<(), ErrorCode> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match domain.len() <= 253 && domain.split('.').all(label) {
        true => Ok(()),
        false => Err(ErrorCode::invalid(format!(
            "dnsDomain '{}' is no domain: labels of letters, digits and inner dashes between dots",
            short(domain)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::check_domain;

    #[test]
    fn only_domains_are_taken() {
        for good in ["local", "example.com", "a-b.c1"] {
            assert!(check_domain(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a..b", "-a.b", "a_b", "a b", "a\nserver=8.8.8.8", "a,b", &"a".repeat(64)] {
            assert!(check_domain(bad).is_err(), "{bad:?}");
        }
    }
}

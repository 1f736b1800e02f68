//! L3 networks: what guests are told beside their addresses.

mod change_state;
mod create;
mod delete;
mod dns;
mod host_route;
mod mtu;
mod router_interface;
mod types;
mod update;

pub(crate) use create::QUOTAS;
pub(crate) use delete::L3s;
pub(crate) use mtu::install as install_mtu;
pub(crate) use router_interface::install as install_router_interface;

use cumulo_schema::{ErrorCode, is_hostname};

use crate::ipv4::short;

/// The only type of L3 networks there is.
const TYPE: &str = "L3BasicNetwork";

/// Domains are written into the configuration of DHCP servers.
fn check_domain(domain: &str) -> Result<(), ErrorCode> {
    match is_hostname(domain) {
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
        assert!(check_domain("example.com").is_ok());
        assert!(check_domain("a\nserver=8.8.8.8").is_err());
    }
}

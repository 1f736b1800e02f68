//! dnsmasq's configuration, as text. Every value in it has a type that cannot hold a line break or a comma.

use std::{fmt::Write as _, net::Ipv4Addr, path::Path};

use super::{DhcpEntry, DhcpNetwork, HostRoute, L3State};

/// Where guests look for metadata.
pub(crate) const METADATA_IP: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The device in the namespace.
pub(super) const DEVICE: &str = "cumulo0";
/// The tag of NICs that get routes and name servers.
const DEFAULT_TAG: &str = "default";

/// The files of one server.
pub(super) struct Files<'a> {
    /// Its hosts file.
    pub(super) hosts: &'a Path,
    /// Its leases.
    pub(super) leases: &'a Path,
    /// Its process id.
    pub(super) pid: &'a Path,
}

/// The configuration file.
///
/// Only hosts in the hosts file are answered, and they get the address that stands there: no pool, so no ping check, and
/// authoritative, so that a guest that asks for its old address learns at once that it has another one now. `device`
/// is the index of the device in the namespace: a server is bound to it and not to its name.
pub(super) fn config(network: &DhcpNetwork, device: u32, files: &Files<'_>) -> String {
    let mut text = format!("# for device {device}\n");
    let mut line = |line: std::fmt::Arguments<'_>| _ = writeln!(text, "{line}");
    line(format_args!("port=0"));
    line(format_args!("no-hosts"));
    line(format_args!("no-resolv"));
    line(format_args!("no-ping"));
    line(format_args!("bind-interfaces"));
    line(format_args!("interface={DEVICE}"));
    line(format_args!("except-interface=lo"));
    line(format_args!("dhcp-authoritative"));
    line(format_args!("dhcp-ignore=tag:!known"));
    line(format_args!("dhcp-lease-max=100000"));
    line(format_args!("dhcp-range={},static,{},24h", network.base(), network.mask()));
    line(format_args!("dhcp-hostsfile={}", files.hosts.display()));
    line(format_args!("dhcp-leasefile={}", files.leases.display()));
    line(format_args!("pid-file={}", files.pid.display()));
    // Metadata is at the server; clients that understand classless routes ignore the plain router option, so the
    // default route is in both. 249 is what Windows calls 121.
    let (defaults, others): (Vec<&HostRoute>, Vec<&HostRoute>) =
        network.routes.iter().partition(|route| route.is_default());
    let gateway = defaults.first().map(|route| route.next_hop).or(network.gateway);
    let others: String = others.iter().map(|route| format!(",{route}")).collect();
    let metadata = format!("{METADATA_IP}/32,{}", network.server);
    let default = gateway.map(|gateway| format!(",0.0.0.0/0,{gateway}")).unwrap_or_default();
    for option in [121, 249] {
        line(format_args!("dhcp-option=tag:{DEFAULT_TAG},{option},{metadata}{others}{default}"));
        if let Some(others) = others.strip_prefix(',') {
            line(format_args!("dhcp-option=tag:!{DEFAULT_TAG},{option},{others}"));
        }
    }
    // Without an option 3 dnsmasq names itself as router.
    let router = gateway.map(|gateway| format!(",{gateway}")).unwrap_or_default();
    line(format_args!("dhcp-option=tag:{DEFAULT_TAG},3{router}"));
    let dns: Vec<_> = network.dns.iter().filter(|d| d.is_ipv4()).map(ToString::to_string).collect();
    if dns.is_empty() {
        line(format_args!("dhcp-option=tag:{DEFAULT_TAG},6"));
    } else {
        line(format_args!("dhcp-option=tag:{DEFAULT_TAG},6,{}", dns.join(",")));
    }
    for option in [3, 6] {
        line(format_args!("dhcp-option=tag:!{DEFAULT_TAG},{option}"));
    }
    if let Some(domain) = &network.domain {
        line(format_args!("domain={domain}"));
    }
    if let Some(mtu) = network.mtu {
        line(format_args!("dhcp-option=26,{mtu}"));
    }
    text
}

/// The hosts file.
pub(super) fn hosts(state: &L3State) -> String {
    state.entries.values().map(host).collect()
}

fn host(entry: &DhcpEntry) -> String {
    let tag = if entry.default_route { format!(",set:{DEFAULT_TAG}") } else { String::new() };
    let name = entry.hostname.as_ref().map(|name| format!(",{name}")).unwrap_or_default();
    format!("{}{tag},{}{name},24h\n", entry.mac, entry.ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhcp::L3State;

    fn state(json: serde_json::Value) -> L3State {
        serde_json::from_value(json).unwrap()
    }

    fn files() -> Files<'static> {
        Files { hosts: Path::new("/s/hosts"), leases: Path::new("/s/leases"), pid: Path::new("/s/pid") }
    }

    #[test]
    fn a_whole_network() {
        let state = state(serde_json::json!({
            "network": {
                "l3": "0123456789abcdef0123456789abcdef", "bridge": "br_eth1", "uplink": "eth1",
                "server": "10.0.101.2", "prefix": 24, "gateway": "10.0.101.1",
                "dns": ["8.8.8.8", "2001:4860:4860::8888", "8.8.4.4"], "domain": "example.org", "mtu": 1450,
                "routes": [{ "destination": "10.9.0.0", "prefix": 16, "next_hop": "10.0.101.9" }],
            },
            "generation": 3,
            "entries": {
                "00000000000000000000000000000001": {
                    "mac": "fa:16:3e:00:00:01", "ip": "10.0.101.100", "hostname": "web-1",
                    "vm": "10000000000000000000000000000001", "default_route": true,
                },
                "00000000000000000000000000000002": {
                    "mac": "fa:16:3e:00:00:02", "ip": "10.0.101.101", "hostname": null,
                    "vm": "10000000000000000000000000000002", "default_route": false,
                },
            },
            "userdata": {},
        }));
        crate::snapshot::assert("dnsmasq.conf", &config(&state.network, 7, &files()));
        assert_eq!(
            hosts(&state),
            "fa:16:3e:00:00:01,set:default,10.0.101.100,web-1,24h\nfa:16:3e:00:00:02,10.0.101.101,24h\n"
        );
    }

    #[test]
    fn a_network_without_gateway_and_name_servers_announces_neither() {
        let state = state(serde_json::json!({
            "network": {
                "l3": "0123456789abcdef0123456789abcdef", "bridge": "br0", "uplink": null, "server": "10.0.0.2",
                "prefix": 16, "gateway": null, "dns": [], "domain": null, "mtu": null,
            },
            "generation": 0, "entries": {}, "userdata": {},
        }));
        let text = config(&state.network, 7, &files());
        assert!(text.contains("dhcp-range=10.0.0.0,static,255.255.0.0,24h\n"), "{text}");
        assert!(text.contains("dhcp-option=tag:default,3\n") && text.contains("dhcp-option=tag:default,6\n"), "{text}");
        assert!(!text.contains("0.0.0.0/0"), "{text}");
    }

    #[test]
    fn a_default_route_that_was_asked_for_stands_for_the_gateway() {
        let state = state(serde_json::json!({
            "network": {
                "l3": "0123456789abcdef0123456789abcdef", "bridge": "br0", "uplink": null, "server": "10.0.0.2",
                "prefix": 24, "gateway": "10.0.0.1", "dns": [], "domain": null, "mtu": null,
                "routes": [{ "destination": "0.0.0.0", "prefix": 0, "next_hop": "10.0.0.9" }],
            },
            "generation": 0, "entries": {}, "userdata": {},
        }));
        let text = config(&state.network, 7, &files());
        assert!(text.contains("dhcp-option=tag:default,3,10.0.0.9\n"), "{text}");
        assert!(
            text.contains("dhcp-option=tag:default,121,169.254.169.254/32,10.0.0.2,0.0.0.0/0,10.0.0.9\n"),
            "{text}"
        );
        assert!(!text.contains("tag:!default,121") && !text.contains("10.0.0.1\n"), "{text}");
    }
}

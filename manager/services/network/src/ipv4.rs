//! IPv4 arithmetic: subnets, spans of addresses, and the rules that a range has to keep. Pure.

use std::{fmt, net::Ipv4Addr};

use cumulo_schema::ErrorCode;

/// A prefix that hosts can serve: no wider than a class A network, and with room for a gateway and a guest between network
/// and broadcast address.
const PREFIXES: std::ops::RangeInclusive<u8> = 8..=30;

/// The addresses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Span {
    pub(crate) fn one(address: u32) -> Self {
        Self { first: address, last: address }
    }

    pub(crate) fn contains(self, address: u32) -> bool {
        (self.first..=self.last).contains(&address)
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Both ends as text.
    pub(crate) fn ends(self) -> (String, String) {
        (Ipv4Addr::from_bits(self.first).to_string(), Ipv4Addr::from_bits(self.last).to_string())
    }

    /// Reads a given pair of addresses.
    pub(crate) fn parse(first: &str, last: &str) -> Result<Self, ErrorCode> {
        let (start, end) = (address("startIp", first)?, address("endIp", last)?);
        if start > end {
            return Err(ErrorCode::invalid(format!("startIp {start} comes after endIp {end}; swap them")));
        }
        Ok(Self { first: start.to_bits(), last: end.to_bits() })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Ipv4Addr::from_bits(self.first), Ipv4Addr::from_bits(self.last))
    }
}

/// A network and its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    network: u32,
    prefix: u8,
}

impl Subnet {
    pub(crate) fn of(address: u32, prefix: u8) -> Self {
        Self { network: address & mask(prefix), prefix }
    }

    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    pub(crate) fn netmask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask(self.prefix))
    }

    pub(crate) fn network(self) -> u32 {
        self.network
    }

    pub(crate) fn broadcast(self) -> u32 {
        self.network | !mask(self.prefix)
    }

    /// What can be an address of a machine: all but network and broadcast.
    pub(crate) fn machines(self) -> Span {
        Span { first: self.network + 1, last: self.broadcast() - 1 }
    }

    /// Reads `10.0.0.0/24`; an address inside the network stands for the network.
    pub(crate) fn parse(cidr: &str) -> Result<Self, ErrorCode> {
        let wrong = || ErrorCode::invalid(format!("'{}' is no network of the form 10.0.0.0/24", short(cidr)));
        let (network, prefix) = cidr.split_once('/').ok_or_else(wrong)?;
        let network: Ipv4Addr = network.parse().map_err(|_| wrong())?;
        let digits = (1..=2).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        Self::checked(network.to_bits(), prefix)
    }

    fn checked(address: u32, prefix: u8) -> Result<Self, ErrorCode> {
        if !PREFIXES.contains(&prefix) {
            let (least, most) = (PREFIXES.start(), PREFIXES.end());
            return Err(ErrorCode::invalid(format!(
                "a network with prefix length {prefix} cannot hold guests; take one from {least} to {most}"
            )));
        }
        Ok(Self::of(address, prefix))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.network), self.prefix)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

/// A range whose parts fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangePlan {
    pub(crate) span: Span,
    pub(crate) subnet: Subnet,
    pub(crate) gateway: u32,
}

impl RangePlan {
    /// Checks a range given by its ends. Without a gateway the first address of the network is it.
    ///
    /// `pool` ranges are for the network's own use and may hold their gateway; others may not.
    pub(crate) fn from_ends(
        start: &str,
        end: &str,
        netmask: &str,
        gateway: Option<&str>,
        pool: bool,
    ) -> Result<Self, ErrorCode> {
        let span = Span::parse(start, end)?;
        let subnet = Subnet::checked(span.first, prefix_of(netmask)?)?;
        if span.last > subnet.broadcast() {
            return Err(ErrorCode::invalid(format!("{span} does not lie within one network of netmask {netmask}")));
        }
        let gateway = match gateway {
            Some(text) => address("gateway", text)?.to_bits(),
            None => subnet.machines().first,
        };
        let plan = Self { span, subnet, gateway };
        plan.check_gateway()?;
        if !pool && span.contains(gateway) {
            let gateway = Ipv4Addr::from_bits(gateway);
            return Err(ErrorCode::invalid(format!(
                "the gateway {gateway} lies in the range {span}; a range is for guests only"
            )));
        }
        plan.check_purpose()
    }

    /// Checks a range given as a whole network. The gateway is its first machine address, or its last one if that is
    /// what was asked for; the range is what is left.
    pub(crate) fn from_cidr(cidr: &str, gateway: Option<&str>, pool: bool) -> Result<Self, ErrorCode> {
        let subnet = Subnet::parse(cidr)?;
        let Span { first, last } = subnet.machines();
        let gateway = gateway.map(|text| address("gateway", text)).transpose()?.map_or(first, Ipv4Addr::to_bits);
        let span = match gateway {
            _ if pool => Span { first, last },
            gateway if gateway == first => Span { first: first + 1, last },
            gateway if gateway == last => Span { first, last: last - 1 },
            gateway => {
                let gateway = Ipv4Addr::from_bits(gateway);
                let text = format!(
                    "the gateway of {subnet} must be its first or its last address, {} or {}, not {gateway}",
                    Ipv4Addr::from_bits(first),
                    Ipv4Addr::from_bits(last),
                );
                return Err(ErrorCode::invalid(text));
            }
        };
        let plan = Self { span, subnet, gateway };
        plan.check_gateway()?;
        plan.check_purpose()
    }

    fn check_gateway(&self) -> Result<(), ErrorCode> {
        match self.subnet.machines().contains(self.gateway) {
            true => Ok(()),
            false => Err(ErrorCode::invalid(format!(
                "the gateway {} is no address of a machine in {}",
                Ipv4Addr::from_bits(self.gateway),
                self.subnet
            ))),
        }
    }

    /// No guest may be given an address that means something else everywhere.
    fn check_purpose(self) -> Result<Self, ErrorCode> {
        const SPECIAL: [(&str, u32, u8); 4] = [
            ("\"this\" network", 0x0000_0000, 8),
            ("the loopback network", 0x7f00_0000, 8),
            ("the link-local network", 0xa9fe_0000, 16),
            ("multicast and beyond", 0xe000_0000, 3),
        ];
        for (what, network, prefix) in SPECIAL {
            let special = Subnet::of(network, prefix);
            if self.span.overlaps(Span { first: special.network(), last: special.broadcast() }) {
                let text = format!("{} reaches into {special}, {what}; guests cannot use it", self.span);
                return Err(ErrorCode::invalid(text));
            }
        }
        Ok(self)
    }
}

/// An address of exactly four decimal parts.
pub(crate) fn address(parameter: &str, text: &str) -> Result<Ipv4Addr, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::invalid(format!("{parameter} '{}' is no IPv4 address", short(text))))
}

/// An address that we wrote into the database ourselves.
pub(crate) fn stored(text: &str) -> Result<u32, ErrorCode> {
    let address: Result<Ipv4Addr, _> = text.parse();
    address.map(Ipv4Addr::to_bits).map_err(|_| ErrorCode::internal(format!("'{text}' is recorded as an address")))
}

fn prefix_of(netmask: &str) -> Result<u8, ErrorCode> {
    let bits = address("netmask", netmask)?.to_bits();
    let ones = bits.leading_ones();
    match ones == bits.count_ones() {
        // At most 32.
        true => Ok(u8::try_from(ones).unwrap_or(32)),
        false => Err(ErrorCode::invalid(format!("netmask {netmask} has a one bit after a zero bit"))),
    }
}

/// What a client sent, as far as it is worth repeating.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(start: &str, end: &str, netmask: &str, gateway: Option<&str>) -> String {
        RangePlan::from_ends(start, end, netmask, gateway, false).expect_err("must be refused").details
    }

    #[test]
    fn a_sound_range_is_taken_with_its_network() {
        let plan = RangePlan::from_ends("10.0.101.100", "10.0.101.150", "255.255.255.0", Some("10.0.101.1"), false);
        let plan = plan.expect("sound");
        assert_eq!(plan.subnet.to_string(), "10.0.101.0/24");
        assert_eq!(plan.span.to_string(), "10.0.101.100-10.0.101.150");
        let wide = RangePlan::from_ends("10.121.9.40", "10.121.9.100", "255.0.0.0", Some("10.0.0.1"), false);
        assert_eq!(wide.expect("sound").subnet.to_string(), "10.0.0.0/8");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let mask = "255.255.255.0";
        assert!(refused("10.0.0.256", "10.0.0.9", mask, None).contains("startIp '10.0.0.256' is no IPv4"));
        assert!(refused("10.0.0.01", "10.0.0.9", mask, None).contains("no IPv4"));
        assert!(refused("10.0.0.9", "10.0.0.5", mask, None).contains("comes after"));
        assert!(refused("10.0.0.9", "10.0.1.5", mask, None).contains("within one network"));
        assert!(refused("10.0.0.9", "10.0.0.50", "255.0.255.0", None).contains("one bit after a zero"));
        assert!(refused("10.0.0.9", "10.0.0.50", "255.255.255.255", None).contains("prefix length 32"));
        assert!(refused("10.0.0.9", "10.0.0.50", "0.0.0.0", None).contains("prefix length 0"));
        assert!(refused("10.0.0.9", "10.0.0.50", mask, Some("10.0.1.1")).contains("no address of a machine"));
        assert!(refused("10.0.0.9", "10.0.0.50", mask, Some("10.0.0.255")).contains("no address of a machine"));
        assert!(refused("10.0.0.9", "10.0.0.50", mask, Some("10.0.0.20")).contains("lies in the range"));
        assert!(refused("10.0.0.1", "10.0.0.50", mask, None).contains("lies in the range"));
        assert!(refused("127.0.0.9", "127.0.0.50", mask, None).contains("loopback"));
        assert!(refused("169.254.169.250", "169.254.169.254", mask, None).contains("link-local"));
        assert!(refused("230.0.0.9", "230.0.0.50", mask, None).contains("multicast"));
        assert!(refused("10.0.0.9'; DROP", "10.0.0.50", mask, None).contains("no IPv4"));
    }

    #[test]
    fn a_network_gives_a_range_beside_its_gateway() {
        let span = |cidr, gateway| RangePlan::from_cidr(cidr, gateway, false).map(|plan| plan.span.to_string());
        assert_eq!(span("10.0.0.0/24", None).expect("sound"), "10.0.0.2-10.0.0.254");
        assert_eq!(span("10.0.0.77/24", Some("10.0.0.254")).expect("sound"), "10.0.0.1-10.0.0.253");
        assert_eq!(span("10.0.0.0/30", None).expect("sound"), "10.0.0.2-10.0.0.2");
        for bad in ["10.0.0.0", "10.0.0.0/", "10.0.0.0/+4", "10.0.0.0/33", "10.0.0.0/31", "10.0.0/24", "a/8"] {
            assert!(span(bad, None).is_err(), "{bad}");
        }
        assert!(span("10.0.0.0/24", Some("10.0.0.7")).is_err());
        assert!(span("10.0.0.0/24", Some("10.0.1.1")).is_err());
    }
}

//! IPv6 arithmetic: subnets, spans of addresses, and the rules that a range has to keep. Pure.
//!
//! Apart from [`crate::ipv4`], since the rules differ: a network has no broadcast address and far too many others to be
//! counted, and what may not be a guest's is other prefixes.

use std::{fmt, net::Ipv6Addr};

use cumulo_schema::ErrorCode;

use crate::ipv4::short;

/// Prefixes with room for a gateway and a guest.
const PREFIXES: std::ops::RangeInclusive<u8> = 8..=126;

/// The addresses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl Span {
    pub(crate) fn contains(self, address: u128) -> bool {
        (self.first..=self.last).contains(&address)
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// How many addresses there are, at most what the number holds.
    pub(crate) fn len(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// How many addresses are in both.
    pub(crate) fn shared(self, other: Self) -> u128 {
        match self.overlaps(other) {
            true => Self { first: self.first.max(other.first), last: self.last.min(other.last) }.len(),
            false => 0,
        }
    }

    /// Both ends as text.
    pub(crate) fn ends(self) -> (String, String) {
        (text(self.first), text(self.last))
    }

    /// Reads a given pair of addresses.
    pub(crate) fn parse(first: &str, last: &str) -> Result<Self, ErrorCode> {
        let (start, end) = (address("startIp", first)?, address("endIp", last)?);
        if start > end {
            return Err(ErrorCode::invalid(format!("startIp {start} comes after endIp {end}; swap them")));
        }
        Ok(Self { first: start.to_bits(), last: end.to_bits() })
    }

    /// Reads a pair that we wrote into the database ourselves.
    pub(crate) fn stored(first: &str, last: &str) -> Result<Self, ErrorCode> {
        Ok(Self { first: stored(first)?, last: stored(last)? })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Ipv6Addr::from_bits(self.first), Ipv6Addr::from_bits(self.last))
    }
}

/// A network and its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    network: u128,
    prefix: u8,
}

impl Subnet {
    fn of(address: u128, prefix: u8) -> Self {
        Self { network: address & mask(prefix), prefix }
    }

    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    /// The prefix in the form of an address, as inventories have it.
    pub(crate) fn netmask(self) -> String {
        text(mask(self.prefix))
    }

    /// All addresses but the first, which is that of all routers of the network.
    pub(crate) fn machines(self) -> Span {
        Span { first: self.network + 1, last: self.network | !mask(self.prefix) }
    }

    /// Reads `2001:db8::/64`; an address inside the network stands for the network.
    pub(crate) fn parse(cidr: &str) -> Result<Self, ErrorCode> {
        let wrong = || ErrorCode::invalid(format!("'{}' is no network of the form 2001:db8::/64", short(cidr)));
        let (network, prefix) = cidr.split_once('/').ok_or_else(wrong)?;
        let network: Ipv6Addr = network.parse().map_err(|_| wrong())?;
        let digits = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        Self::checked(network.to_bits(), prefix)
    }

    fn checked(address: u128, prefix: u8) -> Result<Self, ErrorCode> {
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
        write!(f, "{}/{}", Ipv6Addr::from_bits(self.network), self.prefix)
    }
}

fn mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

/// A range whose parts fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangePlan {
    pub(crate) span: Span,
    pub(crate) subnet: Subnet,
    pub(crate) gateway: u128,
}

impl RangePlan {
    /// Checks a range given by its ends. `pool` ranges may hold their gateway, others may not.
    pub(crate) fn from_ends(start: &str, end: &str, prefix: i32, gateway: &str, pool: bool) -> Result<Self, ErrorCode> {
        let span = Span::parse(start, end)?;
        let subnet = Subnet::checked(span.first, u8::try_from(prefix).unwrap_or(u8::MAX))?;
        let gateway = address("gateway", gateway)?.to_bits();
        let machines = subnet.machines();
        if !machines.contains(span.first) || !machines.contains(span.last) {
            return Err(ErrorCode::invalid(format!("{span} does not lie among the addresses of machines in {subnet}")));
        }
        // A router is often known by its link-local address only.
        if !machines.contains(gateway) && !Ipv6Addr::from_bits(gateway).is_unicast_link_local() {
            return Err(ErrorCode::invalid(format!(
                "the gateway {} is neither an address of a machine in {subnet} nor link-local",
                text(gateway)
            )));
        }
        if !pool && span.contains(gateway) {
            return Err(ErrorCode::invalid(format!(
                "the gateway {} lies in the range {span}; a range is for guests only",
                text(gateway)
            )));
        }
        Self { span, subnet, gateway }.check_purpose()
    }

    /// Checks a range given as a whole network: the gateway is its first machine address, the range is what is left.
    pub(crate) fn from_cidr(cidr: &str, pool: bool) -> Result<Self, ErrorCode> {
        let subnet = Subnet::parse(cidr)?;
        let Span { first, last } = subnet.machines();
        let span = if pool { Span { first, last } } else { Span { first: first + 1, last } };
        Self { span, subnet, gateway: first }.check_purpose()
    }

    /// No guest may be given an address that means something else everywhere.
    fn check_purpose(self) -> Result<Self, ErrorCode> {
        const SPECIAL: [(&str, u128, u8); 4] = [
            ("loopback and mapped IPv4 addresses", 0, 80),
            ("link-local addresses", 0xfe80 << 112, 10),
            ("multicast", 0xff << 120, 8),
            ("addresses of no meaning", 0x100 << 112, 64),
        ];
        for (what, network, prefix) in SPECIAL {
            let special = Subnet::of(network, prefix);
            if self.span.overlaps(Span { first: special.network, last: special.network | !mask(prefix) }) {
                let text = format!("{} reaches into {special}, {what}; guests cannot use it", self.span);
                return Err(ErrorCode::invalid(text));
            }
        }
        Ok(self)
    }
}

/// The address in its shortest form, by which it is unique in the database.
pub(crate) fn text(address: u128) -> String {
    Ipv6Addr::from_bits(address).to_string()
}

/// The address as a text that stands among others as its number does.
pub(crate) fn order(address: u128) -> String {
    format!("{address:032x}")
}

/// An address, in any of its forms.
pub(crate) fn address(parameter: &str, text: &str) -> Result<Ipv6Addr, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::invalid(format!("{parameter} '{}' is no IPv6 address", short(text))))
}

/// An address that we wrote into the database ourselves.
pub(crate) fn stored(text: &str) -> Result<u128, ErrorCode> {
    let address: Result<Ipv6Addr, _> = text.parse();
    address.map(Ipv6Addr::to_bits).map_err(|_| ErrorCode::internal(format!("'{text}' is recorded as an IPv6 address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(start: &str, end: &str, prefix: i32, gateway: &str) -> String {
        RangePlan::from_ends(start, end, prefix, gateway, false).expect_err("must be refused").details
    }

    #[test]
    fn a_sound_range_is_taken_with_its_network() {
        let plan = RangePlan::from_ends("2001:db8::10", "2001:DB8:0::ff", 64, "2001:db8::1", false).expect("sound");
        assert_eq!(
            (plan.subnet.to_string().as_str(), plan.subnet.netmask().as_str()),
            ("2001:db8::/64", "ffff:ffff:ffff:ffff::")
        );
        assert_eq!((plan.span.to_string().as_str(), plan.span.len()), ("2001:db8::10-2001:db8::ff", 240));
        RangePlan::from_ends("2001:db8::10", "2001:db8::ff", 64, "fe80::1", false).expect("a router known by its link");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        assert!(refused("2001:db8::g", "2001:db8::9", 64, "2001:db8::1").contains("no IPv6"));
        assert!(refused("10.0.0.1", "10.0.0.9", 64, "10.0.0.1").contains("no IPv6"));
        assert!(refused("2001:db8::9", "2001:db8::5", 64, "2001:db8::1").contains("comes after"));
        assert!(refused("2001:db8::9", "2001:db8:0:1::5", 64, "2001:db8::1").contains("machines in 2001:db8::/64"));
        assert!(refused("2001:db8::", "2001:db8::5", 64, "2001:db8::1").contains("machines in"));
        assert!(refused("2001:db8::9", "2001:db8::20", 127, "2001:db8::1").contains("prefix length 127"));
        assert!(refused("2001:db8::9", "2001:db8::20", 64, "2001:db9::1").contains("neither"));
        assert!(refused("2001:db8::9", "2001:db8::20", 64, "2001:db8::10").contains("lies in the range"));
        assert!(refused("fe80::9", "fe80::20", 64, "fe80::1").contains("link-local"));
        assert!(refused("ff02::9", "ff02::20", 64, "ff02::1").contains("multicast"));
        assert!(refused("::9", "::20", 64, "::1").contains("loopback"));
    }

    #[test]
    fn a_network_gives_a_range_beside_its_gateway() {
        let plan = RangePlan::from_cidr("2001:db8::77/126", false).expect("sound");
        assert_eq!(
            (plan.span.to_string().as_str(), text(plan.gateway).as_str()),
            ("2001:db8::76-2001:db8::77", "2001:db8::75")
        );
        for bad in ["2001:db8::", "2001:db8::/", "2001:db8::/+64", "2001:db8::/129", "2001:db8::/127", "x/64", "::/8"] {
            assert!(RangePlan::from_cidr(bad, false).is_err(), "{bad}");
        }
    }
}

//! The IPv6 addresses of one L3 network. Nothing of it is kept in memory: of so many, one chosen at random is free, and
//! the unique key of `used_ip` says when it is not.

use std::collections::BTreeSet;

use cumulo_contracts::resource::{IpRange, ReservedIpRange, UsedIp};
use cumulo_kernel::db::Db;
use cumulo_schema::{ErrorCode, Uuid};

use super::pool::Unfit;
use crate::{
    ipv6::{Span, stored},
    range::NORMAL,
    store,
};

/// The largest number that every client's JSON holds; there are more addresses than that.
pub(crate) const MOST: i64 = (1 << 53) - 1;

/// One range, as far as addresses matter.
#[derive(Debug, Clone)]
pub(crate) struct SpaceRange {
    pub(crate) uuid: Uuid,
    pub(crate) span: Span,
    pub(crate) netmask: String,
    pub(crate) gateway: String,
    gateway_bits: u128,
}

impl SpaceRange {
    fn of(range: &IpRange) -> Result<Self, ErrorCode> {
        Ok(Self {
            uuid: range.uuid,
            span: Span::stored(&range.start_ip, &range.end_ip)?,
            netmask: range.netmask.clone(),
            gateway: range.gateway.clone(),
            gateway_bits: stored(&range.gateway)?,
        })
    }
}

/// Ranges, and what of them is kept back.
#[derive(Debug)]
pub(crate) struct Space {
    ranges: Vec<SpaceRange>,
    reserved: Vec<Span>,
}

impl Space {
    pub(crate) fn new<'r>(
        ranges: impl IntoIterator<Item = &'r IpRange>,
        reserved: &[ReservedIpRange],
    ) -> Result<Self, ErrorCode> {
        let kept = reserved.iter().filter(|row| row.ip_version == 6);
        Ok(Self {
            ranges: ranges.into_iter().map(SpaceRange::of).collect::<Result<_, _>>()?,
            reserved: kept.map(|row| Span::stored(&row.start_ip, &row.end_ip)).collect::<Result<_, _>>()?,
        })
    }

    /// What guests of `l3` are given addresses from.
    pub(crate) async fn of(db: &Db, l3: Uuid) -> Result<Self, ErrorCode> {
        let ranges = store::ranges(db, l3).await?;
        let of_guests = ranges.iter().filter(|range| range.ip_version == 6 && range.ip_range_type == NORMAL);
        Self::new(of_guests, &store::reserved(db, l3).await?)
    }

    /// The range of an address that can be given out, as far as nobody has it.
    pub(crate) fn fits(&self, address: u128) -> Result<&SpaceRange, Unfit> {
        let none = if self.ranges.is_empty() { Unfit::NoRange } else { Unfit::Outside };
        let range = self.ranges.iter().find(|range| range.span.contains(address)).ok_or(none)?;
        match self.excluded(range, address) {
            true => Err(Unfit::Excluded),
            false => Ok(range),
        }
    }

    fn excluded(&self, range: &SpaceRange, address: u128) -> bool {
        range.gateway_bits == address || self.reserved.iter().any(|span| span.contains(address))
    }

    /// Any address of any range.
    pub(crate) fn random(&self) -> Result<u128, Unfit> {
        let range = match self.ranges.len() {
            0 => return Err(Unfit::NoRange),
            count => &self.ranges[rand::random_range(0..count)],
        };
        Ok(rand::random_range(range.span.first..=range.span.last))
    }

    /// Addresses from `from` upwards that are neither kept back nor in `used`, range by range.
    pub(crate) fn free_from<'s>(
        &'s self,
        from: u128,
        used: &'s BTreeSet<u128>,
    ) -> impl Iterator<Item = (u128, &'s SpaceRange)> + 's {
        self.ranges.iter().flat_map(move |range| {
            let mut next = Some(range.span.first.max(from));
            std::iter::from_fn(move || {
                loop {
                    let address = next.filter(|address| *address <= range.span.last)?;
                    if let Some(kept) = self.reserved.iter().find(|span| span.contains(address)) {
                        next = kept.last.checked_add(1);
                        continue;
                    }
                    next = address.checked_add(1);
                    if range.gateway_bits != address && !used.contains(&address) {
                        return Some((address, range));
                    }
                }
            })
        })
    }

    /// How many addresses there are, taken or not, as far as clients can count.
    pub(crate) fn total(&self) -> i64 {
        let of = |range: &SpaceRange| {
            let kept: u128 = self.reserved.iter().map(|span| range.span.shared(*span)).sum();
            range.span.len().saturating_sub(kept)
        };
        let sum = self.ranges.iter().map(of).fold(0_u128, u128::saturating_add);
        i64::try_from(sum).map_or(MOST, |sum| sum.min(MOST))
    }
}

/// The addresses that `rows` hold.
pub(crate) fn held(rows: &[UsedIp]) -> Result<BTreeSet<u128>, ErrorCode> {
    rows.iter().filter(|row| row.ip_version == 6).map(|row| stored(&row.ip)).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn bits(text: &str) -> u128 {
        text.parse::<Ipv6Addr>().expect("an address").to_bits()
    }

    fn space() -> Space {
        let range = |first: &str, last: &str| SpaceRange {
            uuid: Uuid::random(),
            span: Span { first: bits(first), last: bits(last) },
            netmask: String::new(),
            gateway: String::new(),
            gateway_bits: bits("2001:db8::1"),
        };
        let all = Ipv6Addr::from_bits(u128::MAX).to_string();
        Space {
            ranges: vec![range("2001:db8::", "2001:db8::5"), range("ffff::", &all)],
            reserved: vec![
                Span { first: bits("2001:db8::3"), last: bits("2001:db8::4") },
                Span { first: u128::MAX - 1, last: u128::MAX },
            ],
        }
    }

    #[test]
    fn what_is_free_leaves_out_gateway_reserved_and_used() {
        let (space, used) = (space(), BTreeSet::from([bits("2001:db8::")]));
        let first: Vec<u128> = space.free_from(0, &used).take(3).map(|(address, _)| address).collect();
        assert_eq!(first, [bits("2001:db8::2"), bits("2001:db8::5"), bits("ffff::")]);
        let last: Vec<u128> = space.free_from(u128::MAX - 3, &used).map(|(address, _)| address).collect();
        assert_eq!(last, [u128::MAX - 3, u128::MAX - 2], "the end of all addresses ends the walk");
    }

    #[test]
    fn an_address_fits_or_it_is_said_why_not() {
        let space = space();
        assert!(space.fits(bits("2001:db8::2")).is_ok());
        for (address, why) in
            [("2001:db8::1", Unfit::Excluded), ("2001:db8::4", Unfit::Excluded), ("::", Unfit::Outside)]
        {
            assert_eq!(space.fits(bits(address)).err(), Some(why), "{address}");
        }
        assert_eq!(space.total(), MOST, "more than can be counted");
    }
}

//! What is free on an L3 network, kept in memory so that an allocation costs one write and no search.
//!
//! **The database decides, the pool proposes.** A proposed address is struck out here before it is written, so that
//! parallel callers are not proposed the same one; the unique key of `used_ip` refuses it where the pool was wrong
//! (another node took it), and the caller asks for another. A pool that has run out is read again before that is
//! believed, since another node may have released addresses. Ranges changing here drop the pool.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cumulo_contracts::resource::{IpRange, ReservedIpRange, UsedIp};
use cumulo_kernel::db::Db;
use cumulo_schema::{ErrorCode, Uuid};

use super::{Choice, free::AddressSet};
use crate::{
    ipv4::{Span, Subnet, stored},
    range::NORMAL,
    store,
};

/// One range, as far as addresses matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolRange {
    pub(crate) uuid: Uuid,
    pub(crate) span: Span,
    pub(crate) subnet: Subnet,
    pub(crate) gateway: u32,
}

impl PoolRange {
    pub(crate) fn of(range: &IpRange) -> Result<Self, ErrorCode> {
        let span = Span { first: stored(&range.start_ip)?, last: stored(&range.end_ip)? };
        let prefix = u8::try_from(range.prefix_len).unwrap_or(0);
        let subnet = Subnet::of(span.first, prefix);
        Ok(Self { uuid: range.uuid, span, subnet, gateway: stored(&range.gateway)? })
    }

    /// What of it may be given out: no network, broadcast, gateway or reserved address.
    pub(crate) fn usable(&self, reserved: &[Span]) -> AddressSet {
        let mut usable = AddressSet::default();
        usable.insert(self.span);
        for excluded in [self.subnet.network(), self.subnet.broadcast(), self.gateway] {
            usable.remove(Span::one(excluded));
        }
        reserved.iter().for_each(|span| usable.remove(*span));
        usable
    }
}

/// Why a wanted address cannot be had, as far as the pool can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    NoRange,
    Outside,
    Excluded,
    Taken,
    Exhausted,
}

/// The addresses of one L3 network.
#[derive(Debug)]
pub(crate) struct Pool {
    ranges: Vec<PoolRange>,
    usable: AddressSet,
    free: AddressSet,
}

impl Pool {
    /// Of the ranges for guests, what is not reserved, less what is used.
    pub(crate) fn new(ranges: &[IpRange], reserved: &[ReservedIpRange], used: &[UsedIp]) -> Result<Self, ErrorCode> {
        let ranges: Vec<PoolRange> = ranges
            .iter()
            .filter(|range| range.ip_range_type == NORMAL && range.ip_version == 4)
            .map(PoolRange::of)
            .collect::<Result<_, _>>()?;
        let reserved = spans_of(reserved)?;
        let mut usable = AddressSet::default();
        for range in &ranges {
            for span in range.usable(&reserved).spans() {
                usable.insert(span);
            }
        }
        let mut free = usable.clone();
        for held in used {
            if let Ok(address) = stored(&held.ip) {
                free.remove(Span::one(address));
            }
        }
        Ok(Self { ranges, usable, free })
    }

    /// Strikes an address out and proposes it.
    pub(crate) fn take(&mut self, choice: Choice) -> Result<(u32, PoolRange), Unfit> {
        if self.ranges.is_empty() {
            return Err(Unfit::NoRange);
        }
        let address = match choice {
            Choice::This(address) => self.fits(address).map(|()| address)?,
            Choice::First => self.free.first().ok_or(Unfit::Exhausted)?,
            Choice::Random if self.free.len() == 0 => return Err(Unfit::Exhausted),
            Choice::Random => {
                let index = rand::random_range(0..self.free.len());
                self.free.nth(index).ok_or(Unfit::Exhausted)?
            }
        };
        let range = self.range_of(address).ok_or(Unfit::Outside)?;
        self.free.remove(Span::one(address));
        Ok((address, range))
    }

    /// Whether this very address can be had.
    pub(crate) fn fits(&self, address: u32) -> Result<(), Unfit> {
        match self.range_of(address) {
            None if self.ranges.is_empty() => Err(Unfit::NoRange),
            None => Err(Unfit::Outside),
            Some(_) if !self.usable.contains(address) => Err(Unfit::Excluded),
            Some(_) if !self.free.contains(address) => Err(Unfit::Taken),
            Some(_) => Ok(()),
        }
    }

    /// An address is taken, proposed or not.
    pub(crate) fn strike(&mut self, address: u32) {
        self.free.remove(Span::one(address));
    }

    /// An address is free again.
    pub(crate) fn give(&mut self, address: u32) {
        if self.usable.contains(address) {
            self.free.insert(Span::one(address));
        }
    }

    /// Free addresses from `from` upwards with their ranges.
    pub(crate) fn free_from(&self, from: u32) -> impl Iterator<Item = (u32, PoolRange)> + '_ {
        self.free.iter_from(from).filter_map(|address| Some((address, self.range_of(address)?)))
    }

    /// The range of an address.
    pub(crate) fn range_of(&self, address: u32) -> Option<PoolRange> {
        self.ranges.iter().find(|range| range.span.contains(address)).copied()
    }
}

/// What may be given out of `l3`, used or not.
pub(crate) async fn pool_of(db: &Db, l3: Uuid) -> Result<Pool, ErrorCode> {
    Pool::new(&store::ranges(db, l3).await?, &store::reserved(db, l3).await?, &[])
}

/// The reserved ranges as spans.
pub(crate) fn spans_of(reserved: &[ReservedIpRange]) -> Result<Vec<Span>, ErrorCode> {
    let of_ipv4 = reserved.iter().filter(|row| row.ip_version == 4);
    of_ipv4.map(|row| Ok(Span { first: stored(&row.start_ip)?, last: stored(&row.end_ip)? })).collect()
}

/// The pools of this node.
#[derive(Debug, Default)]
pub(crate) struct Pools(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    pools: HashMap<Uuid, Pool>,
    /// Grows whenever pools are dropped: what was read before that is not put in any more.
    drops: u64,
}

impl Pools {
    /// Does `work` on the pool of `l3`, if it has been read.
    pub(crate) fn with<T>(&self, l3: Uuid, work: impl FnOnce(&mut Pool) -> T) -> Option<T> {
        self.lock().pools.get_mut(&l3).map(work)
    }

    /// To be asked before reading what a pool is made of, and handed to [`Pools::put`].
    pub(crate) fn drops(&self) -> u64 {
        self.lock().drops
    }

    /// Puts a pool in, unless there is one already or ranges changed while it was read.
    pub(crate) fn put(&self, l3: Uuid, pool: Pool, drops: u64) {
        let mut table = self.lock();
        if table.drops == drops {
            table.pools.entry(l3).or_insert(pool);
        }
    }

    /// Drops the pool of `l3`; the next caller reads it again.
    pub(crate) fn forget(&self, l3: Uuid) {
        let mut table = self.lock();
        table.drops += 1;
        table.pools.remove(&l3);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A set of addresses as spans: a range of 16 million free addresses is one entry, and taking one splits it.
//!
//! A bit map would cost by the size of the range, a set of used addresses a walk to find the next free one.

use std::collections::BTreeMap;

use crate::ipv4::Span;

/// Disjoint spans that do not touch, by their first address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AddressSet {
    spans: BTreeMap<u32, u32>,
    len: u64,
}

impl AddressSet {
    /// How many addresses there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn contains(&self, address: u32) -> bool {
        self.spans.range(..=address).next_back().is_some_and(|(_, last)| address <= *last)
    }

    /// Adds a span; what is there already stays.
    pub(crate) fn insert(&mut self, span: Span) {
        let Span { mut first, mut last } = span;
        // Swallow every span that overlaps or touches this one.
        while let Some((&start, &end)) = self.spans.range(..=last.saturating_add(1)).next_back() {
            if end < first.saturating_sub(1) {
                break;
            }
            self.drop_span(start, end);
            (first, last) = (first.min(start), last.max(end));
        }
        self.put_span(first, last);
    }

    /// Removes a span; what is not there is fine.
    pub(crate) fn remove(&mut self, span: Span) {
        while let Some((&start, &end)) = self.spans.range(..=span.last).next_back() {
            if end < span.first {
                break;
            }
            self.drop_span(start, end);
            if end > span.last {
                self.put_span(span.last + 1, end);
            }
            if start < span.first {
                self.put_span(start, span.first - 1);
                break;
            }
        }
    }

    /// The lowest address.
    pub(crate) fn first(&self) -> Option<u32> {
        self.spans.keys().next().copied()
    }

    /// The address with `index` others below it.
    pub(crate) fn nth(&self, mut index: u64) -> Option<u32> {
        for (&first, &last) in &self.spans {
            let size = u64::from(last - first) + 1;
            if index < size {
                // Below `size`, so it fits.
                return u32::try_from(index).ok().map(|offset| first + offset);
            }
            index -= size;
        }
        None
    }

    /// Addresses from `from` upwards, in order.
    pub(crate) fn iter_from(&self, from: u32) -> impl Iterator<Item = u32> + '_ {
        self.spans
            .iter()
            .filter(move |(_, last)| **last >= from)
            .flat_map(move |(&first, &last)| from.max(first)..=last)
    }

    /// The spans, in order.
    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.spans.iter().map(|(&first, &last)| Span { first, last })
    }

    fn put_span(&mut self, first: u32, last: u32) {
        self.spans.insert(first, last);
        self.len += u64::from(last - first) + 1;
    }

    fn drop_span(&mut self, first: u32, last: u32) {
        self.spans.remove(&first);
        self.len -= u64::from(last - first) + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Vec<(bool, u32, u32)>> {
        // Both ends of the number space, where arithmetic overflows.
        let address = prop_oneof![0u32..40, (u32::MAX - 40)..=u32::MAX];
        prop::collection::vec((any::<bool>(), address, 0u32..12), 0..40)
    }

    proptest! {
        #[test]
        fn it_is_the_set_it_stands_for(changes in spans()) {
            let (mut set, mut model) = (AddressSet::default(), BTreeSet::new());
            for (add, first, length) in changes {
                let span = Span { first, last: first.saturating_add(length) };
                let addresses = span.first..=span.last;
                match add {
                    true => { set.insert(span); model.extend(addresses); }
                    false => { set.remove(span); addresses.for_each(|address| { model.remove(&address); }); }
                }
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!(set.first(), model.first().copied());
            prop_assert_eq!(set.iter_from(0).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            for (index, address) in model.iter().enumerate() {
                prop_assert_eq!(set.nth(index as u64), Some(*address));
                prop_assert!(set.contains(*address));
            }
            prop_assert_eq!(set.nth(model.len() as u64), None);
            let touching = set.spans.iter().zip(set.spans.iter().skip(1)).any(|((_, last), (next, _))| last + 1 >= *next);
            prop_assert!(!touching, "spans that touch are one");
        }
    }
}

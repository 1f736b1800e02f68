//! What happened on the wire since the node started.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(super) struct Counters { $(pub(super) $name: Counter,)* }

        /// Numbers since the node started.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub struct BusCounters { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            pub(super) fn read(&self) -> BusCounters {
                BusCounters { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Connections to the broker that were made.
    connected,
    /// Times the broker refused to take messages for want of memory or disk.
    blocked,
    /// Calls sent to other nodes.
    calls,
    /// Calls sent once more because nothing was heard.
    resent,
    /// Calls that the broker knew no way for.
    no_route,
    /// Answers that nobody here waits for (any more).
    unknown_answers,
    /// Messages received for services here.
    received,
    /// Of those, such as had been received before.
    duplicates,
    /// Of those, such as came too late to be started.
    expired,
    /// Of those, such as were meant for another owner or an earlier life of this node.
    refused,
    /// Messages that waited until this node was told of the ring on which they were sent.
    ahead,
    /// Messages that could not be read.
    malformed,
    /// API messages received.
    api_calls,
    /// Of those, such as were acknowledged as recorded jobs before they were answered.
    api_recorded,
    /// Messages without a way that this node answered for the broker.
    answered_unroutable,
    /// Messages that died in a queue and that this node answered.
    dead_letters,
    /// Events told to the other nodes and to programs outside.
    events_sent,
    /// Events that were given up because the broker was away for too long, or as too large.
    events_dropped,
    /// Events heard from other nodes.
    events_heard,
}

/// One number.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

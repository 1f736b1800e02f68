//! What keeps nodes apart, piece by piece, so that each can be left out and be seen to matter.

/// A piece of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nobody starts on what another lease may hold.
    WaitForOthers,
    /// A node says that it has drained only when it has.
    DrainFirst,
    /// Leases are read after the adoption is written, not before it. This and the next do the same: either suffices.
    AdoptThenRead,
    /// An epoch that is not the latest is not adopted.
    AdoptTheLatest,
    /// The number of a new epoch is larger than any other, also than those that are forgotten.
    EpochsGrow,
    /// A node whose lease is over by its own clock starts nothing.
    FenceYourself,
    /// The database refuses what a node writes whose lease is gone.
    FenceWrites,
    /// … and whose lease is another life's.
    FenceLives,
    /// Work has not ended while something that it wrote is under way.
    WorkEndsWithItsWrites,
    /// Work that a ring takes away is told before anybody sees the ring.
    TellThenShow,
    /// Work starts in an epoch that everybody in the node sees.
    ShowThenClaim,
    /// A command gets its epoch first, and then it is seen whether the work may go on.
    StampThenCheck,
    /// Agents refuse an older epoch.
    AgentsRefuse,
    /// Agents take note of the epoch also of those who only ask for an outcome again.
    AgentsListen,
}

//! What there is: the database's rows, each node's memory, what is under way between them.

/// Nodes at most.
pub(crate) const NODES: usize = 3;
/// Epochs at most, with room for what recovering takes beyond the bound of a check.
pub(crate) const EPOCHS: usize = 24;

/// Of each node something.
pub(crate) type Each<T> = [T; NODES];

/// Everything at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) db: Database,
    pub(crate) agent: Agent,
    pub(crate) nodes: Each<Node>,
}

/// The rows of the membership, and who wrote to the resource's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    /// The largest epoch that there is a row of; 0 before the first.
    pub(crate) latest: u8,
    /// The members of each epoch, a bit a node; what was forgotten is kept here, for those who read it before.
    pub(crate) members: [u8; EPOCHS],
    /// Rows of epochs before this one are deleted.
    pub(crate) forgotten: u8,
    pub(crate) leases: Each<Option<Lease>>,
    /// Writes to rows of the resource.
    pub(crate) written: Trail,
    /// An epoch was written that is no later than another.
    pub(crate) stepped_back: bool,
}

/// A row of `node_lease`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    /// Which life of the node: the epoch with which it began, as each begins with its own.
    pub(crate) life: u8,
    /// Ticks of the database's clock until it runs out.
    pub(crate) left: u8,
    pub(crate) adopted: u8,
    pub(crate) drained: u8,
}

/// Who did something to the resource last, and whether that ever went backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Trail {
    pub(crate) epoch: u8,
    pub(crate) node: u8,
    pub(crate) broken: bool,
}

impl Trail {
    /// `node` does something in `epoch`.
    pub(crate) fn note(&mut self, epoch: u8, node: usize) {
        let node = u8::try_from(node).unwrap_or(u8::MAX);
        self.broken |= epoch < self.epoch || epoch == self.epoch && node != self.node;
        (self.epoch, self.node) = (epoch, node);
    }
}

/// The agent, which has one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Agent {
    /// The newest epoch that it goes by.
    pub(crate) heard: u8,
    /// What it did and answered.
    pub(crate) trail: Trail,
}

/// A node's process, and what it has sent that has not arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) beat: Beat,
    pub(crate) leaving: Leaving,
    pub(crate) memory: Memory,
    pub(crate) hold: Option<Hold>,
    pub(crate) sending: Sending,
    /// A command on its way to the agent. It outlives its sender.
    pub(crate) command: Option<Command>,
    /// A batch on its way to the database. It outlives its sender.
    pub(crate) write: Option<Write>,
}

/// What `Membership` and `Cluster` remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Memory {
    pub(crate) life: u8,
    /// Ticks of the node's clock until its lease is over.
    pub(crate) left: u8,
    pub(crate) adopted: u8,
    /// The epoch of the ring that everybody in the node sees.
    pub(crate) shown: u8,
    /// The first look is done.
    pub(crate) entered: bool,
    /// `drained` and `adopted` of the others' leases, as read last.
    pub(crate) others: Each<Option<(u8, u8)>>,
    /// Rings before this one were not found.
    pub(crate) known_from: u8,
}

/// What a change of the members was prepared from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Read {
    pub(crate) epoch: u8,
    pub(crate) members: u8,
}

/// Where the heartbeat stands. The steps of one node's are one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Beat {
    /// No process.
    #[default]
    Out,
    /// It has read the latest epoch and is about to join.
    Join(Read),
    Idle,
    /// It has seen that a lease ran out, and read the latest epoch.
    Expel {
        victim: u8,
        life: u8,
        read: Read,
    },
    /// It has read the latest epoch.
    Latest(u8),
    /// It has written that it works by that epoch.
    Adopted(u8),
    /// It has read the leases; its claims go by the epoch.
    Looked,
    /// It has told work that the epoch takes away to leave.
    Told,
    /// It has learnt that it was given up, and comes back when nothing is in hand.
    GivenUp,
}

/// How far leaving is; it goes on beside the heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Leaving {
    #[default]
    No,
    Wanted,
    Prepared(Read),
}

/// Work on the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hold {
    /// The epoch in which it was granted.
    pub(crate) epoch: u8,
    /// It is to stop where it is.
    pub(crate) told: bool,
}

/// A command before it is sent: its epoch is looked up, and whether it may be sent at all, and a thread can be anywhere
/// in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Sending {
    #[default]
    No,
    Stamped(u8),
    Checked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Command {
    pub(crate) epoch: u8,
    /// For a task that the agent knows already: only its outcome is asked for.
    pub(crate) known: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Write {
    /// The epoch of the hold.
    pub(crate) epoch: u8,
    /// The life that the batch asks for.
    pub(crate) life: u8,
}

impl Node {
    /// Its process is gone, with all that it had in memory.
    pub(crate) fn gone(&self) -> Self {
        Self { command: self.command, write: self.write, ..Self::default() }
    }

    /// Nothing is in hand.
    pub(crate) fn is_empty(&self) -> bool {
        self.hold.is_none()
    }

    /// By its own clock it has no lease.
    pub(crate) fn is_fenced(&self) -> bool {
        self.memory.left == 0
    }

    pub(crate) fn tell(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.told = true;
        }
    }

    /// It learns that its lease is gone.
    pub(crate) fn give_up(&mut self) {
        self.memory.left = 0;
        self.tell();
        self.beat = Beat::GivenUp;
    }
}

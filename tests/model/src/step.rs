//! What can happen next, each a thing that happens at once: one batch, one read, a few lines of code without a wait.

use cumulo_kernel::membership::{Claim, Holder, decide};
use cumulo_schema::Uuid;

use crate::{
    guard::Guard,
    state::{Beat, Command, Database, Each, Hold, Lease, Leaving, Memory, Node, Read, Sending, State, Write},
};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Time passes.
    Tick,
    /// Node: its process is killed.
    Kill(usize),
    /// Node: it starts, or comes back after it was given up, and reads the latest epoch.
    Start(usize),
    /// Node: the next step of its heartbeat.
    Beat(usize),
    /// Node, another: it sees that the lease of the other has run out.
    SeeLate(usize, usize),
    /// Node: it says that it has finished with what was taken from it.
    Drain(usize),
    /// Node: it takes no more and tells all to leave.
    Leave(usize),
    /// Node: the next step of its leaving.
    LeaveOn(usize),
    /// Node: the database makes its lease longer, so many ticks after the node asked.
    Renew(usize, u8),
    /// Node: it starts work on the resource.
    Take(usize),
    /// Node: its work has ended.
    End(usize),
    /// Node: the first half of sending a command.
    Prepare(usize),
    /// Node: the second half; whether the command is for a task that the agent knows.
    Send(usize, bool),
    /// Node: its command arrives.
    Deliver(usize),
    /// Node: it sends a batch about the resource.
    Write(usize),
    /// Node: its batch is executed.
    Land(usize),
}

/// What of the whole is looked at in detail; the rest is there in larger steps, or not at all where nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// How members change: what is read and what is written upon it are two steps.
    Members,
    /// What nodes write, with batches that arrive late.
    Writes,
    /// What nodes tell an agent, with commands that arrive late, and how a node's threads hear of a ring.
    Commands,
}

/// The rules.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) subject: Subject,
    /// So many nodes.
    pub(crate) nodes: usize,
    /// Nobody changes the members beyond this epoch.
    pub(crate) epochs: u8,
    /// Length of a lease in ticks of the database's clock.
    pub(crate) lease: u8,
    /// For how many of these a node relies on it: where its clock is as slow as it may be, as many.
    pub(crate) usable: u8,
    /// What is left out.
    pub(crate) without: &'static [Guard],
    /// A property that is not looked at.
    pub(crate) beyond: Option<&'static str>,
    pub(crate) ids: Each<Uuid>,
}

impl Rules {
    pub(crate) fn has(&self, guard: Guard) -> bool {
        !self.without.contains(&guard)
    }

    /// The ring: each of the nodes that there are takes the resource from those before it. For one resource, consistent
    /// hashing is some such order.
    fn owner(members: u8) -> Option<usize> {
        members.checked_ilog2().map(|node| node as usize)
    }

    pub(crate) fn owns(&self, state: &State, node: usize) -> bool {
        Self::owner(state.db.members[usize::from(state.nodes[node].memory.adopted)]) == Some(node)
    }

    /// Whether its work goes on, as far as the node itself knows.
    pub(crate) fn works(&self, node: &Node) -> bool {
        node.hold.is_some() && !(node.is_fenced() && self.has(Guard::FenceYourself))
    }

    /// What the code's own rule says.
    pub(crate) fn claim(&self, state: &State, me: usize) -> Claim {
        let Memory { adopted, others, known_from, .. } = state.nodes[me].memory;
        let owner_in = |epoch: u64| {
            let known = epoch >= u64::from(known_from);
            let members = usize::try_from(epoch).ok().and_then(|epoch| state.db.members.get(epoch));
            Self::owner(*members.filter(|_| known)?).map(|owner| self.ids[owner])
        };
        let holder = |(node, lease): (usize, &Option<(u8, u8)>)| {
            lease.map(|(drained, adopted)| Holder {
                node: self.ids[node],
                drained: u64::from(drained),
                adopted: u64::from(adopted),
            })
        };
        let others: Vec<Holder> = others.iter().enumerate().filter_map(holder).collect();
        let others = if self.has(Guard::WaitForOthers) { &others[..] } else { &[] };
        decide(self.ids[me], u64::from(adopted), owner_in, others)
    }

    /// What may happen in `state`; some of it changes nothing.
    pub(crate) fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        steps.push(Step::Tick);
        let may_change = state.db.latest < self.epochs;
        for (n, node) in state.nodes.iter().enumerate().take(self.nodes) {
            let mut may = |allowed: bool, step| {
                if allowed {
                    steps.push(step);
                }
            };
            let is_in = !matches!(node.beat, Beat::Out | Beat::Join(_));
            may(node.beat == Beat::Out && may_change, Step::Start(n));
            may(node.beat != Beat::Out, Step::Kill(n));
            may(node.beat != Beat::Out, Step::Beat(n));
            may(is_in && node.memory.entered && node.leaving == Leaving::No && may_change, Step::Leave(n));
            may(node.leaving != Leaving::No && node.is_empty(), Step::LeaveOn(n));
            let looks = node.beat == Beat::Idle && node.memory.entered;
            may(looks, Step::Drain(n));
            let late = |other: usize| state.db.leases[other].is_some_and(|lease| lease.left == 0);
            for other in (0..self.nodes).filter(|other| *other != n) {
                may(looks && may_change && late(other), Step::SeeLate(n, other));
            }
            let renews = is_in && node.memory.entered && node.beat != Beat::GivenUp && node.leaving == Leaving::No;
            for lag in 0..=self.usable {
                may(renews, Step::Renew(n, lag));
            }
            may(is_in, Step::Take(n));
            may(node.hold.is_some(), Step::End(n));
            if self.subject == Subject::Commands {
                may(node.hold.is_some() && node.command.is_none() && node.sending == Sending::No, Step::Prepare(n));
                may(node.sending != Sending::No, Step::Send(n, false));
                may(node.sending != Sending::No && state.agent.trail.epoch > 0, Step::Send(n, true));
                may(node.command.is_some(), Step::Deliver(n));
            }
            if self.subject == Subject::Writes {
                may(node.hold.is_some() && node.write.is_none(), Step::Write(n));
                may(node.write.is_some(), Step::Land(n));
            }
        }
    }

    /// `state` after `step`.
    pub(crate) fn after(&self, state: &State, step: Step) -> State {
        let mut next = *state;
        match step {
            Step::Tick => Self::tick(&mut next),
            Step::Kill(n) => next.nodes[n] = state.nodes[n].gone(),
            Step::Start(n) => {
                next.nodes[n].beat = Beat::Join(Self::read(&state.db));
                self.at_once(&mut next, Step::Beat(n));
            }
            Step::Beat(n) => self.beat(&mut next, n),
            Step::SeeLate(n, other) => {
                if let Some(Lease { life, .. }) = state.db.leases[other] {
                    let victim = u8::try_from(other).unwrap_or(u8::MAX);
                    next.nodes[n].beat = Beat::Expel { victim, life, read: Self::read(&state.db) };
                    self.at_once(&mut next, Step::Beat(n));
                }
            }
            Step::Drain(n) => self.drain(&mut next, n),
            Step::Leave(n) => {
                next.nodes[n].leaving = Leaving::Wanted;
                next.nodes[n].tell();
            }
            Step::LeaveOn(n) => self.leave_on(&mut next, n),
            Step::Renew(n, lag) => self.renew(&mut next, n, lag),
            Step::Take(n) => self.take(&mut next, n),
            Step::End(n) => Self::end(&mut next.nodes[n], self.has(Guard::WorkEndsWithItsWrites)),
            Step::Prepare(n) => self.prepare(&mut next.nodes[n]),
            Step::Send(n, known) => self.send(&mut next.nodes[n], known),
            Step::Deliver(n) => self.deliver(&mut next, n),
            Step::Write(n) => {
                let Node { hold, memory, write, .. } = &mut next.nodes[n];
                *write = hold.map(|hold| Write { epoch: hold.epoch, life: memory.life });
            }
            Step::Land(n) => self.land(&mut next, n),
        }
        next
    }

    fn tick(next: &mut State) {
        for lease in next.db.leases.iter_mut().flatten() {
            lease.left = lease.left.saturating_sub(1);
        }
        for node in &mut next.nodes {
            node.memory.left = node.memory.left.saturating_sub(1);
        }
    }

    /// Does `step` too, where it is not looked at what happens in between.
    fn at_once(&self, next: &mut State, step: Step) {
        if self.subject != Subject::Members {
            *next = self.after(next, step);
        }
    }

    fn read(db: &Database) -> Read {
        Read { epoch: db.latest, members: db.members[usize::from(db.latest)] }
    }

    /// Writes the epoch after `read`, in the batch of its lease; `false` when another was faster.
    fn insert(&self, db: &mut Database, read: Read, members: u8) -> bool {
        let epoch = read.epoch + 1;
        let is_next = epoch > db.latest;
        if !is_next && (self.has(Guard::EpochsGrow) || epoch >= db.forgotten) {
            return false;
        }
        db.members[usize::from(epoch)] = members;
        db.stepped_back |= !is_next;
        db.latest = db.latest.max(epoch);
        true
    }

    fn beat(&self, next: &mut State, n: usize) {
        let State { db, nodes, .. } = next;
        let node = &mut nodes[n];
        match node.beat {
            Beat::Out => {}
            Beat::Join(read) => {
                node.beat = Beat::Out;
                if self.insert(db, read, read.members | 1 << n) {
                    let epoch = read.epoch + 1;
                    db.leases[n] = Some(Lease { life: epoch, left: self.lease, adopted: epoch, drained: epoch });
                    node.memory = Memory { life: epoch, left: self.usable, adopted: epoch, ..Memory::default() };
                    node.beat = Beat::Idle;
                }
            }
            // Nothing is new, and looking would change nothing.
            Beat::Idle if node.memory.entered && Self::has_seen(db, node, n) => {}
            Beat::Idle => {
                node.beat = Beat::Latest(db.latest);
                if !self.has(Guard::AdoptThenRead) {
                    Self::read_leases(db, node, n);
                }
                self.at_once(next, Step::Beat(n));
            }
            Beat::Expel { victim, life, read } => {
                node.beat = Beat::Idle;
                let other = usize::from(victim);
                if db.leases[other].is_some_and(|lease| lease.life == life && lease.left == 0)
                    && self.insert(db, read, read.members & !(1 << other))
                {
                    db.leases[other] = None;
                }
            }
            Beat::Latest(epoch) => self.adopt(db, node, n, epoch),
            Beat::Adopted(epoch) => {
                node.memory.adopted = epoch;
                if self.has(Guard::AdoptThenRead) {
                    Self::read_leases(db, node, n);
                }
                node.beat = Beat::Looked;
                if self.subject != Subject::Commands || node.memory.shown == epoch {
                    *next = self.after(&self.after(next, Step::Beat(n)), Step::Beat(n));
                }
            }
            Beat::Looked => {
                node.beat = Beat::Told;
                if self.has(Guard::TellThenShow) { self.tell(next, n) } else { Self::show(next, n) }
            }
            Beat::Told => {
                node.beat = Beat::Idle;
                node.memory.entered = true;
                if self.has(Guard::TellThenShow) { Self::show(next, n) } else { self.tell(next, n) }
            }
            Beat::GivenUp if node.is_empty() => *node = node.gone(),
            Beat::GivenUp => {}
        }
    }

    fn tell(&self, next: &mut State, n: usize) {
        if !self.owns(next, n) {
            next.nodes[n].tell();
        }
    }

    fn show(next: &mut State, n: usize) {
        next.nodes[n].memory.shown = next.nodes[n].memory.adopted;
    }

    fn adopt(&self, db: &mut Database, node: &mut Node, n: usize, epoch: u8) {
        if node.memory.adopted != epoch {
            let is_latest = db.latest == epoch;
            let Some(lease) = Self::lease(db, node, n) else { return node.give_up() };
            if !is_latest && self.has(Guard::AdoptTheLatest) {
                node.beat = Beat::Idle;
                return;
            }
            lease.adopted = epoch;
        }
        node.beat = Beat::Adopted(epoch);
    }

    /// Reads the leases and their rings, and forgets what no lease reaches back to. All at once: a ring that was forgotten
    /// in between would count against the reader, until it looks again.
    fn read_leases(db: &mut Database, node: &mut Node, me: usize) {
        let oldest = db.leases.iter().flatten().map(|lease| lease.drained).min().unwrap_or(0);
        node.memory.known_from = oldest.max(db.forgotten);
        db.forgotten = db.forgotten.max(oldest);
        for (other, lease) in db.leases.iter().enumerate() {
            node.memory.others[other] = lease.filter(|_| other != me).map(|lease| (lease.drained, lease.adopted));
        }
    }

    fn has_seen(db: &Database, node: &Node, me: usize) -> bool {
        let seen = |(other, lease): (usize, &Option<Lease>)| {
            other == me || node.memory.others[other] == lease.map(|lease| (lease.drained, lease.adopted))
        };
        let mine = db.leases[me].is_some_and(|lease| lease.life == node.memory.life);
        mine && node.memory.adopted == db.latest && db.leases.iter().enumerate().all(seen)
    }

    fn lease<'d>(db: &'d mut Database, node: &Node, n: usize) -> Option<&'d mut Lease> {
        db.leases[n].as_mut().filter(|lease| lease.life == node.memory.life)
    }

    fn drain(&self, next: &mut State, n: usize) {
        let busy = next.nodes[n].hold.is_some() && !self.owns(next, n);
        if busy && self.has(Guard::DrainFirst) {
            return;
        }
        let State { db, nodes, .. } = next;
        match Self::lease(db, &nodes[n], n) {
            Some(lease) => lease.drained = nodes[n].memory.adopted,
            None => nodes[n].give_up(),
        }
    }

    fn leave_on(&self, next: &mut State, n: usize) {
        let State { db, nodes, .. } = next;
        let node = &mut nodes[n];
        match node.leaving {
            Leaving::No => {}
            Leaving::Wanted => {
                node.memory.left = 0;
                node.leaving = Leaving::Prepared(Self::read(db));
                self.at_once(next, Step::LeaveOn(n));
            }
            Leaving::Prepared(read) => {
                if Self::lease(db, node, n).is_none() {
                    *node = node.gone();
                } else if self.insert(db, read, read.members & !(1 << n)) {
                    db.leases[n] = None;
                    *node = node.gone();
                } else {
                    node.leaving = Leaving::Wanted;
                }
            }
        }
    }

    fn renew(&self, next: &mut State, n: usize, lag: u8) {
        let State { db, nodes, .. } = next;
        match Self::lease(db, &nodes[n], n) {
            Some(lease) => {
                lease.left = self.lease;
                nodes[n].memory.left = self.usable.saturating_sub(lag).max(nodes[n].memory.left);
            }
            None => nodes[n].give_up(),
        }
    }

    fn take(&self, next: &mut State, n: usize) {
        let node = &next.nodes[n];
        let fenced = node.is_fenced() && self.has(Guard::FenceYourself);
        let behind = node.memory.shown != node.memory.adopted && self.has(Guard::ShowThenClaim);
        let may =
            node.memory.entered && node.leaving == Leaving::No && node.beat != Beat::GivenUp && node.hold.is_none();
        if may && !fenced && !behind && self.claim(next, n) == Claim::Mine {
            next.nodes[n].hold = Some(Hold { epoch: next.nodes[n].memory.adopted, told: false });
        }
    }

    fn end(node: &mut Node, with_writes: bool) {
        if node.sending == Sending::No && (node.write.is_none() || !with_writes) {
            node.hold = None;
        }
    }

    fn prepare(&self, node: &mut Node) {
        if self.has(Guard::StampThenCheck) {
            node.sending = Sending::Stamped(node.memory.shown);
        } else if self.may_send(node) {
            node.sending = Sending::Checked;
        }
    }

    fn send(&self, node: &mut Node, known: bool) {
        let epoch = match node.sending {
            Sending::Stamped(epoch) if self.may_send(node) => Some(epoch),
            Sending::Checked => Some(node.memory.shown),
            Sending::Stamped(_) | Sending::No => None,
        };
        node.sending = Sending::No;
        node.command = epoch.map(|epoch| Command { epoch, known });
    }

    fn may_send(&self, node: &Node) -> bool {
        let fenced = node.is_fenced() && self.has(Guard::FenceYourself);
        node.hold.is_some_and(|hold| !hold.told) && !fenced
    }

    fn deliver(&self, next: &mut State, n: usize) {
        let State { agent, nodes, .. } = next;
        let Some(Command { epoch, known }) = nodes[n].command.take() else { return };
        let stale = epoch < agent.heard && self.has(Guard::AgentsRefuse);
        match (known, stale) {
            (false, true) => {}
            (false, false) => {
                agent.heard = agent.heard.max(epoch);
                agent.trail.note(epoch, n);
            }
            (true, _) if epoch < agent.trail.epoch => {}
            (true, _) => {
                if self.has(Guard::AgentsListen) {
                    agent.heard = agent.heard.max(epoch);
                }
                agent.trail.note(epoch, n);
            }
        }
    }

    fn land(&self, next: &mut State, n: usize) {
        let State { db, nodes, .. } = next;
        let Some(Write { epoch, life }) = nodes[n].write.take() else { return };
        let right_life = |lease: Lease| lease.life == life || !self.has(Guard::FenceLives);
        if db.leases[n].is_some_and(right_life) || !self.has(Guard::FenceWrites) {
            db.written.note(epoch, n);
        }
    }
}

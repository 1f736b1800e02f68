//! What must hold in every state, and the search.

use cumulo_kernel::membership::Claim;
use cumulo_schema::Uuid;
use stateright::{Checker, DiscoveryClassification, HasDiscoveries, Model, Property};

use crate::{
    guard::Guard,
    settle::settles,
    state::{Beat, Database, Lease, Memory, Node, State},
    step::{Rules, Step, Subject},
};

/// No two nodes are at work that have a lease by their own clocks.
pub const ONE_AT_WORK: &str = "no two nodes work on one resource";
/// The database executes their writes in the order of epochs, one node an epoch.
pub const WRITES: &str = "writes come in the order of epochs";
/// The agent executes and answers their commands in the order of epochs, one node an epoch.
pub const COMMANDS: &str = "commands come in the order of epochs";
/// Epochs grow.
pub const EPOCHS: &str = "an epoch is later than all before";
/// The ring is about those who have a lease.
pub const MEMBERS: &str = "the members of the latest epoch are those with a lease";
/// Whatever happened, those that are left go on.
pub const OWNER: &str = "the resource gets an owner again";

impl Rules {
    /// Of up to three nodes, until the membership has changed so often.
    #[must_use]
    pub fn new(subject: Subject, nodes: usize, epochs: u8) -> Self {
        let ids = ["a", "b", "c"].map(|name| Uuid::ADMIN.derive(name));
        Self { subject, nodes, epochs, lease: 1, usable: 1, without: &[], beyond: None, ids }
    }

    /// The same without some pieces of the protocol.
    #[must_use]
    pub fn without(self, guards: &'static [Guard]) -> Self {
        Self { without: guards, ..self }
    }

    /// The same with clocks that differ by more than the code allows for: a node relies on a lease that is over.
    #[must_use]
    pub fn with_bad_clocks(self) -> Self {
        Self { usable: 2 * self.lease, ..self }
    }

    /// The same, and it is no matter whether `property` holds.
    #[must_use]
    pub fn beyond(self, property: &'static str) -> Self {
        Self { beyond: Some(property), ..self }
    }

    /// One node that has joined, with nothing in hand.
    fn one_node(&self) -> State {
        let mut state = State { db: Database::default(), agent: <_>::default(), nodes: <_>::default() };
        state.db.latest = 1;
        state.db.members[1] = 1;
        state.db.leases[0] = Some(Lease { life: 1, left: self.lease, adopted: 1, drained: 1 });
        let (life, left) = (1, self.usable);
        let memory = Memory { life, left, adopted: 1, shown: 1, entered: true, known_from: 1, ..Memory::default() };
        state.nodes[0] = Node { beat: Beat::Idle, memory, ..Node::default() };
        state
    }

    /// Searches everything within the bounds, up to the first thing that is wrong.
    #[must_use]
    pub fn search(self) -> Found {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let search = self.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let (mut wrong, mut seen) = (Vec::new(), Vec::new());
        for (name, path) in search.discoveries() {
            match search.discovery_classification(name) {
                DiscoveryClassification::Counterexample => wrong.push((name, path.into_actions())),
                DiscoveryClassification::Example => seen.push(name),
            }
        }
        Found { states: search.unique_state_count(), depth: search.max_depth(), wrong, seen }
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Steps of the longest of the shortest ways to a state.
    pub depth: usize,
    /// What does not hold, and the steps that lead there.
    pub wrong: Vec<(&'static str, Vec<Step>)>,
    /// What guards are for, and did happen.
    pub seen: Vec<&'static str>,
}

impl Found {
    /// Whether `property` does not hold.
    #[must_use]
    pub fn refutes(&self, property: &str) -> bool {
        self.wrong.iter().any(|(name, _)| *name == property)
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} states, up to {} steps deep", self.states, self.depth)?;
        for (name, steps) in &self.wrong {
            write!(f, "\nnot so: {name}")?;
            steps.iter().try_for_each(|step| write!(f, "\n  {step:?}"))?;
        }
        Ok(())
    }
}

impl Model for Rules {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let one = self.one_node();
        vec![one, State { db: Database::default(), nodes: <_>::default(), ..one }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.steps(state, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        Some(self.after(state, step)).filter(|next| next != state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_AT_WORK, |rules: &Self, state: &State| {
                state.nodes.iter().filter(|node| rules.works(node)).count() <= 1
            }),
            Property::always(WRITES, |_, state: &State| !state.db.written.broken),
            Property::always(COMMANDS, |_, state: &State| !state.agent.trail.broken),
            Property::always(EPOCHS, |_, state: &State| !state.db.stepped_back),
            Property::always(MEMBERS, |_, state: &State| {
                let leases = state.db.leases.iter().enumerate().filter(|(_, lease)| lease.is_some());
                let leased = leases.fold(0, |members, (node, _)| members | 1 << node);
                state.db.members[usize::from(state.db.latest)] == leased
            }),
            // What the guards are for does happen.
            Property::sometimes("a node waits for another", |rules: &Self, state: &State| {
                (0..rules.nodes)
                    .any(|n| state.nodes[n].memory.entered && matches!(rules.claim(state, n), Claim::Wait(_)))
            }),
            Property::sometimes("a paused node has in hand what another works on", |_, state: &State| {
                state.nodes.iter().filter(|node| node.hold.is_some()).count() > 1
            }),
        ];
        properties.push(match self.subject {
            Subject::Members => Property::always(OWNER, settles),
            Subject::Writes => Property::sometimes("a late write is refused", |_, state: &State| {
                let mut writes = state.nodes.iter().zip(&state.db.leases);
                writes.any(|(node, lease)| node.write.is_some_and(|write| lease.is_none_or(|l| l.life != write.life)))
            }),
            Subject::Commands => Property::sometimes("a late command is refused", |_, state: &State| {
                state.nodes.iter().any(|node| node.command.is_some_and(|command| command.epoch < state.agent.heard))
            }),
        });
        properties.retain(|property| Some(property.name) != self.beyond);
        properties
    }
}

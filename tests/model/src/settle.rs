//! What becomes of a state when nothing more goes wrong: those nodes that are still there do what they do, in turn.
//!
//! That the resource gets an owner again is a statement about the future, and the search could only show it along paths
//! that end. So it is asked of every state instead: let any set of the nodes be silent for ever, with leases and work in
//! hand, and the others run fairly; within so many beats exactly one of them may work.

use cumulo_kernel::membership::Claim;

use crate::{
    state::{Beat, Leaving, Sending, State},
    step::{Rules, Step},
};

/// Beats of every node after which all is settled: what is left of a lease runs out, and two for what follows from it.
const ROUNDS: u8 = 4;
/// Steps of one look at most, with others before it.
const STEPS: usize = 12;

/// Whether it ends well, whoever is silent.
pub(crate) fn settles(rules: &Rules, state: &State) -> bool {
    let there: u8 = (0..rules.nodes).filter(|n| state.nodes[*n].beat != Beat::Out).fold(0, |set, n| set | 1 << n);
    (1..=there).filter(|live| live & !there == 0).all(|live| settles_with(rules, state, live))
}

fn settles_with(rules: &Rules, from: &State, live: u8) -> bool {
    let mut state = *from;
    let live: Vec<usize> = (0..rules.nodes).filter(|n| live & 1 << n != 0).collect();
    let mut staying = live.clone();
    for _ in 0..ROUNDS + rules.lease {
        state = rules.after(&state, Step::Tick);
        for n in &live {
            renew(rules, &mut state, *n);
        }
        for n in &live {
            end(rules, &mut state, *n);
            if leave(rules, &mut state, *n) {
                staying.retain(|other| other != n);
            } else if staying.contains(n) {
                look(rules, &mut state, *n);
            }
        }
    }
    let working = staying.iter().filter(|n| rules.claim(&state, **n) == Claim::Mine && !state.nodes[**n].is_fenced());
    staying.is_empty() || working.count() == 1
}

fn renew(rules: &Rules, state: &mut State, n: usize) {
    let node = &state.nodes[n];
    if node.memory.entered && !matches!(node.beat, Beat::Out | Beat::GivenUp) && node.leaving == Leaving::No {
        *state = rules.after(state, Step::Renew(n, 0));
    }
}

/// Its work comes to an end, as it does when it is told, and else some day.
fn end(rules: &Rules, state: &mut State, n: usize) {
    if state.nodes[n].sending != Sending::No {
        *state = rules.after(state, Step::Send(n, false));
    }
    for step in [Step::Land(n), Step::End(n)] {
        *state = rules.after(state, step);
    }
}

/// Whether it leaves; then it has.
fn leave(rules: &Rules, state: &mut State, n: usize) -> bool {
    let leaves = state.nodes[n].leaving != Leaving::No;
    while state.nodes[n].leaving != Leaving::No {
        *state = rules.after(state, Step::LeaveOn(n));
    }
    leaves
}

/// Finishes what its heartbeat is at, gives up whose lease ran out, looks, and drains.
fn look(rules: &Rules, state: &mut State, n: usize) {
    until_idle(rules, state, n);
    for other in 0..rules.nodes {
        let late = state.db.leases[other].is_some_and(|lease| lease.left == 0);
        if other != n && late && state.nodes[n].memory.entered {
            *state = rules.after(state, Step::SeeLate(n, other));
            until_idle(rules, state, n);
        }
    }
    *state = rules.after(state, Step::Beat(n));
    until_idle(rules, state, n);
    *state = rules.after(state, Step::Drain(n));
}

fn until_idle(rules: &Rules, state: &mut State, n: usize) {
    for _ in 0..STEPS {
        *state = match state.nodes[n].beat {
            Beat::Idle if state.nodes[n].memory.entered => return,
            Beat::Out => rules.after(state, Step::Start(n)),
            _ => rules.after(state, Step::Beat(n)),
        };
    }
}

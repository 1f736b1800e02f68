//! How many jobs run at once, how many may wait for their turn, and no to the rest.
//!
//! What is accepted is promised, and costs memory until it is done; a node that accepts more than it gets done grows until
//! it dies. So there are two bounds: jobs over the first wait, in order, and calls over the second are not accepted, before
//! anything is recorded for them. They are told when to come back: after as long as the one at the head of the line has
//! waited, which is about how long a whole line takes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cumulo_schema::{ErrorCode, codes};
use tokio::sync::oneshot;

/// Bounds of what a caller who is sent away is told to wait.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// The places of one kind of job; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Admission(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    running: usize,
    line: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    go: oneshot::Sender<Slot>,
}

/// How many may run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
}

/// There is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy {
    /// How many wait.
    pub(crate) waiting: usize,
    /// When to try again.
    pub(crate) retry_after: Duration,
}

impl Busy {
    /// For who cannot be told in a header.
    pub(crate) fn error(self) -> ErrorCode {
        let (waiting, seconds) = (self.waiting, self.seconds());
        let text = format!("the management node is busy and {waiting} calls wait already; try again in {seconds} s");
        ErrorCode::new(codes::NOT_READY, text)
    }

    /// When to try again, in whole seconds.
    pub(crate) fn seconds(self) -> u64 {
        u64::try_from(self.retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

/// A place: a turn to run, or one in the line. Dropping it gives it up.
#[derive(Debug)]
pub(crate) enum Place {
    Now(Slot),
    InLine(oneshot::Receiver<Slot>),
}

/// A turn to run, until dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None` in one that nobody took.
    admission: Option<Admission>,
    bound: usize,
}

impl Admission {
    /// Takes a place.
    pub(crate) fn enter(&self, bounds: Bounds) -> Result<Place, Busy> {
        let mut state = self.lock();
        if state.running < bounds.running && state.line.is_empty() {
            state.running += 1;
            return Ok(Place::Now(self.slot(bounds.running)));
        }
        if state.line.len() >= bounds.waiting {
            // Those who gave up waiting do not count.
            state.line.retain(|waiting| !waiting.go.is_closed());
        }
        let waiting = state.line.len();
        if waiting >= bounds.waiting {
            let head = state.line.front().map_or(Duration::ZERO, |head| head.since.elapsed());
            return Err(Busy { waiting, retry_after: head.clamp(SHORTEST, LONGEST) });
        }
        let (go, turn) = oneshot::channel();
        state.line.push_back(Waiting { since: Instant::now(), go });
        self.fill(&mut state, bounds.running);
        Ok(Place::InLine(turn))
    }

    /// Takes a place for what was promised already, however long the line.
    pub(crate) fn enter_again(&self, running: usize) -> Place {
        let bounds = Bounds { running, waiting: usize::MAX };
        match self.enter(bounds) {
            Ok(place) => place,
            Err(busy) => unreachable!("a line without end is full: {busy:?}"),
        }
    }

    /// How many run and wait now.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.running, state.line.len())
    }

    fn slot(&self, bound: usize) -> Slot {
        Slot { admission: Some(self.clone()), bound }
    }

    /// Gives turns to who waits, as far as `bound` goes: it may have been raised since they came.
    fn fill(&self, state: &mut State, bound: usize) {
        while state.running < bound {
            let Some(next) = state.line.pop_front() else { return };
            match next.go.send(self.slot(bound)) {
                Ok(()) => state.running += 1,
                // Nobody waits for that turn; dropping it as it is would take this lock again.
                Err(mut unwanted) => unwanted.admission = None,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits for the turn. Can be dropped and the place is given up.
    pub(crate) async fn turn(self) -> Slot {
        match self {
            Place::Now(slot) => slot,
            Place::InLine(turn) => match turn.await {
                Ok(slot) => slot,
                // The sender stays in the line until it sends.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(admission) = self.admission.take() else { return };
        let mut state = admission.lock();
        state.running -= 1;
        admission.fill(&mut state, self.bound);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const BOUNDS: Bounds = Bounds { running: 2, waiting: 3 };

    fn slot(place: Place) -> Slot {
        place.turn().now_or_never().expect("it is its turn")
    }

    #[tokio::test]
    async fn so_many_run_so_many_wait_in_order_and_the_rest_are_sent_away() {
        let admission = Admission::default();
        let mut places: Vec<Place> = (0..5).map(|_| admission.enter(BOUNDS).expect("there is a place")).collect();
        assert_eq!(admission.depth(), (2, 3));
        let busy = admission.enter(BOUNDS).expect_err("full");
        assert_eq!((busy.waiting, busy.retry_after), (3, SHORTEST));
        let running: Vec<Slot> = places.drain(..2).map(slot).collect();
        let mut line = places.into_iter().map(Place::turn).map(Box::pin).collect::<VecDeque<_>>();
        assert!(line[0].as_mut().now_or_never().is_none());
        drop(running);
        assert_eq!(admission.depth(), (2, 1));
        let (first, second) = (line.pop_front().expect("first"), line.pop_front().expect("second"));
        let (first, second) = (first.now_or_never().expect("turn"), second.now_or_never().expect("turn"));
        assert!(line[0].as_mut().now_or_never().is_none(), "two run");
        drop((first, second));
        let last = line.pop_front().expect("last").now_or_never().expect("turn");
        drop(last);
        assert_eq!(admission.depth(), (0, 0));
    }

    #[tokio::test]
    async fn a_place_that_is_given_up_is_another_s() {
        let admission = Admission::default();
        let running: Vec<Slot> = (0..2).map(|_| slot(admission.enter(BOUNDS).expect("a place"))).collect();
        let mut line: Vec<Place> = (0..3).map(|_| admission.enter(BOUNDS).expect("a place")).collect();
        line.remove(0);
        line.push(admission.enter(BOUNDS).expect("the one given up"));
        assert!(admission.enter(BOUNDS).is_err());
        // Given up in the line, and given up in the moment the turn comes.
        line.remove(0);
        drop(running);
        drop(line);
        assert_eq!(admission.depth(), (0, 0));
    }

    #[tokio::test]
    async fn a_bound_that_is_raised_lets_those_in_who_wait() {
        let admission = Admission::default();
        let one = Bounds { running: 1, waiting: 9 };
        let _running = slot(admission.enter(one).expect("a place"));
        let waiting = admission.enter(one).expect("a place");
        let more = Bounds { running: 3, waiting: 9 };
        let (_second, _third) = (admission.enter(more).expect("a place"), slot(waiting));
        assert_eq!(admission.depth(), (3, 0));
    }
}

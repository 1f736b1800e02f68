//! Which agents answer, as far as this node knows.
//!
//! An agent is **away** when whoever watches it (the pings) recorded so, on whatever node that is. The record is what counts
//! ([`AgentWatch`]); a *suspicion* only says that it is worth reading: a command to any other agent reads nothing. So an event
//! that comes late, twice or not at all does no harm. One that comes in time ends what waits for the agent at once.
//!
//! An agent is **silent** from the first try that was not answered until one is. That is known in milliseconds and says
//! less: it may only have been restarted. All commands share it, so that of many to one agent each does not wait as long
//! as the first did before it is given up. It is forgotten when nothing was tried for a while, since pings of other nodes are
//! not heard of here.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cumulo_kernel::Kernel;
use cumulo_schema::{ErrorCode, Uuid};
use tokio::{sync::watch, time::Instant};

/// How long a try that was not answered says something of the agent.
const MEMORY: Duration = Duration::from_secs(15);
/// How often an agent that was given up is tried all the same.
const PROBE: Duration = Duration::from_secs(5);

/// Knows which agents were found to be away: extension point of whoever has their records.
#[async_trait]
pub trait AgentWatch: Send + Sync {
    /// Whether it is recorded of `agent` that it does not answer. Not so of one that is being connected, nor of one that
    /// it does not know. Asked before and while something is asked of an agent that may be away, so it should cost little.
    async fn is_away(&self, agent: Uuid) -> Result<bool, ErrorCode>;
}

/// What this node knows of all agents.
pub(crate) struct Reach {
    kernel: Kernel,
    suspects: watch::Sender<HashSet<Uuid>>,
    silent: Mutex<HashMap<Uuid, Silence>>,
}

/// Of one agent, since it last answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Silence {
    /// When the first try began that was not answered.
    since: Instant,
    /// When the last one ended.
    last: Instant,
}

impl Silence {
    /// With a try more, from `begun` to `now`, that was not answered.
    fn longer(before: Option<Self>, begun: Instant, now: Instant) -> Self {
        let before = before.filter(|silence| begun.saturating_duration_since(silence.last) <= MEMORY);
        Self { since: before.map_or(begun, |silence| silence.since.min(begun)), last: now }
    }

    /// How long it has lasted; `None` where nothing was tried for a while.
    fn lasted(self, now: Instant) -> Option<Duration> {
        let is_fresh = now.saturating_duration_since(self.last) <= MEMORY;
        is_fresh.then(|| now.saturating_duration_since(self.since))
    }

    /// Whether an agent that may be silent for `patience` was so at the last try.
    fn is_over(self, patience: Duration) -> bool {
        self.last.saturating_duration_since(self.since) >= patience
    }
}

impl Reach {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self { kernel, suspects: watch::Sender::default(), silent: Mutex::default() }
    }

    /// It may be recorded of `agent` that it is away: what it has not accepted yet is looked at again.
    pub(crate) fn suspect(&self, agent: Uuid) {
        self.suspects.send_if_modified(|suspects| suspects.insert(agent));
    }

    /// Whether `agent` is away. Reads its record only where there is a suspicion, and ends that where it is wrong.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub(crate) async fn is_away(&self, agent: Uuid) -> Result<bool, ErrorCode> {
        if !self.suspects.borrow().contains(&agent) {
            return Ok(false);
        }
        let away = self.is_recorded_away(agent).await?;
        if !away {
            self.trust(agent);
        }
        Ok(away)
    }

    /// Whether `agent` is away, as it is recorded; a suspicion from then on where it is.
    pub(crate) async fn look(&self, agent: Uuid) -> bool {
        match self.is_recorded_away(agent).await {
            Ok(away) => {
                if away {
                    self.suspect(agent);
                }
                away
            }
            Err(error) => {
                tracing::debug!(%agent, %error, "nobody knows whether an agent is away");
                false
            }
        }
    }

    /// Ends when `agent` is found to be away.
    pub(crate) async fn lost(&self, agent: Uuid) {
        let mut suspects = self.suspects.subscribe();
        loop {
            // The sender lives as long as this does.
            let _ = suspects.wait_for(|suspects| suspects.contains(&agent)).await;
            match self.is_recorded_away(agent).await {
                Ok(true) => return,
                // What cannot be read now is read when the next try fails.
                Ok(false) | Err(_) => self.trust(agent),
            }
        }
    }

    async fn is_recorded_away(&self, agent: Uuid) -> Result<bool, ErrorCode> {
        for watch in self.kernel.registry().all::<dyn AgentWatch>() {
            if watch.is_away(agent).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn trust(&self, agent: Uuid) {
        self.suspects.send_if_modified(|suspects| {
            suspects.remove(&agent);
            false
        });
    }

    /// `agent` answered something.
    pub(crate) fn answered(&self, agent: Uuid) {
        self.silent().remove(&agent);
    }

    /// `agent` did not answer what it was asked at `begun`. For how long it has been silent.
    pub(crate) fn unanswered(&self, agent: Uuid, begun: Instant) -> Duration {
        let (mut silent, now) = (self.silent(), Instant::now());
        let silence = Silence::longer(silent.get(&agent).copied(), begun, now);
        silent.insert(agent, silence);
        now.saturating_duration_since(silence.since)
    }

    /// For how long `agent` has been silent, where it is.
    pub(crate) fn silent_for(&self, agent: Uuid) -> Option<Duration> {
        self.silent().get(&agent)?.lasted(Instant::now())
    }

    /// Whether `agent` is worth a try, where it may be silent for `patience`. Of one that was given up this is so for one
    /// command now and then.
    pub(crate) fn is_worth_a_try(&self, agent: Uuid, patience: Duration) -> bool {
        let (mut silent, now) = (self.silent(), Instant::now());
        let Some(silence) = silent.get_mut(&agent) else { return true };
        if !silence.is_over(patience) {
            return true;
        }
        let is_due = now.saturating_duration_since(silence.last) >= PROBE;
        if is_due {
            silence.last = now;
        }
        is_due
    }

    /// Nothing is known of `agent` any more.
    pub(crate) fn forget(&self, agent: Uuid) {
        self.answered(agent);
        self.trust(agent);
    }

    fn silent(&self) -> MutexGuard<'_, HashMap<Uuid, Silence>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lasts_from_the_first_try_that_was_not_answered_and_is_forgotten_when_nothing_is_tried() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let silence = Silence::longer(None, start, start + 5 * second);
        assert_eq!(silence.lasted(start + 6 * second), Some(6 * second));
        let longer = Silence::longer(Some(silence), start + 7 * second, start + 12 * second);
        assert_eq!(longer, Silence { since: start, last: start + 12 * second });
        // One that began before the others.
        let earlier = Silence::longer(Some(longer), start - 2 * second, start + 13 * second);
        assert_eq!(earlier.lasted(start + 13 * second), Some(15 * second));
        let late = earlier.last + MEMORY + second;
        assert_eq!(earlier.lasted(late), None, "it may have come back long ago");
        assert_eq!(Silence::longer(Some(earlier), late, late).lasted(late), Some(Duration::ZERO));
    }

    #[test]
    fn an_agent_may_be_silent_for_a_while() {
        let (start, patience) = (Instant::now(), Duration::from_secs(15));
        let silence = |seconds| Silence { since: start, last: start + Duration::from_secs(seconds) };
        assert!(!silence(14).is_over(patience) && silence(15).is_over(patience));
    }
}

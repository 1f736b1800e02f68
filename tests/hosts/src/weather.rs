//! What goes wrong at the moment, as ordered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::control::{Order, Passage};

/// What is to become of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It is told.
    Told,
    /// It is lost for good, and the agent does not know.
    Lost,
    /// It is told twice.
    Doubled,
}

/// Of all machines.
#[derive(Debug)]
pub struct Weather {
    state: watch::Sender<State>,
    replies: Mutex<Replies>,
    chance: Option<Chance>,
}

/// How much longer the next command takes, beside what is ordered.
struct Chance(Box<dyn Fn() -> Duration + Send + Sync>);

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}

#[derive(Debug, Default)]
struct State {
    work: Duration,
    hung: BTreeSet<IpAddr>,
    cut: BTreeMap<IpAddr, Passage>,
}

#[derive(Debug, Default)]
struct Replies {
    to_lose: u64,
    to_double: u64,
}

impl Weather {
    /// Nothing goes wrong; commands take `work` longer.
    #[must_use]
    pub fn new(work: Duration) -> Self {
        Self { state: watch::Sender::new(State { work, ..State::default() }), replies: Mutex::default(), chance: None }
    }

    /// With commands that take so much longer as `chance` says of each.
    #[must_use]
    pub fn with_chance(self, chance: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { chance: Some(Chance(Box::new(chance))), ..self }
    }

    /// From now on it is as `order` says.
    pub fn order(&self, order: &Order) {
        match *order {
            Order::Work { ms } => self.state.send_modify(|state| state.work = Duration::from_millis(ms)),
            Order::Hang { machine } => self.state.send_modify(|state| {
                state.hung.insert(machine);
            }),
            Order::Release { machine } => self.state.send_modify(|state| {
                state.hung.remove(&machine);
            }),
            Order::Cut { manager, passage } => self.state.send_modify(|state| {
                state.cut.insert(manager, passage);
            }),
            Order::LoseReplies { count } => self.replies().to_lose += count,
            Order::DoubleReplies { count } => self.replies().to_double += count,
        }
    }

    /// How much longer the next command takes.
    pub fn work(&self) -> Duration {
        let chance = self.chance.as_ref().map(|Chance(draw)| draw());
        self.state.borrow().work + chance.unwrap_or_default()
    }

    /// Waits until `machine` answers.
    pub async fn answers(&self, machine: IpAddr) {
        // The sender is here, so it does not end before that.
        let _ = self.state.subscribe().wait_for(|state| !state.hung.contains(&machine)).await;
    }

    /// Waits while nothing is heard of `manager`; false where the way to it is broken.
    pub async fn reaches(&self, manager: IpAddr) -> bool {
        let mut told = self.state.subscribe();
        let heard = told.wait_for(|state| state.cut.get(&manager) != Some(&Passage::Silent)).await;
        heard.is_ok_and(|state| state.cut.get(&manager) != Some(&Passage::Broken))
    }

    /// Whether nothing is to become of the outcome that comes next but that it is told.
    pub fn is_to_be_told(&self) -> bool {
        let replies = self.replies();
        replies.to_lose == 0 && replies.to_double == 0
    }

    /// What is to become of the outcome that comes next.
    pub fn reply(&self) -> Reply {
        let mut replies = self.replies();
        if replies.to_lose > 0 {
            replies.to_lose -= 1;
            Reply::Lost
        } else if replies.to_double > 0 {
            replies.to_double -= 1;
            Reply::Doubled
        } else {
            Reply::Told
        }
    }

    fn replies(&self) -> std::sync::MutexGuard<'_, Replies> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What goes wrong at the moment, as ordered.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cumulo_sim_hosts::control::{Order, Passage};
use tokio::sync::watch;

/// What is to become of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Told,
    Lost,
    Doubled,
}

/// Of all machines.
#[derive(Debug)]
pub(crate) struct Weather {
    state: watch::Sender<State>,
    replies: Mutex<Replies>,
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
    pub(crate) fn new(work: Duration) -> Self {
        Self { state: watch::Sender::new(State { work, ..State::default() }), replies: Mutex::default() }
    }

    pub(crate) fn order(&self, order: &Order) {
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

    /// How much longer a command takes.
    pub(crate) fn work(&self) -> Duration {
        self.state.borrow().work
    }

    /// Waits until `machine` answers.
    pub(crate) async fn answers(&self, machine: IpAddr) {
        // The sender is here, so it does not end before that.
        let _ = self.state.subscribe().wait_for(|state| !state.hung.contains(&machine)).await;
    }

    /// Waits while nothing is heard of `manager`; false where the way to it is broken.
    pub(crate) async fn reaches(&self, manager: IpAddr) -> bool {
        let mut told = self.state.subscribe();
        let heard = told.wait_for(|state| state.cut.get(&manager) != Some(&Passage::Silent)).await;
        heard.is_ok_and(|state| state.cut.get(&manager) != Some(&Passage::Broken))
    }

    /// Whether nothing is to become of the outcome that comes next but that it is told.
    pub(crate) fn is_to_be_told(&self) -> bool {
        let replies = self.replies();
        replies.to_lose == 0 && replies.to_double == 0
    }

    /// What is to become of the outcome that comes next.
    pub(crate) fn reply(&self) -> Reply {
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

//! The states of a VM on a host and how verbs change them: pure, shared by the real and the simulated host.

use std::fmt;

use cumulo_proto::VmState;

/// The state of a VM the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum DomainState {
    /// It runs, or is on its way down and still there.
    Running,
    /// Its CPUs are stopped.
    Paused,
    /// Defined, and not running.
    Stopped,
    /// It died.
    Crashed,
}

/// What can be done to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Switch it on.
    Start,
    /// Press its power button; whether it obeys is its own affair.
    PressPower,
    /// Pull the plug.
    PowerOff,
    /// Stop its CPUs.
    Suspend,
    /// Let its CPUs go on.
    Resume,
    /// Forget it.
    Undefine,
}

impl DomainState {
    /// The state after `verb`, where that is allowed: `Some(None)` means gone.
    pub fn after(self, verb: Verb) -> Option<Option<Self>> {
        use DomainState::{Crashed, Paused, Running, Stopped};
        let state = match (self, verb) {
            (Stopped | Crashed, Verb::Start) | (Paused, Verb::Resume) | (Running, Verb::PressPower) => Some(Running),
            (Running | Paused | Crashed, Verb::PowerOff) => Some(Stopped),
            (Running, Verb::Suspend) => Some(Paused),
            (Stopped | Crashed, Verb::Undefine) => None,
            _ => return None,
        };
        Some(state)
    }

    /// As reports tell it.
    pub fn to_proto(self) -> VmState {
        match self {
            Self::Running => VmState::Running,
            Self::Paused => VmState::Paused,
            Self::Stopped => VmState::Stopped,
            Self::Crashed => VmState::Crashed,
        }
    }
}

impl fmt::Display for DomainState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
        })
    }
}

impl Verb {
    /// For sentences: "could not … VM x".
    pub fn text(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::PressPower => "press the power button of",
            Self::PowerOff => "power off",
            Self::Suspend => "pause",
            Self::Resume => "resume",
            Self::Undefine => "undefine",
        }
    }
}

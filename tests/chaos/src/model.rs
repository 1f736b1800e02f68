//! What a VM is and becomes, as its owner knows it: pure, and much simpler than the program it is held against.

/// What a VM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    Paused,
    Stopped,
    Destroyed,
}

/// What its owner does to a VM that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Start,
    Stop,
    Reboot,
    Pause,
    Resume,
    /// Gives it a NIC on the second L3 network.
    Attach,
    /// Takes that NIC away.
    Detach,
    Destroy,
    Recover,
    Expunge,
}

/// A VM; one that is gone is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) power: Power,
    /// Whether it has a NIC on the second L3 network too.
    pub(crate) second_nic: bool,
}

impl Power {
    /// The word for it on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Power::Running => "Running",
            Power::Paused => "Paused",
            Power::Stopped => "Stopped",
            Power::Destroyed => "Destroyed",
        }
    }
}

impl Shape {
    /// A VM that was just created.
    pub(crate) const NEW: Self = Self { power: Power::Running, second_nic: false };

    /// What can be done to it now.
    pub(crate) fn choices(self) -> Vec<Act> {
        let nic = if self.second_nic { Act::Detach } else { Act::Attach };
        match self.power {
            Power::Running => vec![Act::Stop, Act::Reboot, Act::Reboot, Act::Pause, nic, nic, Act::Destroy],
            Power::Paused => vec![Act::Resume, Act::Resume, Act::Stop],
            Power::Stopped => vec![Act::Start, Act::Start, nic, Act::Destroy],
            Power::Destroyed => vec![Act::Recover, Act::Expunge],
        }
    }

    /// What it is after `act`; `None` when it is gone.
    pub(crate) fn after(self, act: Act) -> Option<Self> {
        let power = match act {
            Act::Start | Act::Reboot | Act::Resume => Power::Running,
            Act::Stop | Act::Recover => Power::Stopped,
            Act::Pause => Power::Paused,
            Act::Destroy => Power::Destroyed,
            Act::Attach | Act::Detach => self.power,
            Act::Expunge => return None,
        };
        let second_nic = match act {
            Act::Attach => true,
            Act::Detach => false,
            _ => self.second_nic,
        };
        Some(Self { power, second_nic })
    }

    /// The command that `act` on it gives the host, as [`cumulo_plugin_simulator::SimulatorTask`] names it, where it is
    /// given for nothing else: a start that fails and the end of a VM both destroy the guest.
    pub(crate) fn command(self, act: Act) -> Option<&'static str> {
        match act {
            Act::Start => Some("start"),
            Act::Stop => Some("stop"),
            Act::Reboot => Some("reboot"),
            Act::Pause => Some("pause"),
            Act::Resume => Some("resume"),
            Act::Attach if self.power == Power::Running => Some("attach-nic"),
            Act::Detach if self.power == Power::Running => Some("detach-nic"),
            Act::Attach | Act::Detach | Act::Destroy | Act::Recover | Act::Expunge => None,
        }
    }

    /// Whether `act`, done by the host and given up, leaves a VM off that was up.
    pub(crate) fn is_left_off_by(self, act: Act) -> bool {
        matches!(self.power, Power::Running | Power::Paused) && matches!(act, Act::Stop | Act::Destroy)
    }

    /// The command that takes back what `act` did, should it fail.
    pub(crate) fn opposite(self, act: Act) -> Option<&'static str> {
        match act {
            Act::Pause => self.command(Act::Resume),
            Act::Resume => self.command(Act::Pause),
            Act::Attach => self.command(Act::Detach),
            Act::Detach => self.command(Act::Attach),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_reached_and_left() {
        let (mut open, mut seen) = (vec![Shape::NEW], vec![]);
        while let Some(shape) = open.pop() {
            if seen.contains(&shape) {
                continue;
            }
            assert!(!shape.choices().is_empty(), "nothing leads on from {shape:?}");
            open.extend(shape.choices().into_iter().filter_map(|act| shape.after(act)));
            seen.push(shape);
        }
        assert_eq!(seen.len(), 8, "four states, each with one NIC and with two: {seen:?}");
        let changes = |shape: &Shape| {
            shape.choices().into_iter().all(|act| act == Act::Reboot || shape.after(act) != Some(*shape))
        };
        assert!(seen.iter().all(changes), "but for a reboot, whatever is done is seen afterwards");
    }
}

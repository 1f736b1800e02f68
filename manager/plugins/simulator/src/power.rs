//! What a VM on a simulated host is, and what it becomes: pure, and the same transitions as on a real one.

use cumulo_schema::wire_enum;

wire_enum! {
    /// What a VM is on its host. One that is off is not there at all.
    pub enum Power { Running, Paused }
}

/// What is done to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Make sure it runs; also what a reboot ends in.
    Start,
    /// Make sure it is off.
    Stop,
    /// Freeze it.
    Pause,
    /// Unfreeze it.
    Resume,
}

impl Act {
    /// What a VM becomes that was `before`, `None` being off; `Err` when it would have to be on for that.
    pub(crate) fn on(self, before: Option<Power>) -> Result<Option<Power>, NotRunning> {
        match (self, before) {
            (Act::Start, _) | (Act::Resume, Some(_)) => Ok(Some(Power::Running)),
            (Act::Pause, Some(_)) => Ok(Some(Power::Paused)),
            (Act::Stop, _) => Ok(None),
            (Act::Pause | Act::Resume, None) => Err(NotRunning),
        }
    }
}

/// A VM that is off cannot be frozen or unfrozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotRunning;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_can_be_repeated_and_only_what_is_on_can_be_frozen() {
        let states = [None, Some(Power::Running), Some(Power::Paused)];
        for act in [Act::Start, Act::Stop, Act::Pause, Act::Resume] {
            for before in states {
                match act.on(before) {
                    Ok(after) => assert_eq!(act.on(after), Ok(after), "{act:?} of {before:?}, twice"),
                    Err(NotRunning) => assert!(before.is_none() && matches!(act, Act::Pause | Act::Resume)),
                }
            }
        }
        assert_eq!(Act::Start.on(Some(Power::Paused)), Ok(Some(Power::Running)));
        assert_eq!(Act::Pause.on(Some(Power::Running)), Ok(Some(Power::Paused)));
        assert_eq!(Act::Stop.on(Some(Power::Paused)), Ok(None));
    }
}

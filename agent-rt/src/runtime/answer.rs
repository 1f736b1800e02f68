//! Outcomes that go with the answer to their command.
//!
//! Most commands take milliseconds, and telling their outcome in a request of its own would cost as much again as asking for
//! them. Nothing depends on the answer's arrival: an outcome stays in the journal, and a manager that lost the answer asks
//! again for the same task.

use std::time::Duration;

use cumulo_proto::Outcome;
use tokio::{sync::oneshot, time::timeout};

/// The longest that an answer waits for an outcome, whatever the manager says.
const LONGEST: Duration = Duration::from_secs(2);

/// Where an outcome is waited for.
pub(super) struct Answer(oneshot::Sender<Outcome>);

impl Answer {
    /// Gives it to who waits; gives it back when nobody does any more.
    pub(super) fn give(self, outcome: Outcome) -> Option<Outcome> {
        self.0.send(outcome).err()
    }
}

/// An outcome that may come.
pub(super) struct Awaited(Option<(oneshot::Receiver<Outcome>, Duration)>);

/// Both ends of waiting for so many milliseconds; nobody waits for none.
pub(super) fn within(ms: u32) -> (Option<Answer>, Awaited) {
    if ms == 0 {
        return (None, Awaited(None));
    }
    let (answer, awaited) = oneshot::channel();
    (Some(Answer(answer)), Awaited(Some((awaited, Duration::from_millis(ms.into()).min(LONGEST)))))
}

impl Awaited {
    /// The outcome, where it comes in time. One that was given is not lost, however late.
    pub(super) async fn outcome(self) -> Option<Outcome> {
        let (mut awaited, patience) = self.0?;
        if let Ok(outcome) = timeout(patience, &mut awaited).await {
            return outcome.ok();
        }
        awaited.close();
        awaited.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        Outcome { task_id: "t".into(), ..Outcome::default() }
    }

    #[tokio::test]
    async fn an_outcome_is_either_in_the_answer_or_given_back() {
        let (answer, awaited) = within(10);
        assert_eq!(answer.expect("it is waited for").give(outcome()), None);
        assert_eq!(awaited.outcome().await, Some(outcome()));

        let (answer, awaited) = within(10);
        assert_eq!(awaited.outcome().await, None, "too late");
        assert_eq!(answer.expect("it was waited for").give(outcome()), Some(outcome()));

        let (answer, awaited) = within(10);
        drop(answer);
        assert_eq!(awaited.outcome().await, None, "at once: it is told in another way");

        let (answer, awaited) = within(0);
        assert!(answer.is_none());
        assert_eq!(awaited.outcome().await, None);
    }
}

//! What was received already, so that a message that comes twice has its effect once.
//!
//! The broker delivers again what was not acknowledged, and callers send again what was not answered. An id is remembered
//! until the message's deadline: after it nobody sends it any more, and whoever does finds it expired. The answer is kept
//! only as long as its caller may still ask for it, since answers are large and ids are small.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::{Duration, Instant},
};

use bytes::Bytes;
use cumulo_schema::Uuid;

/// How long an answer is kept for a caller that did not get it. Callers ask again at least every half minute.
pub(super) const KEEP_ANSWER: Duration = Duration::from_mins(2);

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is to be handled now.
    New,
    /// It is being handled.
    Running,
    /// It was answered so.
    Answered(Bytes),
    /// It was answered long ago.
    Forgotten,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    entries: HashMap<Uuid, Entry>,
    due: BinaryHeap<Reverse<(Instant, Uuid)>>,
}

#[derive(Debug)]
struct Entry {
    until: Instant,
    state: Known,
    /// Where the caller waits now; a caller that connected anew waits elsewhere.
    reply_to: Option<String>,
}

impl Seen {
    /// Notes that `id` was received, and says what had been known of it. It is remembered until `until`.
    pub(super) fn begin(&mut self, id: Uuid, until: Instant, reply_to: Option<&str>, now: Instant) -> Known {
        self.forget(now);
        let reply_to = reply_to.map(str::to_owned);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.reply_to = reply_to;
            return entry.state.clone();
        }
        self.entries.insert(id, Entry { until, state: Known::Running, reply_to });
        self.due.push(Reverse((until, id)));
        Known::New
    }

    /// Notes the answer to `id` and says where it goes.
    pub(super) fn finish(&mut self, id: Uuid, answer: Bytes, now: Instant) -> Option<String> {
        let entry = self.entries.entry(id).or_insert(Entry { until: now, state: Known::Running, reply_to: None });
        entry.state = Known::Answered(answer);
        let keep = now + KEEP_ANSWER;
        // What took longer than its deadline is remembered a little longer: it may have been sent again meanwhile.
        entry.until = entry.until.max(keep);
        self.due.push(Reverse((keep, id)));
        self.due.push(Reverse((entry.until, id)));
        entry.reply_to.clone()
    }

    fn forget(&mut self, now: Instant) {
        while let Some(Reverse((due, id))) = self.due.peek().copied() {
            if due > now {
                return;
            }
            self.due.pop();
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            match entry.state {
                Known::Answered(_) if entry.until > now => entry.state = Known::Forgotten,
                Known::Answered(_) | Known::Forgotten if entry.until <= now => {
                    self.entries.remove(&id);
                }
                // What still runs is remembered until it ends.
                _ => {}
            }
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_message_is_new_once() {
        let (mut seen, now, id) = (Seen::default(), Instant::now(), Uuid::random());
        let until = now + 10 * MINUTE;
        assert_eq!(seen.begin(id, until, Some("a"), now), Known::New);
        assert_eq!(seen.begin(id, until, Some("b"), now), Known::Running);
        assert_eq!(seen.finish(id, Bytes::from_static(b"x"), now).as_deref(), Some("b"), "where it waits now");
        assert_eq!(seen.begin(id, until, Some("b"), now), Known::Answered(Bytes::from_static(b"x")));
    }

    #[test]
    fn an_answer_is_forgotten_before_its_message_is() {
        let (mut seen, now, id) = (Seen::default(), Instant::now(), Uuid::random());
        let until = now + 10 * MINUTE;
        seen.begin(id, until, None, now);
        seen.finish(id, Bytes::from_static(b"x"), now);
        assert_eq!(seen.begin(id, until, None, now + 3 * MINUTE), Known::Forgotten);
        assert_eq!(seen.begin(id, until + 20 * MINUTE, None, now + 11 * MINUTE), Known::New);
        assert_eq!(seen.len(), 1, "the old one is gone");
    }

    #[test]
    fn what_runs_over_its_deadline_is_not_started_again() {
        let (mut seen, now, id) = (Seen::default(), Instant::now(), Uuid::random());
        seen.begin(id, now + MINUTE, None, now);
        assert_eq!(seen.begin(id, now + MINUTE, None, now + 2 * MINUTE), Known::Running);
        seen.finish(id, Bytes::new(), now + 3 * MINUTE);
        assert_eq!(seen.begin(id, now + MINUTE, None, now + 4 * MINUTE), Known::Answered(Bytes::new()));
        assert_eq!(seen.begin(Uuid::random(), now + 9 * MINUTE, None, now + 8 * MINUTE), Known::New);
        assert_eq!(seen.len(), 1, "the first is gone");
    }
}

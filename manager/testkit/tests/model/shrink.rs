//! Making a sequence that fails as short as it can be: without what comes after the failure, then without halves of what is
//! left, then without smaller pieces, at last without single calls. Each time a fresh node plays what is left, and what
//! depends on a dropped call is dropped with it, since the model finds no sense in it.

use crate::{
    cloud::Mistake,
    op::Op,
    play::{Failure, play},
    script::script,
};

/// A sequence that fails.
pub(crate) struct Failing {
    pub(crate) ops: Vec<Op>,
    pub(crate) failure: Failure,
    /// Calls that were played.
    pub(crate) calls: usize,
}

/// Plays `ops`; what comes of them where they fail, and how many calls that were.
pub(crate) async fn fails(ops: &[Op], mistake: Option<Mistake>) -> Result<usize, Failing> {
    let script = script(ops, mistake, |_| true);
    match play(&script.text).await {
        None => Ok(script.ops.len()),
        Some(failure) => {
            let calls = script.until(failure.line).min(script.ops.len());
            Err(Failing { ops: script.ops[..calls].to_vec(), failure, calls })
        }
    }
}

/// The text of the shortest scenario that fails as `failing` does, and how that fails. Only of the last call, if that shows it
/// too, it asks what came of it.
pub(crate) async fn written(failing: Failing, mistake: Option<Mistake>) -> (String, Failure) {
    let Failing { ops, failure, .. } = shortest(failing, mistake).await;
    let terse = script(&ops, mistake, |place| place + 1 == ops.len()).text;
    match play(&terse).await {
        Some(again) if again.verb == failure.verb => (terse, again),
        _ => (script(&ops, mistake, |_| true).text, failure),
    }
}

/// As few of the calls of `failing` as fail at the same question.
async fn shortest(mut failing: Failing, mistake: Option<Mistake>) -> Failing {
    let mut piece = failing.ops.len().div_ceil(2);
    loop {
        let before = failing.ops.len();
        // What came late is dropped first, since less depends on it.
        let mut end = before;
        while end > 0 {
            let start = end.saturating_sub(piece);
            let fewer = [&failing.ops[..start], &failing.ops[end..]].concat();
            end = start;
            // The last call is what showed it. Where it hangs on a dropped one nothing is shown, and nothing needs to be played.
            if script(&fewer, mistake, |_| true).ops.last() != fewer.last() {
                continue;
            }
            if let Err(shorter) = fails(&fewer, mistake).await
                && shorter.failure.verb == failing.failure.verb
            {
                failing = shorter;
                end = end.min(failing.ops.len());
            }
        }
        match piece {
            // Dropping one may have made another superfluous.
            1 if failing.ops.len() == before => return failing,
            _ => piece = piece.div_ceil(2).max(1),
        }
    }
}

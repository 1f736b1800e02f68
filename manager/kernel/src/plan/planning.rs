//! The notes of a call that is only planned; they travel with its context.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cumulo_schema::ErrorCode;
use serde_json::{Map, Value};

use super::{Plan, PlanStep, Touched};
use crate::db::DbError;

tokio::task_local! {
    static PLANNING: Option<Planning>;
}

/// A plan in the making; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Planning(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    steps: Vec<PlanStep>,
    /// By kind and effect: rows with a name, and how many have none.
    touched: BTreeMap<(String, String), (Vec<String>, usize)>,
    vetoes: Vec<ErrorCode>,
    explanations: Map<String, Value>,
    stopped: bool,
}

impl Planning {
    /// That of the current call; `None` when it is to be done.
    #[must_use]
    pub fn current() -> Option<Self> {
        PLANNING.try_with(Clone::clone).ok().flatten()
    }

    /// Runs `work` as planned.
    pub(crate) fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        PLANNING.scope(Some(self.clone()), work)
    }

    /// Runs `work` as the current task does its own: planned or not.
    pub(crate) fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
        PLANNING.scope(Self::current(), work)
    }

    /// Notes a step.
    pub fn step(&self, name: impl Into<String>, description: impl Into<String>, count: Option<usize>) {
        self.notes().steps.push(PlanStep { name: name.into(), description: description.into(), count });
    }

    /// Notes that `effect` happens to the rows of the kind `vo` that are named in `rows`.
    pub fn touch(&self, vo: &str, effect: &str, rows: impl IntoIterator<Item = impl ToString>) {
        self.touch_named(vo, effect, rows.into_iter().map(|row| row.to_string()).collect());
    }

    /// As [`Planning::touch`], for rows that are named already.
    pub(crate) fn touch_named(&self, vo: &str, effect: &str, mut rows: Vec<String>) {
        if !rows.is_empty() {
            self.notes().touched.entry((vo.to_owned(), effect.to_owned())).or_default().0.append(&mut rows);
        }
    }

    /// As [`Planning::touch`], for rows of which only the number is known.
    pub fn touch_some(&self, vo: &str, effect: &str, count: usize) {
        if count > 0 {
            self.notes().touched.entry((vo.to_owned(), effect.to_owned())).or_default().1 += count;
        }
    }

    /// Notes why the call would be refused or stop.
    pub fn veto(&self, why: ErrorCode) {
        self.notes().vetoes.push(why);
    }

    /// Notes how a choice is made.
    pub fn explain(&self, choice: &str, explanation: Value) {
        self.notes().explanations.insert(choice.to_owned(), explanation);
    }

    /// Ends the call here: what it does next would depend on what was not done. The error unwinds the handler and is shown
    /// to nobody.
    #[must_use]
    pub fn stop(&self) -> ErrorCode {
        self.notes().stopped = true;
        ErrorCode::internal("only planned")
    }

    /// As [`Planning::stop`], for the database.
    pub(crate) fn stop_write(&self) -> DbError {
        self.notes().stopped = true;
        DbError::Planned
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.notes().stopped
    }

    pub(crate) fn finish(self, api: &str) -> Plan {
        let notes = std::mem::take(&mut *self.notes());
        let touched = notes.touched.into_iter().map(|((resource, effect), (mut named, unnamed))| {
            // A row may be touched for several reasons. Sorted at the end, which costs a fraction of keeping a set.
            named.sort_unstable();
            named.dedup();
            Touched { resource, effect, count: named.len() + unnamed, uuids: named }
        });
        Plan {
            api: api.to_owned(),
            steps: notes.steps,
            resources: touched.filter(|touched| touched.count > 0).collect(),
            vetoes: notes.vetoes,
            explanations: notes.explanations,
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For doors outside the kernel: refuses to go through where the call is only planned, and notes what would be done.
///
/// # Errors
/// What unwinds a planned call.
pub fn door(name: &str, description: &str) -> Result<(), ErrorCode> {
    match Planning::current() {
        None => Ok(()),
        Some(planning) => {
            planning.step(name, description, None);
            Err(planning.stop())
        }
    }
}

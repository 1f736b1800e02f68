//! Doing it.

use cumulo_schema::{ErrorCode, Uuid, codes};

use super::{Cascade, Effect, Work, draft::DraftStep};
use crate::plan::Planning;

impl Cascade {
    /// Deletes `uuids` of the kind `vo` with all consequences. `enforcing` goes on over branches that fail.
    ///
    /// # Errors
    /// SYS.1004 with the branch that failed as cause; nothing above it was changed. When enforcing, only the failure of
    /// the resource's own deletion.
    pub async fn delete(&self, vo: &'static str, uuids: Vec<Uuid>, enforcing: bool) -> Result<(), ErrorCode> {
        if let Some(planning) = Planning::current() {
            planning.note_delete(self, vo, &uuids, enforcing).await?;
            return Err(planning.stop());
        }
        let draft = self.draft(vo, &uuids).await?;
        for step in &draft.steps {
            let work = Work { effect: step.effect, uuids: &step.uuids, enforcing, doomed: &draft.doomed };
            let Err(error) = self.action(step.meta.vo)?.act(&work).await else { continue };
            if !enforcing || step.meta.vo == vo {
                return Err(failed(vo, step, error));
            }
            let (resource, what) = (step.meta.vo, step.what());
            tracing::warn!(resource, what, %error, "an enforced delete goes on over a failure");
        }
        Ok(())
    }
}

impl DraftStep {
    /// In a word, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self.effect {
            Effect::Deleted => "deleted",
            Effect::Changed(what) => what,
        }
    }
}

fn failed(root: &str, step: &DraftStep, error: ErrorCode) -> ErrorCode {
    let (vo, count) = (step.meta.vo, step.uuids.len());
    let details = match vo == root {
        true => format!("could not delete {vo}"),
        false => {
            format!("could not delete {root}: {count} of {vo} could not be {}; mend that and delete again", step.what())
        }
    };
    ErrorCode::new(codes::DELETE_RESOURCE, details).because(error)
}

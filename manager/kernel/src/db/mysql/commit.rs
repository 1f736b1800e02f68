//! Committing a batch exactly once, over whatever happens to connections meanwhile.
//!
//! Each try is one transaction that begins by marking the batch's slot (see [`super::slots`]). Before the COMMIT is sent
//! a lost connection means that nothing happened; after that the next try finds out, and answers what the first would have.

use std::sync::{Arc, PoisonError};

use cumulo_schema::Uuid;
use sqlx::{Connection, mysql::MySqlConnection};

use super::{
    MySql, execute,
    fence::Fence,
    patience::{Patience, Trouble},
    slots::Slot,
};
use crate::db::{
    Batch, DbError,
    backend::{Answer, Outcome},
};

/// Commits in a task of its own: as with the embedded database, a caller that goes away leaves its batch whole, not cut.
pub(super) async fn apart(server: &Arc<MySql>, before: Option<Batch>, batch: Batch, patience: Patience) -> Outcome {
    let both = |error: DbError| (Err(error.clone()), Err(error));
    for statement in before.iter().chain([&batch]).flat_map(|batch| &batch.statements) {
        if let Err(error) = server.fits(&statement.sql, &statement.args, &statement.what) {
            return both(error);
        }
    }
    let server = server.clone();
    match tokio::spawn(async move { commit(&server, before.as_ref(), &batch, patience).await }).await {
        Ok(Ok(answer)) => (Ok(()), answer),
        Ok(Err(error)) => both(error),
        Err(cause) => both(DbError::Failed { what: "commit".to_owned(), cause: Arc::new(cause) }),
    }
}

/// An error says that neither is in; the answer inside, whether the batch is.
async fn commit(
    server: &MySql,
    before: Option<&Batch>,
    batch: &Batch,
    mut patience: Patience,
) -> Result<Answer, DbError> {
    let mut slot = server.slots.take();
    // Of now: a batch that waits for the server does not become one of the node's next life.
    let fence = match batch.unfenced {
        true => None,
        false => *server.fence.read().unwrap_or_else(PoisonError::into_inner),
    };
    let mut attempt = Attempt { before, batch, mark: Uuid::random(), fence, sent: None };
    let outcome = loop {
        match attempt.once(server, &mut slot).await {
            Ok(answer) => break Ok(answer),
            Err(trouble) => {
                if let Err(error) = patience.wait_after(trouble, "commit").await {
                    break Err(error);
                }
            }
        }
    };
    server.slots.give_back(slot);
    outcome
}

struct Attempt<'b> {
    before: Option<&'b Batch>,
    batch: &'b Batch,
    mark: Uuid,
    fence: Option<Fence>,
    /// The answer of the try whose COMMIT was sent.
    sent: Option<Answer>,
}

impl Attempt<'_> {
    async fn once(&mut self, server: &MySql, slot: &mut Slot) -> Result<Answer, Trouble> {
        let mut connection = server.writers.acquire().await.map_err(|cause| Trouble::of("connect", cause))?;
        let outcome = match tokio::time::timeout(server.patience, self.on(&mut connection, slot)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::silent("commit")),
        };
        if outcome.as_ref().is_err_and(Trouble::is_lost) {
            connection.close_on_drop();
        }
        outcome
    }

    async fn on(&mut self, connection: &mut MySqlConnection, slot: &mut Slot) -> Result<Answer, Trouble> {
        slot.prepare(connection).await?;
        // Dropped before its commit, it rolls back.
        let mut transaction = connection.begin().await.map_err(|cause| Trouble::of("begin", cause))?;
        if !slot.mark(&mut transaction, self.mark, self.fence).await? {
            let is_in = self.sent.is_some() && slot.holds(&mut transaction, self.mark).await?;
            if let (Some(fence), false) = (self.fence, is_in) {
                fence.check(&mut transaction).await?;
            }
            if let Some(answer) = &self.sent {
                return Ok(answer.clone());
            }
            slot.is_gone();
            return Err(Trouble::Lost(Arc::new(std::io::Error::other("a row of commit_slot was removed"))));
        }
        let answer = match self.before {
            None => Ok(run(&mut transaction, self.batch).await?),
            Some(before) => {
                run(&mut transaction, before).await?;
                run_or_undo(&mut transaction, self.batch).await?
            }
        };
        if self.batch.trial {
            transaction.rollback().await.map_err(|cause| Trouble::of("undo a trial", cause))?;
            return Ok(answer);
        }
        self.sent = Some(answer.clone());
        transaction.commit().await.map_err(|cause| Trouble::of("commit", cause))?;
        Ok(answer)
    }
}

/// Runs `batch` such that the transaction can go on without it where it is refused.
async fn run_or_undo(connection: &mut MySqlConnection, batch: &Batch) -> Result<Answer, Trouble> {
    execute(connection, "begin a batch", "SAVEPOINT batch", &[]).await?;
    match run(connection, batch).await {
        Ok(touched) => Ok(Ok(touched)),
        Err(Trouble::Final(refused)) => {
            execute(connection, "undo a batch", "ROLLBACK TO SAVEPOINT batch", &[]).await?;
            Ok(Err(refused))
        }
        Err(trouble) => Err(trouble),
    }
}

async fn run(connection: &mut MySqlConnection, batch: &Batch) -> Result<Vec<u64>, Trouble> {
    let mut touched = Vec::with_capacity(batch.statements.len());
    for statement in &batch.statements {
        let rows = execute(connection, &statement.what, &*statement.sql, &statement.args).await?;
        touched.push(statement.expected(rows).map_err(Trouble::Final)?);
    }
    Ok(touched)
}

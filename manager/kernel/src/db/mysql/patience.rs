//! Which errors pass by themselves, and how long that is waited for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::mysql::MySqlDatabaseError;

use crate::db::DbError;

/// Pauses after losing the server: from the first to the longest, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A loser of a deadlock waits up to this long for each try it made; the winners need that time.
const BUSY_PAUSE_MS: u64 = 10;
const LONGEST_BUSY_PAUSE_MS: u64 = 250;

/// Lost against another transaction, which was rolled back for it: deadlock, lock wait, changed since the snapshot.
const BUSY: [u16; 3] = [1213, 1205, 1020];
/// The server goes, comes, is full, is being taken over from, or ended our session: too many connections (2), shutting
/// down, connection killed (2), statement interrupted, aborted connections and broken packets (5), Galera not ready,
/// read-only (2).
const AWAY: [u16; 15] = [1040, 1203, 1053, 1927, 1094, 1317, 1152, 1158, 1159, 1160, 1161, 1184, 1047, 1290, 1836];

/// Why a try failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The transaction was rolled back; another try may succeed soon.
    Busy(Arc<sqlx::Error>),
    /// The connection is not to be used any more. What was under way on it may or may not have happened.
    Lost(Arc<dyn std::error::Error + Send + Sync>),
    /// The answer; another try would be told the same.
    Final(DbError),
}

impl Trouble {
    pub(super) fn of(what: &str, cause: sqlx::Error) -> Self {
        let number = |error: &sqlx::Error| {
            error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
        };
        match (&cause, number(&cause)) {
            (sqlx::Error::PoolClosed, _) => Self::Final(DbError::Closed),
            (_, Some(number)) if BUSY.contains(&number) => Self::Busy(Arc::new(cause)),
            (_, Some(number)) if AWAY.contains(&number) => Self::Lost(Arc::new(cause)),
            (
                sqlx::Error::Io(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed,
                _,
            ) => Self::Lost(Arc::new(cause)),
            _ => Self::Final(DbError::mysql(what, cause)),
        }
    }

    /// The server kept a connection open and said nothing.
    pub(super) fn silent(what: &str) -> Self {
        Self::Lost(Arc::new(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer to: {what}"))))
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

/// Waits between tries, until it ends.
#[derive(Debug)]
pub(super) struct Patience {
    /// `None`: endless.
    lasts: Option<Duration>,
    since: Instant,
    tries: u64,
}

impl Patience {
    pub(super) fn of(lasts: Duration) -> Self {
        Self { lasts: Some(lasts), since: Instant::now(), tries: 0 }
    }

    pub(super) fn endless() -> Self {
        Self { lasts: None, since: Instant::now(), tries: 0 }
    }

    /// Returns when it is time for the next try at `what`, or with the error when there is to be none.
    pub(super) async fn wait_after(&mut self, trouble: Trouble, what: &str) -> Result<(), DbError> {
        let cause: Arc<dyn std::error::Error + Send + Sync> = match &trouble {
            Trouble::Final(error) => return Err(error.clone()),
            Trouble::Busy(cause) => cause.clone(),
            Trouble::Lost(cause) => cause.clone(),
        };
        self.tries += 1;
        let pause = match &trouble {
            Trouble::Busy(_) => {
                let most = (self.tries * BUSY_PAUSE_MS).min(LONGEST_BUSY_PAUSE_MS);
                Duration::from_millis(rand::random_range(1..=most))
            }
            _ => {
                let doublings = u32::try_from(self.tries - 1).unwrap_or(u32::MAX).min(16);
                let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
                // Many callers wait for the same server: they come back one after the other.
                pause.mul_f64(rand::random_range(0.5..1.0))
            }
        };
        if let Some(lasts) = self.lasts
            && self.since.elapsed() + pause > lasts
        {
            return Err(DbError::Unavailable { what: what.to_owned(), seconds: self.since.elapsed().as_secs(), cause });
        }
        if trouble.is_lost() && self.tries == 1 {
            tracing::warn!(%cause, what, "the database does not answer; trying again");
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Trouble {
        Trouble::of("read", sqlx::Error::PoolTimedOut)
    }

    #[tokio::test]
    async fn patience_ends_with_the_cause_and_endless_does_not() {
        let mut patience = Patience::of(Duration::from_millis(60));
        let started = Instant::now();
        let error = loop {
            match patience.wait_after(lost(), "read").await {
                Ok(()) => assert!(started.elapsed() < Duration::from_secs(5), "it ends"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, DbError::Unavailable { .. }), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
        let mut endless = Patience::endless();
        endless.wait_after(lost(), "read").await.expect("another try");
    }

    #[tokio::test]
    async fn an_answer_is_not_asked_for_again() {
        let closed = Trouble::of("read", sqlx::Error::PoolClosed);
        let refused = Patience::endless().wait_after(closed, "read").await;
        assert!(matches!(refused, Err(DbError::Closed)), "{refused:?}");
        let wrong = Trouble::of("read", sqlx::Error::RowNotFound);
        assert!(matches!(Patience::endless().wait_after(wrong, "read").await, Err(DbError::Failed { .. })));
    }
}

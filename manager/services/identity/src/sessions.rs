//! Sessions in memory, over their table.
//!
//! Every use extends a session. The new end is written at most once a minute and in the background, so a node that dies
//! forgets less than a minute of it and a call costs no write. Ended rows are removed now and then by a login, since only
//! logins make rows; no clock has to run for it. Where nodes share their work, one that ended a session cannot reach into
//! the memory of the others: these ask the table every few seconds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cumulo_contracts::resource::{Account, Session};
use cumulo_kernel::{Kernel, bus::Caller};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes};
use tokio::sync::RwLock;

use crate::{CATEGORY, CLEANUP_INTERVAL, SESSION_LIMIT, SESSION_TIMEOUT, store::Store};

/// How long memory is trusted where other nodes end sessions too.
const TRUSTED: Duration = Duration::from_secs(5);
/// How far the table may lag behind memory.
const WRITE_AFTER: Duration = Duration::from_mins(1);

/// Knows who a session belongs to and until when.
pub(crate) struct Sessions {
    kernel: Kernel,
    store: Store,
    live: Mutex<HashMap<Uuid, Live>>,
    /// Held for reading while a row becomes an entry of `live`, for writing while rows and entries go: otherwise a
    /// session that was just read could come back to life after it was ended.
    ending: RwLock<()>,
    cleaned: Mutex<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Live {
    account: Uuid,
    ends: Timestamp,
    written: Timestamp,
    /// When its row was last read.
    read: Timestamp,
}

impl Sessions {
    pub(crate) fn new(kernel: Kernel, store: Store) -> Self {
        Self { kernel, store, live: Mutex::default(), ending: RwLock::default(), cleaned: Mutex::new(Timestamp(0)) }
    }

    /// Opens a session of `account` for a client at `client_ip`.
    ///
    /// Its id is random and never derived from the call: it is the secret that the client will show.
    pub(crate) async fn open(&self, account: Uuid, client_ip: &str) -> Result<Uuid, ErrorCode> {
        self.clean_up().await?;
        // One login of an account after another, or two of them would both be the last one allowed.
        let opening = async {
            self.check_limit(account).await?;
            let now = Timestamp::now();
            let session = Session {
                uuid: Uuid::random(),
                account_uuid: account,
                user_uuid: account,
                user_type: None,
                expired_date: now.plus(self.timeout()?),
                create_date: now,
                client_ip: client_ip.to_owned(),
            };
            let _reading = self.ending.read().await;
            self.store.insert_session(&session).await?;
            let live = Live { account, ends: session.expired_date, written: now, read: now };
            self.live().insert(session.uuid, live);
            Ok(session.uuid)
        };
        self.kernel.alone(&format!("identity.login.{account}"), opening).await
    }

    /// Whoever shows the session `text`, which is used by it.
    ///
    /// # Errors
    /// ID.1001 when it is none, or has ended.
    pub(crate) async fn caller(&self, text: &str) -> Result<Caller, ErrorCode> {
        let session: Uuid = text.parse().map_err(|_| ended())?;
        let until = Timestamp::now().plus(self.timeout()?);
        let live = self.used(session, until).await?;
        Ok(Caller { account: live.account, session: Some(session) })
    }

    /// Whether `session` has not ended. Asking does not extend it.
    pub(crate) async fn is_valid(&self, session: Uuid) -> Result<bool, ErrorCode> {
        let now = Timestamp::now();
        let live = self.live().get(&session).copied();
        Ok(match live {
            Some(live) => live.ends > now,
            None => self.store.session(session).await?.is_some_and(|session| session.expired_date > now),
        })
    }

    /// Makes `session` last for at least `duration` from now, or as long as after a use.
    pub(crate) async fn renew(&self, session: Uuid, duration: Option<Duration>) -> Result<(), ErrorCode> {
        let until = Timestamp::now().plus(duration.map_or_else(|| self.timeout(), Ok)?);
        let live = self.used(session, until).await?;
        Ok(self.store.extend_session(session, live.ends).await?)
    }

    /// The account that `session` belongs to.
    ///
    /// # Errors
    /// ID.1001 when the session has ended.
    pub(crate) async fn account_of(&self, session: Uuid) -> Result<Uuid, ErrorCode> {
        self.used(session, Timestamp(0)).await.map(|live| live.account)
    }

    /// Ends sessions; those that have ended are fine.
    pub(crate) async fn end(&self, sessions: &[Uuid]) -> Result<(), ErrorCode> {
        let _writing = self.ending.write().await;
        self.store.remove_sessions(sessions).await?;
        self.live().retain(|session, _| !sessions.contains(session));
        Ok(())
    }

    /// Ends the sessions of `account` but `spared`.
    pub(crate) async fn end_all_of(&self, account: Uuid, spared: Option<Uuid>) -> Result<(), ErrorCode> {
        let _writing = self.ending.write().await;
        let sessions = self.store.sessions_of(account).await?;
        let ended: Vec<Uuid> = sessions.iter().map(|session| session.uuid).filter(|it| Some(*it) != spared).collect();
        self.store.remove_sessions(&ended).await?;
        self.live().retain(|session, live| live.account != account || Some(*session) == spared);
        Ok(())
    }

    /// Deletes `accounts` with their sessions.
    pub(crate) async fn remove_accounts(&self, accounts: &[Uuid]) -> Result<(), ErrorCode> {
        let _writing = self.ending.write().await;
        let removal = self.kernel.cascade().removal(Account::META, accounts).await?;
        self.store.remove_accounts(accounts, removal).await?;
        self.live().retain(|_, live| !accounts.contains(&live.account));
        Ok(())
    }

    /// Uses `session` now: it lives until `until` at least.
    async fn used(&self, session: Uuid, until: Timestamp) -> Result<Live, ErrorCode> {
        let now = Timestamp::now();
        if let Some(live) = self.extended(session, now, until) {
            return Ok(live);
        }
        {
            let _reading = self.ending.read().await;
            let Some(row) = self.store.session(session).await?.filter(|row| row.expired_date > now) else {
                self.live().remove(&session);
                return Err(ended());
            };
            let live = Live { account: row.account_uuid, ends: row.expired_date, written: Timestamp(0), read: now };
            self.live().entry(session).and_modify(|live| live.read = now).or_insert(live);
        }
        self.extended(session, now, until).ok_or_else(ended)
    }

    /// The entry of `session`, extended; `None` when there is none, it has ended, or the row has to be asked.
    fn extended(&self, session: Uuid, now: Timestamp, until: Timestamp) -> Option<Live> {
        let (live, write) = {
            let mut all = self.live();
            let live = all.get_mut(&session)?;
            if live.ends <= now {
                all.remove(&session);
                return None;
            }
            if self.kernel.cluster().is_shared() && now > live.read.plus(TRUSTED) {
                return None;
            }
            live.ends = live.ends.max(until);
            let write = now >= live.written.plus(WRITE_AFTER);
            if write {
                live.written = now;
            }
            (*live, write)
        };
        if write {
            let store = self.store.clone();
            self.kernel.spawn(async move {
                if let Err(error) = store.extend_session(session, live.ends).await {
                    tracing::warn!(account = %live.account, %error, "the end of a session could not be recorded");
                }
            });
        }
        Some(live)
    }

    async fn check_limit(&self, account: Uuid) -> Result<(), ErrorCode> {
        let limit: usize = self.kernel.configs().get(CATEGORY, SESSION_LIMIT)?;
        let sessions = self.store.sessions_of(account).await?;
        if sessions.len() < limit {
            return Ok(());
        }
        let now = Timestamp::now();
        let ends = |session: &Session| self.live().get(&session.uuid).map_or(session.expired_date, |live| live.ends);
        if sessions.iter().filter(|session| ends(session) > now).count() < limit {
            return Ok(());
        }
        let details =
            format!("the account {account} has {limit} sessions, the most it may have; log out of some of them");
        Err(ErrorCode::new(codes::MAX_SESSIONS, details))
    }

    /// Removes what has ended, unless that was done lately.
    async fn clean_up(&self) -> Result<(), ErrorCode> {
        let interval = self.seconds(CLEANUP_INTERVAL)?;
        let now = Timestamp::now();
        {
            let mut cleaned = self.cleaned.lock().unwrap_or_else(PoisonError::into_inner);
            if now < cleaned.plus(interval) {
                return Ok(());
            }
            *cleaned = now;
        }
        self.live().retain(|_, live| live.ends > now);
        // By the table's own word a session in use may have ended up to a minute ago.
        let lag = i64::try_from(WRITE_AFTER.as_millis()).unwrap_or(i64::MAX);
        Ok(self.store.remove_ended(Timestamp(now.0 - lag)).await?)
    }

    fn timeout(&self) -> Result<Duration, ErrorCode> {
        self.seconds(SESSION_TIMEOUT)
    }

    fn seconds(&self, setting: &str) -> Result<Duration, ErrorCode> {
        self.kernel.configs().get(CATEGORY, setting).map(Duration::from_secs)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<Uuid, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal of a session that is none.
pub(crate) fn ended() -> ErrorCode {
    ErrorCode::new(codes::INVALID_SESSION, "the session has expired or never was; log in again")
}

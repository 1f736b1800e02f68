//! The write-ahead log: when it is on the disk, and when it moves into the database's file.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use rusqlite::{Connection, OpenFlags};

use super::connect;
use crate::db::DbError;

/// New pages in the log (4 KiB each) after which they are moved in the background. Commits change the same few hundred pages
/// all the time, so the more there are the fewer have to be moved.
const MOVE_AFTER: u64 = 3_000;
/// Pages from which on the writer moves them itself, and so gets ahead of its own new ones: the log starts anew only
/// when all of it has been moved, which under steady load no other thread ever sees.
pub(super) const MOVE_MYSELF_FROM: u64 = 9_000;

/// Nobody else asked for a flush in so long, in microseconds: few are there, and none to be gathered with.
const CALM: u64 = 500;
/// A flush that takes at most so long, in microseconds, may hold up the thread of who asks for it.
const QUICK: u64 = 1_000;

/// How far the log is durable.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    opened: Instant,
    /// When a flush was last asked for, in microseconds since then.
    asked: AtomicU64,
    /// What the last one took, in microseconds.
    took: AtomicU64,
    applied: AtomicU64,
    durable: AtomicU64,
    /// The first flush that failed. The kernel may call pages clean after it that never reached the disk, so no later one
    /// proves anything, and nothing is committed any more.
    broken: OnceLock<DbError>,
}

impl Log {
    /// The log of the database at `path`, which `connection` keeps from being removed.
    pub(super) fn open(connection: &Connection, path: &Path) -> Result<Self, DbError> {
        // The file appears with the first read.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(|cause| DbError::sqlite(format!("read {}", path.display()), cause))?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let path = PathBuf::from(log);
        let file = File::open(&path).map_err(|cause| failed(&path, cause))?;
        // What an earlier process applied may not be on the disk yet.
        Ok(Self {
            path,
            file,
            opened: Instant::now(),
            asked: AtomicU64::new(0),
            took: AtomicU64::new(u64::MAX),
            applied: AtomicU64::new(1),
            durable: AtomicU64::new(0),
            broken: OnceLock::new(),
        })
    }

    /// To be said after a commit that everybody can see.
    pub(super) fn applied(&self) {
        self.applied.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether everything applied so far is durable.
    pub(super) fn is_flushed(&self) -> bool {
        // In this order: what is applied in between counts as not flushed, which is only slower.
        let durable = self.durable.load(Ordering::Acquire);
        self.applied.load(Ordering::Acquire) == durable
    }

    /// Fails once a flush has failed.
    pub(super) fn sound(&self) -> Result<(), DbError> {
        self.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// To be asked by who needs a flush: whether to do it in the own thread. Handing it over and being woken again costs as
    /// much as a flush where a disk is quick, and is worth that where many can be served with one.
    pub(super) fn is_calm(&self) -> bool {
        let now = micros(self.opened);
        let since = now.saturating_sub(self.asked.swap(now, Ordering::Relaxed));
        since >= CALM && self.took.load(Ordering::Relaxed) <= QUICK
    }

    /// Makes what was applied so far durable.
    pub(super) fn flush(&self) -> Result<(), DbError> {
        self.sound()?;
        let applied = self.applied.load(Ordering::Acquire);
        if self.durable.load(Ordering::Acquire) == applied {
            return Ok(());
        }
        let begun = Instant::now();
        if let Err(cause) = self.file.sync_data() {
            tracing::error!(%cause, "the database's log could not be flushed; nothing is written from now on");
            return Err(self.broken.get_or_init(|| failed(&self.path, cause)).clone());
        }
        self.took.store(micros(begun), Ordering::Relaxed);
        self.durable.fetch_max(applied, Ordering::AcqRel);
        Ok(())
    }
}

/// Microseconds since `then`.
fn micros(then: Instant) -> u64 {
    u64::try_from(then.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn failed(path: &Path, cause: std::io::Error) -> DbError {
    DbError::Failed { what: format!("flush {}", path.display()), cause: Arc::new(cause) }
}

/// Moves the log into the database's file.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Held while the log is moved: SQLite lets one do so at a time and sends the other away.
    moving: Arc<Mutex<()>>,
    /// Pages in the log when it was last about to be moved.
    seen: AtomicU64,
    // Both are taken when it ends.
    wake: Mutex<Option<mpsc::SyncSender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Checkpoints {
    /// Starts the thread that does so in the background.
    pub(super) fn start(path: &Path) -> Result<Self, DbError> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|cause| DbError::sqlite(format!("open {}", path.display()), cause))?;
        let (wake, woken) = mpsc::sync_channel(1);
        let moving = Arc::new(Mutex::new(()));
        let in_background = moving.clone();
        let thread = thread::Builder::new()
            .name("db-checkpoint".to_owned())
            .spawn(move || {
                while woken.recv().is_ok() {
                    checkpoint(&connection, &in_background);
                }
            })
            .map_err(|cause| DbError::Failed { what: "start its checkpoints".to_owned(), cause: Arc::new(cause) })?;
        Ok(Self { moving, seen: AtomicU64::new(0), wake: Some(wake).into(), thread: Some(thread).into() })
    }

    /// To be called by the writer between transactions, with the pages that its log has.
    pub(super) fn after(&self, connection: &Connection, pages: u64) {
        if pages >= MOVE_MYSELF_FROM {
            // After the thread, should it be at it: so the log has an end however slow that is.
            self.seen.store(pages, Ordering::Relaxed);
            checkpoint(connection, &self.moving);
        } else {
            self.wake(pages);
        }
    }

    /// Has the thread move the log if it is due.
    pub(super) fn wake(&self, pages: u64) {
        // Fewer than before: it began anew.
        let new = pages.checked_sub(self.seen.load(Ordering::Relaxed)).unwrap_or(pages);
        if new < MOVE_AFTER {
            return;
        }
        self.seen.store(pages, Ordering::Relaxed);
        if let Some(wake) = &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            // Full means that it is about to look anyway.
            let _ = wake.try_send(());
        }
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the database's checkpoints panicked");
        }
    }
}

/// Moves what no reader stands in the way of.
fn checkpoint(connection: &Connection, moving: &Mutex<()>) {
    let _moving = moving.lock().unwrap_or_else(PoisonError::into_inner);
    let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = moved {
        tracing::warn!(%error, "the database's log could not be moved into its file; it is tried again");
    }
}

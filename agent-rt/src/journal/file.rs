//! The journal's file: a magic line, then records, each with its length and CRC-32. One thread writes; appends that
//! come while it syncs share the next sync.

use std::{
    fs::{self, OpenOptions},
    future::Future,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Poll},
    thread,
};

use prost::Message;
use tokio::sync::oneshot;
use tracing::warn;

use super::{
    JournalError,
    record::{Entry, Record},
};

const MAGIC: &[u8] = b"cumulo task journal 1\n";
/// Length and checksum in front of a record.
const FRAME: usize = 8;
/// A record longer than this is damage, not data: requests are at most 4 MiB.
const MAX_RECORD: usize = 16 << 20;

/// The open file; dropping it ends its thread after what was appended is written.
pub(super) struct File {
    to_writer: mpsc::Sender<Work>,
    len: Arc<AtomicU64>,
}

/// Resolves when what was appended is on disk.
pub(super) struct Synced(Option<oneshot::Receiver<io::Result<()>>>);

struct Work {
    what: What,
    done: Option<oneshot::Sender<io::Result<()>>>,
}

enum What {
    Append(Vec<u8>),
    Rewrite(Vec<u8>),
}

impl File {
    /// Opens or creates the file and returns what it says.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Entry>), JournalError> {
        let fail = |cause| JournalError::Open { path: path.display().to_string(), cause };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(fail)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail)?;
        let fresh = MAGIC.starts_with(&bytes);
        if !fresh && !bytes.starts_with(MAGIC) {
            return Err(JournalError::Foreign { path: path.display().to_string() });
        }
        let (entries, sound) = if fresh { (Vec::new(), 0) } else { read(&bytes[MAGIC.len()..]) };
        let len = if fresh {
            file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(MAGIC)).map_err(fail)?;
            MAGIC.len()
        } else {
            MAGIC.len() + sound
        };
        if bytes.len() > len {
            warn!(path = %path.display(), bytes = bytes.len() - len, "cut an unfinished record off the task journal");
            file.set_len(len as u64).map_err(fail)?;
        }
        file.seek(SeekFrom::End(0)).and_then(|_| file.sync_all()).and_then(|()| sync_dir(path)).map_err(fail)?;
        let len = Arc::new(AtomicU64::new(len as u64));
        let (to_writer, work) = mpsc::channel();
        let writer = Writer { path: path.to_owned(), file, len: Arc::clone(&len) };
        thread::Builder::new().name("journal".into()).spawn(move || writer.run(&work)).map_err(fail)?;
        Ok((Self { to_writer, len }, entries))
    }

    pub(super) fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn append(&self, entry: &Entry) -> Synced {
        self.send(What::Append(encode(entry)))
    }

    pub(super) fn append_unsynced(&self, entry: &Entry) {
        // A closed journal is noticed by whoever waits for a sync.
        _ = self.to_writer.send(Work { what: What::Append(encode(entry)), done: None });
    }

    /// Replaces the whole content.
    pub(super) fn rewrite(&self, entries: &[Entry]) -> Synced {
        self.send(What::Rewrite(entries.iter().flat_map(encode).collect()))
    }

    fn send(&self, what: What) -> Synced {
        let (done, synced) = oneshot::channel();
        // Where the thread is gone, `done` is dropped and the waiter sees that.
        _ = self.to_writer.send(Work { what, done: Some(done) });
        Synced(Some(synced))
    }
}

impl Synced {
    /// For a journal without a file.
    pub(super) fn already() -> Self {
        Self(None)
    }
}

impl Future for Synced {
    type Output = Result<(), JournalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(waiting) = &mut self.0 else { return Poll::Ready(Ok(())) };
        Pin::new(waiting).poll(cx).map(|done| match done {
            Ok(result) => result.map_err(JournalError::Write),
            Err(_) => Err(JournalError::Closed),
        })
    }
}

struct Writer {
    path: PathBuf,
    file: fs::File,
    len: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, work: &mpsc::Receiver<Work>) {
        while let Ok(first) = work.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(work.try_iter()).collect();
            let result = self.write(&batch);
            for done in batch.into_iter().filter_map(|w| w.done) {
                let result = result.as_ref().map_err(|e| io::Error::new(e.kind(), e.to_string())).copied();
                // Nobody waiting any more is fine.
                _ = done.send(result);
            }
        }
    }

    /// Writes a batch and syncs it where somebody waits. After a failure the file ends where it was good.
    fn write(&mut self, batch: &[Work]) -> io::Result<()> {
        let mut good = self.len();
        let result = batch.iter().try_for_each(|work| match &work.what {
            What::Append(bytes) => self.append(bytes),
            What::Rewrite(bytes) => self.rewrite(bytes).map(|()| good = self.len()),
        });
        let result = match result {
            Ok(()) if batch.iter().any(|w| w.done.is_some()) => self.file.sync_data(),
            other => other,
        };
        if result.is_err() {
            // Half a record must not stay in front of later ones, nor a whole one whose sender is told it failed.
            self.file.set_len(good).and_then(|()| self.file.seek(SeekFrom::End(0)))?;
            self.len.store(good, Ordering::Relaxed);
        }
        result
    }

    fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.len.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        let part = self.path.with_extension("part");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(MAGIC)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, &self.path)?;
        sync_dir(&self.path)?;
        self.file = file;
        self.len.store((MAGIC.len() + bytes.len()) as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}

pub(super) fn encoded_len(entry: &Entry) -> u64 {
    (FRAME + Record { entry: Some(entry.clone()) }.encoded_len()) as u64
}

fn encode(entry: &Entry) -> Vec<u8> {
    let record = Record { entry: Some(entry.clone()) }.encode_to_vec();
    let mut framed = Vec::with_capacity(FRAME + record.len());
    // A record is far below 4 GiB: gRPC refuses requests above 4 MiB.
    framed.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
    framed.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    framed.extend_from_slice(&record);
    framed
}

/// The entries of all sound records from the front, and how many bytes they take.
fn read(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some((entry, used)) = read_one(&bytes[at..]) {
        // Kinds of a newer version decode to no entry and are passed over.
        entries.extend(entry);
        at += used;
    }
    (entries, at)
}

fn read_one(bytes: &[u8]) -> Option<(Option<Entry>, usize)> {
    let (frame, rest) = bytes.split_at_checked(FRAME)?;
    let (len, crc) = frame.split_at(4);
    let len = u32::from_le_bytes(len.try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    let record = rest.get(..len).filter(|r| len <= MAX_RECORD && crc32fast::hash(r) == crc)?;
    Some((Record::decode(record).ok()?.entry, FRAME + len))
}

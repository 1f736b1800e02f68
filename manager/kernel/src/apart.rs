//! Work that takes the processor for long and waits for nothing: on a thread of its own, so that nobody waits for it.
//!
//! A simulation has one thread and one order in which things happen, so it has such work done where it is asked for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinError;

static HERE: AtomicBool = AtomicBool::new(false);

/// From now on, in this whole process, such work is done in the thread of who asks for it.
pub fn stay_here() {
    HERE.store(true, Ordering::SeqCst);
}

/// Does `work` on a thread that may be slow.
///
/// # Errors
/// When it panicked, or the runtime ended before.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match HERE.load(Ordering::SeqCst) {
        true => Ok(work()),
        false => tokio::task::spawn_blocking(work).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_done_elsewhere_unless_there_is_no_elsewhere() {
        let here = || std::thread::current().id();
        assert_ne!(run(here).await.expect("it ends"), here());
        stay_here();
        assert_eq!(run(here).await.expect("it ends"), here());
        HERE.store(false, Ordering::SeqCst);
    }
}

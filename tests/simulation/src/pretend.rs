//! What this process takes from the system that is another each time, in place of which it gets what the seed says: time and
//! randomness.
//!
//! They are the C library's functions, by the same names, so that everything linked into this program uses these: the standard
//! library (clocks, the order of a `HashMap`), tokio, the `getrandom` of all other crates, SQLite's clock. Passing clocks and
//! randomness through every layer of the manager would reach its own code only, and cost it clarity.
//!
//! Before [`begin`] they are what they always are. After it, time stands still while anything can be done: it goes on when the
//! one thread has nothing left to do and waits for a timer, in [`epoll_wait`], and there it goes to where the timer ends, at
//! once. No sleep takes any time.

#![allow(unsafe_code, reason = "functions of the C library are defined, and called by their numbers")]

use std::{
    mem, ptr, slice,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering},
};

use nix::libc::{
    self, SYS_clock_gettime, SYS_epoll_wait, SYS_getrandom, c_int, c_long, c_uint, c_void, clockid_t, epoll_event,
    size_t, ssize_t, timespec, timeval,
};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;
/// When every simulation begins, by the wall clock: 2026-01-01, in seconds.
const WALL: u64 = 1_767_225_600;
/// And by the steady clock, in seconds: code may look back.
const STEADY: u64 = 1_000_000;

static PRETENDING: AtomicBool = AtomicBool::new(false);
/// Nanoseconds since the simulation began.
static NOW: AtomicU64 = AtomicU64::new(0);
/// How far time may go on by itself.
static LIMIT: AtomicU64 = AtomicU64::new(0);
/// How often something came, or time went on, since the simulation began.
static STIRS: AtomicU64 = AtomicU64::new(0);
static RANDOM: AtomicU64 = AtomicU64::new(0);

/// From now on, and to the end of this process, time and randomness are made up of `seed`.
pub fn begin(seed: u64) {
    RANDOM.store(seed, Ordering::SeqCst);
    PRETENDING.store(true, Ordering::SeqCst);
}

/// Whether they are.
#[must_use]
pub fn is_on() -> bool {
    PRETENDING.load(Ordering::SeqCst)
}

/// Nanoseconds since it began.
#[must_use]
pub fn now() -> u64 {
    NOW.load(Ordering::SeqCst)
}

/// It is `now`, and time may go on until `limit` by itself.
pub fn set(now: u64, limit: u64) {
    NOW.store(now, Ordering::SeqCst);
    LIMIT.store(limit, Ordering::SeqCst);
}

/// How often something came or time went on so far. In a turn in which nothing happens it does so once: to the turn's end.
#[must_use]
pub fn stirs() -> u64 {
    STIRS.load(Ordering::SeqCst)
}

/// The next of the seed's numbers (SplitMix64).
fn draw() -> u64 {
    let mut n = RANDOM.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

type Syscall = unsafe extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;

/// The C library's own `syscall`, once it was needed.
static REAL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// As the C library's: some ask for randomness by its number. It takes a number of arguments that differs, all of which are as
/// wide; how many there are, is the kernel's business.
///
/// # Safety
/// That of the call `number`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == SYS_getrandom && is_on() {
        // SAFETY: the caller's promise, of a buffer and its length.
        return unsafe { getrandom(ptr::with_exposed_provenance_mut(a as usize), b as size_t, 0) as c_long };
    }
    let mut real = REAL.load(Ordering::Relaxed);
    if real.is_null() {
        // SAFETY: the name ends with a zero.
        real = unsafe { libc::dlsym(libc::RTLD_NEXT, c"syscall".as_ptr()) };
        REAL.store(real, Ordering::Relaxed);
    }
    // SAFETY: it is the function of that name, which is there in every C library and is called like this one.
    let real = unsafe { mem::transmute::<*mut c_void, Syscall>(real) };
    // SAFETY: the caller's promise.
    unsafe { real(number, a, b, c, d, e, f) }
}

/// A pointer as an argument of [`syscall`].
fn at<T>(pointer: *mut T) -> c_long {
    pointer.expose_provenance() as c_long
}

/// As the C library's.
///
/// # Safety
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    if !is_on() {
        // SAFETY: the caller's promise is the kernel's condition.
        return unsafe {
            syscall(SYS_getrandom, at(buffer), length as c_long, c_long::from(flags), 0, 0, 0) as ssize_t
        };
    }
    if length > 0 {
        // SAFETY: there is room for so many bytes, and no other reference to them during the call.
        let bytes = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&draw().to_ne_bytes()[..chunk.len()]);
        }
    }
    length as ssize_t
}

/// As the C library's.
///
/// # Safety
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getentropy(buffer: *mut c_void, length: size_t) -> c_int {
    // SAFETY: the same condition.
    let filled = unsafe { getrandom(buffer, length, 0) };
    if usize::try_from(filled) == Ok(length) { 0 } else { -1 }
}

/// As the C library's.
///
/// # Safety
/// `time` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    if !is_on() {
        // SAFETY: the caller's promise is the kernel's condition.
        return unsafe { syscall(SYS_clock_gettime, c_long::from(clock), at(time), 0, 0, 0, 0) as c_int };
    }
    let since = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => WALL,
        _ => STEADY,
    };
    let now = now();
    let tv_sec = libc::time_t::try_from(since + now / SECOND).unwrap_or(libc::time_t::MAX);
    let tv_nsec = libc::c_long::try_from(now % SECOND).unwrap_or(0);
    // SAFETY: it can be written.
    unsafe { *time = timespec { tv_sec, tv_nsec } };
    0
}

/// As the C library's.
///
/// # Safety
/// `time` can be written; `zone` is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut timeval, _zone: *mut c_void) -> c_int {
    let mut precise = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it is a variable here.
    let told = unsafe { clock_gettime(libc::CLOCK_REALTIME, &raw mut precise) };
    // SAFETY: it can be written.
    unsafe { *time = timeval { tv_sec: precise.tv_sec, tv_usec: precise.tv_nsec / 1000 } };
    told
}

/// As the C library's, but nobody waits in it: what it would have waited for a timer, is over at once.
///
/// # Safety
/// `events` has room for `most` of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(epoll: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) -> c_int {
    if !is_on() {
        // SAFETY: the caller's promise is the kernel's condition.
        return unsafe { wait(epoll, events, most, timeout) };
    }
    // SAFETY: as above.
    let found = unsafe { wait(epoll, events, most, 0) };
    if found != 0 || timeout != 0 {
        STIRS.fetch_add(1, Ordering::SeqCst);
    }
    if found == 0 && timeout != 0 {
        let (now, limit) = (now(), LIMIT.load(Ordering::SeqCst));
        // Without a timer there is nothing else to wait for.
        let end = u64::try_from(timeout).map_or(limit, |millis| now + millis * 1_000_000);
        // Past the limit only where nothing would ever happen before.
        NOW.store(if now < limit { end.min(limit) } else { end }, Ordering::SeqCst);
    }
    found
}

/// The kernel's own.
///
/// # Safety
/// That of [`epoll_wait`].
unsafe fn wait(epoll: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) -> c_int {
    let [epoll, most, timeout] = [epoll, most, timeout].map(c_long::from);
    // SAFETY: the caller's promise is the kernel's condition.
    unsafe { syscall(SYS_epoll_wait, epoll, at(events), most, timeout, 0, 0) as c_int }
}

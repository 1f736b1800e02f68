//! How benchmarks print what they measured, and keep it.
//!
//! Machines differ, and one machine differs from minute to minute. So what is measured stands beside a limit measured in the
//! same run wherever there is one, both take turns ([`in_turns`]), and goals are of their ratio where they can be.
//!
//! A [`Figure`] that is told is printed as one line, and appended to the file that `CUMULO_BENCH_ROWS` names, if it names one:
//! one JSON object a line, with what every turn measured. Several programs append to one file, of which
//! `cumulo-bench-report` makes the table.

mod figure;
mod goal;
mod memory;
mod rows;
mod turns;

pub use figure::Figure;
pub use goal::{Bound, Goal, Of};
pub use memory::resident_mib;
pub use rows::{ROWS, read};
pub use turns::{in_turns, median, percentile};

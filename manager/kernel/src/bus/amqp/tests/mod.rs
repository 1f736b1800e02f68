//! Two nodes in one process, each with a bus of its own, on a real broker: what is lost, late or doubled between them.
//!
//! `scripts/test` starts the broker and says in `CUMULO_TEST_AMQP` where it is; without it these tests say so and pass.

mod calls;
mod chaos;
mod events;
mod faults;
mod lab;
mod nodes;
mod portal;
mod raw;
mod restart;

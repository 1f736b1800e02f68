//! The service as clients see it, one file per group of APIs.

mod config;
mod gc;
mod node;
mod tag;
mod thing;
mod zql;

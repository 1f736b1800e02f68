//! The service as clients see it, one file per group of APIs.

mod config;
mod flow;
mod gc;
mod long_job;
mod node;
mod tag;
mod thing;
mod webhook;
mod zql;

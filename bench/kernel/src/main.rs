//! What needs no hosts: calls within a node, queues, flows, the ring, choosing a host; each beside what somebody would write who
//! needs nothing of what the kernel promises.
//!
//! `make bench NAME=kernel` runs all, `make bench NAME=queue` one. Both sides of a comparison take turns within one process,
//! on the same threads, with the allocator of the shipped programs.

mod allocate;
mod bus;
mod flow;
mod node;
mod queue;
mod ring;

use clap::{Parser, ValueEnum};

// That of the manager: a quarter of what it does is to allocate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the kernel costs.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; all where absent.
    parts: Vec<Part>,
    /// How often each side is measured.
    #[arg(long, default_value_t = 7)]
    turns: usize,
    /// So many times less of everything: to see that it works.
    #[arg(long, default_value_t = 1)]
    less: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// A call within the node beside a channel.
    BusCall,
    /// Tasks in order beside tasks without.
    Queue,
    /// Flows beside awaits and beside commits.
    Flow,
    /// Who owns a resource beside a search in a sorted vector.
    Ring,
    /// A host out of ten thousand beside the same questions to arrays.
    Allocate,
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
struct Measure {
    turns: usize,
    less: u32,
}

impl Measure {
    /// `much`, or less of it.
    fn of(self, much: u32) -> u32 {
        (much / self.less.max(1)).max(1)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { parts, turns, less } = Arguments::parse();
    let parts = if parts.is_empty() { Part::value_variants().to_vec() } else { parts };
    let measure = Measure { turns, less };
    for part in parts {
        match part {
            Part::BusCall => bus::run(measure).await?,
            Part::Queue => queue::run(measure).await?,
            Part::Flow => flow::run(measure).await?,
            Part::Ring => ring::run(measure).await?,
            Part::Allocate => allocate::run(measure).await?,
        }
    }
    Ok(())
}

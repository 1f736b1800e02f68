//! `make bench`: how quick the node is, with every commit durable before anything follows from it. The node and the hosts are
//! processes of their own, as they are in life. `make bench NAME=create` and the like run one part; `--hosts`, `--vms` and
//! `--work-ms` make it another one.
//!
//! What is compared with is measured in the same run: what the node wrote for one VM is recorded, and the same rows are
//! written and the same commands given by hand ([`by_hand`]).

mod by_hand;
mod clients;
mod cloud;
mod create;
mod handshakes;
mod nodes;
mod reconnect;
mod scale;
mod sick;
mod soak;
mod stage;

use std::time::Duration;

use clap::{Parser, ValueEnum};

/// How quick the node is.
#[derive(Debug, Parser)]
struct Arguments {
    /// The part to run; where absent, all that need neither a server nor long.
    part: Option<Part>,
    /// How many hosts; 10 for create and simulated, 20 for nodes and soak, and 1,000 for the others where absent.
    #[arg(long)]
    hosts: Option<usize>,
    /// How many VMs at once; where absent 1,000 for create and simulated, 10,000 for scale, and a turn 1,000 for sick and 500 for
    /// nodes.
    #[arg(long)]
    vms: Option<usize>,
    /// How much longer every command of a host takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    work_ms: u64,
    /// How long the soak lasts, in seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// VMs on a few hosts: one after the other, and a thousand at once.
    Create,
    /// The same on hosts of the simulator plugin, without agents.
    Simulated,
    /// A thousand hosts and ten thousand VMs, made and deleted.
    Scale,
    /// A thousand hosts after the death of the node.
    Reconnect,
    /// A thousand hosts of which ten answer nothing.
    Sick,
    /// Three nodes that share a MariaDB and a RabbitMQ, beside one.
    Nodes,
    /// Load that does not end, then too much of it, and what is left afterwards.
    Soak,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let parts = match arguments.part {
        Some(part) => vec![part],
        None => {
            Part::value_variants().iter().copied().filter(|part| !matches!(part, Part::Nodes | Part::Soak)).collect()
        }
    };
    for part in parts {
        match part {
            Part::Create => create::run(&arguments).await?,
            Part::Simulated => create::simulated(&arguments).await?,
            Part::Scale => scale::run(&arguments).await?,
            Part::Reconnect => reconnect::run(&arguments).await?,
            Part::Sick => sick::run(&arguments).await?,
            Part::Nodes => nodes::run(&arguments).await?,
            Part::Soak => soak::run(&arguments).await?,
        }
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn count(number: usize) -> f64 {
    number as f64
}

//! `make bench NAME=agents`: the three programs as they are shipped, each by itself.
//!
//! How soon the manager is ready, how much memory each program takes when it idles, and how long the agent takes to bring
//! a VM up, from its command over mutual TLS to its outcome, against the same definition handed to libvirt directly. Guests
//! are emulated and halt at once, so that what is compared is the way there. Everything runs in network and mount
//! namespaces of this program's own, with a libvirtd of its own; it needs root.

mod agent;
mod corner;
mod libvirt;
mod program;
mod starts;

use std::path::Path;

use anyhow::Context as _;
use cumulo_bench_report::Figure;

use crate::{
    agent::{Agent, Authority},
    libvirt::Libvirtd,
    program::Program,
};

fn main() -> anyhow::Result<()> {
    corner::enter().context("this benchmark needs root, for namespaces of its own")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(Path::new("/run")))
}

async fn run(dir: &Path) -> anyhow::Result<()> {
    let (manager, ready) = Program::manager(&dir.join("manager"))?;
    Figure::new("manager-ready", "ms", ready.as_secs_f64() * 1e3).at_most(1_000.0).tell()?;
    Figure::new("memory-manager", "MiB", manager.resident_mib()?).at_most(64.0).tell()?;
    manager.end()?;

    let authority = Authority::new()?;
    let storage = Agent::storage(&authority, &dir.join("storage-agent")).await?;
    Figure::new("memory-storage-agent", "MiB", storage.program.resident_mib()?).at_most(15.0).tell()?;
    storage.program.end()?;

    let _libvirtd = Libvirtd::start().await?;
    let kvm = Agent::kvm(&authority, &dir.join("kvm-agent")).await?;
    Figure::new("memory-kvm-agent", "MiB", kvm.program.resident_mib()?).at_most(15.0).tell()?;
    starts::run(&kvm).await?;
    Figure::new("memory-kvm-agent-after", "MiB", kvm.program.resident_mib()?).at_most(15.0).tell()?;
    kvm.program.end()
}

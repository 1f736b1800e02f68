//! `make bench-agents`: the three programs as they are shipped, each by itself.
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
    line("manager-ready", ready.as_secs_f64() * 1e3, "ms", "1000");
    line("memory-manager", manager.resident_mib()?, "MiB", "64");
    manager.end()?;

    let authority = Authority::new()?;
    let storage = Agent::storage(&authority, &dir.join("storage-agent")).await?;
    line("memory-storage-agent", storage.program.resident_mib()?, "MiB", "-");
    storage.program.end()?;

    let _libvirtd = Libvirtd::start().await?;
    let kvm = Agent::kvm(&authority, &dir.join("kvm-agent")).await?;
    line("memory-kvm-agent", kvm.program.resident_mib()?, "MiB", "-");
    starts::run(&kvm).await?;
    line("memory-kvm-agent-after", kvm.program.resident_mib()?, "MiB", "-");
    kvm.program.end()
}

fn line(name: &str, ours: f64, unit: &str, goal: &str) {
    println!("bench: {name} ours={ours:.1} {unit} goal={goal}");
}

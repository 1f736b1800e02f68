//! A VM's start through the agent against the same by hand, in turns.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use cumulo_agent_rt::storage::Roots;
use cumulo_bench_report::{Figure, in_turns};
use cumulo_kvm_agent::domains::{DomainSpec, Virtualization, domain_xml};
use cumulo_proto::kvm;
use futures::future::try_join_all;
use tokio::task::spawn_blocking;
use virt::connect::Connect;

use crate::{agent::Agent, corner, libvirt};

const STORAGE: &str = "/run/ps";
const BRIDGE: &str = "br_bench";
/// Rounds of each kind, of one VM and of eight at once.
const ROUNDS: [(usize, u8); 2] = [(12, 1), (4, 8)];
/// What the benchmark plan allows over bare libvirt.
const GOAL: f64 = 1.08;

/// Measures and prints.
pub(crate) async fn run(agent: &Agent) -> anyhow::Result<()> {
    corner::ip(&format!("link add {BRIDGE} type bridge"))?;
    corner::ip(&format!("link set {BRIDGE} up"))?;
    fs::create_dir_all(STORAGE)?;
    agent.call(kvm::InitLocalStorage { header: None, path: STORAGE.into() }).await?;
    let most = ROUNDS.iter().map(|(_, at_once)| *at_once).max().unwrap_or_default();
    for vm in 0..most {
        fs::write(disk(vm), idle_disk())?;
    }
    let roots = Roots::in_memory();
    roots.add(STORAGE)?;
    let bare = Bare { connection: Arc::new(Connect::open(Some("qemu:///system"))?), roots };
    for (rounds, at_once) in ROUNDS {
        // Both once before it counts: what is loaded is loaded.
        let ours = async || through(agent, at_once).await.map(ms);
        let limit = async || bare.start(at_once).await.map(ms);
        let turns = in_turns(rounds, ours, limit).await?;
        Figure::beside(format!("agent-vm-start-{at_once}"), "ms", turns).ratio_at_most(GOAL).tell()?;
    }
    Ok(())
}

/// Starts VMs through the agent and takes them away; how long the start took.
async fn through(agent: &Agent, at_once: u8) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    try_join_all((0..at_once).map(|vm| agent.call(kvm::StartVm { header: None, vm: Some(spec(vm)) }))).await?;
    let took = begun.elapsed();
    try_join_all((0..at_once).map(|vm| agent.call(kvm::DestroyVm { header: None, vm_uuid: uuid(vm) }))).await?;
    Ok(took)
}

struct Bare {
    connection: Arc<Connect>,
    roots: Roots,
}

impl Bare {
    async fn start(&self, at_once: u8) -> anyhow::Result<Duration> {
        let mut definitions = Vec::new();
        for vm in 0..at_once {
            let spec = DomainSpec::checked(&spec(vm), &self.roots)?;
            definitions.push(domain_xml(&spec, Virtualization::Qemu)?);
        }
        let begun = Instant::now();
        try_join_all(definitions.into_iter().map(|xml| self.blocking(move |libvirt| libvirt::start(libvirt, &xml))))
            .await?;
        let took = begun.elapsed();
        try_join_all((0..at_once).map(|vm| self.blocking(move |libvirt| libvirt::remove(libvirt, &uuid(vm))))).await?;
        Ok(took)
    }

    async fn blocking(&self, work: impl FnOnce(&Connect) -> anyhow::Result<()> + Send + 'static) -> anyhow::Result<()> {
        let connection = self.connection.clone();
        spawn_blocking(move || work(&connection)).await.context("a thread")?
    }
}

fn uuid(vm: u8) -> String {
    format!("a{vm:031x}")
}

fn disk(vm: u8) -> String {
    format!("{STORAGE}/{vm}.raw")
}

/// A disk whose boot sector halts for ever.
fn idle_disk() -> Vec<u8> {
    let mut disk = vec![0; 1 << 20];
    disk[..4].copy_from_slice(&[0xfb, 0xf4, 0xeb, 0xfc]); // sti; again: hlt; jmp again
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

fn spec(vm: u8) -> kvm::VmSpec {
    kvm::VmSpec {
        uuid: uuid(vm),
        name: format!("vm-{vm}"),
        cpu_num: 1,
        memory: 64 << 20,
        disks: vec![kvm::Disk {
            volume_uuid: format!("b{vm:031x}"),
            path: disk(vm),
            format: "raw".into(),
            // The agent would look what the file system can do.
            cache: kvm::DiskCache::Writeback.into(),
            ..kvm::Disk::default()
        }],
        nics: vec![kvm::Nic {
            uuid: format!("c{vm:031x}"),
            mac: format!("fa:16:3e:00:00:{vm:02x}"),
            bridge: BRIDGE.into(),
            device_name: format!("vnic{vm}.0"),
            ..kvm::Nic::default()
        }],
        console: Some(kvm::Console { listen: "127.0.0.1".into(), ..kvm::Console::default() }),
        ..kvm::VmSpec::default()
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! Telling agents by hand: a connection to each, and a place where they call back.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use bytes::Bytes;
use cumulo_agent_rt::{AgentClient, serve, sim::Authority, submit, tls};
use cumulo_proto::{AgentCommand, Header, Outcome, kvm, outcome};
use cumulo_schema::Uuid;
use cumulo_sim_hosts::{
    Hosts, Network,
    control::{Deployment, Kind},
};
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::rows::{address, mac};
use crate::cloud::host_address;

/// Where agents of hosts listen.
const PORT: u16 = 7070;
/// Hosts that are deployed to at once.
const AT_ONCE: usize = 8;
/// How long agents may keep their answer for the outcome: as the node lets them.
const ANSWER_WITHIN_MS: u32 = 500;
/// Longest wait for an outcome.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where the hosts keep disks, and the image that all start from.
const STORAGE: &str = "/by_hand";
const IMAGE: &str = "/by_hand/image.qcow2";
const IMAGE_SIZE: u64 = 1 << 30;
const BRIDGE: &str = "br_by_hand";
const L2: &str = "c0000000000000000000000000000001";
const L3: &str = "c0000000000000000000000000000002";
/// Guests have addresses of the next network.
const SERVER: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 60, 0, 2);

/// A command that is given for each VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    CreateRootVolume,
    EnsureBridge,
    AddDhcpEntry,
    StartVm,
    DestroyVm,
    RemoveDhcpEntry,
    RemoveUserdata,
    DeleteVolume,
}

const CALLS: [Call; 8] = [
    Call::CreateRootVolume,
    Call::EnsureBridge,
    Call::AddDhcpEntry,
    Call::StartVm,
    Call::DestroyVm,
    Call::RemoveDhcpEntry,
    Call::RemoveUserdata,
    Call::DeleteVolume,
];

impl Call {
    /// The one of that name.
    pub(super) fn named(name: &str) -> anyhow::Result<Self> {
        let found = CALLS.into_iter().find(|call| call.name() == name);
        found.with_context(|| format!("the node tells agents {name}, which nobody here can do by hand"))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateRootVolume => kvm::CreateRootVolume::NAME,
            Self::EnsureBridge => kvm::EnsureBridge::NAME,
            Self::AddDhcpEntry => kvm::AddDhcpEntry::NAME,
            Self::StartVm => kvm::StartVm::NAME,
            Self::DestroyVm => kvm::DestroyVm::NAME,
            Self::RemoveDhcpEntry => kvm::RemoveDhcpEntry::NAME,
            Self::RemoveUserdata => kvm::RemoveUserdata::NAME,
            Self::DeleteVolume => kvm::DeleteVolume::NAME,
        }
    }
}

/// Hosts of our own, in a process of their own, and ways to them.
pub(super) struct Agents {
    links: Vec<AgentClient>,
    desk: Arc<Desk>,
    callback: String,
    _serving: DropGuard,
    hosts: Hosts,
    // Dropped last: the process has its folder in it.
    _dir: TempDir,
}

/// Who waits for which outcome.
#[derive(Default)]
struct Desk(Mutex<HashMap<String, oneshot::Sender<Outcome>>>);

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Outcome>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agents {
    /// So many hosts, ready for VMs, whose commands take `work_ms` milliseconds longer than they need.
    pub(super) async fn deploy(hosts: usize, work_ms: u64) -> anyhow::Result<Self> {
        let (dir, network, work) = (tempfile::tempdir()?, Network::any(), work_ms.to_string());
        let process = Hosts::start(&Hosts::program()?, dir.path(), &["--in-memory", "--work-ms", &work]).await?;
        let authority = Authority::new()?;
        let manager = authority.issue(tls::MANAGER_NAME)?.identity()?;
        let (desk, stop) = (Arc::new(Desk::default()), CancellationToken::new());
        let listener = TcpListener::bind(SocketAddr::new(network.address(1), 0)).await?;
        let callback = format!("https://{}/agent/v1", listener.local_addr()?);
        let router = Router::new().route("/agent/v1/{kind}", post(receive)).with_state(desk.clone());
        let (_, server) = watch::channel(tls::callback_server(&manager)?);
        tokio::spawn(serve(listener, server, router, stop.clone()));
        let (_, client) = watch::channel(tls::client(&manager)?);
        let mut links = Vec::new();
        let mut deployments = Vec::new();
        for n in 0..hosts {
            let (agent, address) = (format!("d{n:031x}"), SocketAddr::new(host_address(network, n), PORT));
            let issued = authority.issue(&tls::agent_name(&agent))?;
            links.push(AgentClient::new(&address.to_string(), client.clone(), &agent)?);
            let (ca, certificate, key) = (issued.ca, issued.cert, issued.key);
            deployments.push(Deployment { kind: Kind::KvmAgent, agent, address, ca, certificate, key });
        }
        let agents = Self { links, desk, callback, _serving: stop.drop_guard(), hosts: process, _dir: dir };
        let ready = stream::iter(deployments.iter().enumerate()).map(async |(n, deployment)| {
            agents.hosts.control().deploy(deployment).await?;
            agents.prepare(n, &deployment.agent).await
        });
        ready.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(agents)
    }

    /// Makes the host `n` one that takes VMs.
    async fn prepare(&self, n: usize, agent: &str) -> anyhow::Result<()> {
        self.call(n, kvm::Connect { header: None, host_uuid: agent.to_owned() }).await?;
        self.call(n, kvm::InitLocalStorage { header: None, path: STORAGE.to_owned() }).await?;
        let image = kvm::CreateEmptyVolume { path: IMAGE.to_owned(), virtual_size: IMAGE_SIZE, ..Default::default() };
        self.call(n, image).await?;
        self.call(n, bridge()).await?;
        let dhcp = kvm::EnsureDhcp { header: None, network: Some(network()), entries: Vec::new(), generation: 1 };
        self.call(n, dhcp).await
    }

    /// Gives the command for the VM `n`.
    pub(super) async fn tell(&self, call: Call, n: u32) -> anyhow::Result<()> {
        let host = usize::try_from(n)? % self.links.len();
        let (vm, volume, path) = (id('a', n), id('b', n), format!("{STORAGE}/{n}.qcow2"));
        let told = match call {
            Call::CreateRootVolume => {
                let backing_path = IMAGE.to_owned();
                let command = kvm::CreateRootVolume { volume_uuid: volume, path, backing_path, ..Default::default() };
                self.call(host, command).await
            }
            Call::EnsureBridge => self.call(host, bridge()).await,
            Call::AddDhcpEntry => {
                let entry = kvm::DhcpEntry {
                    mac: mac(n),
                    ip: address(SERVER, n).to_string(),
                    vm_uuid: vm,
                    nic_uuid: id('e', n),
                    default_route: true,
                    ..Default::default()
                };
                self.call(host, kvm::AddDhcpEntry { header: None, network: Some(network()), entry: Some(entry) }).await
            }
            Call::StartVm => self.call(host, kvm::StartVm { header: None, vm: Some(spec(vm, volume, path, n)) }).await,
            Call::DestroyVm => self.call(host, kvm::DestroyVm { header: None, vm_uuid: vm }).await,
            Call::RemoveDhcpEntry => {
                let command = kvm::RemoveDhcpEntry { header: None, l3_uuid: L3.to_owned(), nic_uuid: id('e', n) };
                self.call(host, command).await
            }
            Call::RemoveUserdata => {
                self.call(host, kvm::RemoveUserdata { header: None, l3_uuid: L3.to_owned(), vm_uuid: vm }).await
            }
            Call::DeleteVolume => self.call(host, kvm::DeleteVolume { header: None, volume_uuid: volume, path }).await,
        };
        told.with_context(|| format!("{} by hand", call.name()))
    }

    /// Sends a command to the host `host`, and waits for its outcome.
    async fn call<C: AgentCommand>(&self, host: usize, mut command: C) -> anyhow::Result<()> {
        let task_id = Uuid::random().to_string();
        let (sender, outcome) = oneshot::channel();
        self.desk.waiting().insert(task_id.clone(), sender);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + PATIENCE;
        command.set_header(Header {
            task_id,
            callback_url: self.callback.clone(),
            deadline_ms: u64::try_from(deadline.as_millis())?,
            epoch: 1,
            trace: String::new(),
            answer_within_ms: ANSWER_WITHIN_MS,
        });
        let outcome = match submit(&self.links[host], &command).await?.outcome {
            Some(outcome) => {
                self.desk.waiting().remove(&outcome.task_id);
                outcome
            }
            None => timeout(PATIENCE, outcome).await.with_context(|| format!("{} has no outcome", C::NAME))??,
        };
        match outcome.result {
            Some(outcome::Result::Reply(_)) => Ok(()),
            Some(outcome::Result::Failure(failure)) => bail!("{}: {}: {}", C::NAME, failure.code, failure.message),
            None => bail!("{} has an empty outcome", C::NAME),
        }
    }
}

/// Where agents call back; what they report is not looked at.
async fn receive(State(desk): State<Arc<Desk>>, Path(kind): Path<String>, body: Bytes) -> StatusCode {
    if kind == "outcomes" {
        let Ok(outcome) = Outcome::decode(body) else { return StatusCode::BAD_REQUEST };
        if let Some(waiting) = desk.waiting().remove(&outcome.task_id) {
            // Who does not wait any more need not be told.
            let _ = waiting.send(outcome);
        }
    }
    StatusCode::NO_CONTENT
}

fn id(kind: char, n: u32) -> String {
    format!("{kind}{n:031x}")
}

fn bridge() -> kvm::EnsureBridge {
    kvm::EnsureBridge {
        l2_uuid: L2.to_owned(),
        bridge_name: BRIDGE.to_owned(),
        physical_interface: "eth1".to_owned(),
        ..Default::default()
    }
}

fn network() -> kvm::DhcpNetwork {
    kvm::DhcpNetwork {
        l3_uuid: L3.to_owned(),
        bridge_name: BRIDGE.to_owned(),
        physical_interface: "eth1".to_owned(),
        server_ip: SERVER.to_string(),
        prefix_len: 15,
        gateway: "10.60.0.1".to_owned(),
        ..Default::default()
    }
}

fn spec(vm: String, volume: String, path: String, n: u32) -> kvm::VmSpec {
    kvm::VmSpec {
        name: format!("by-hand-{n}"),
        uuid: vm,
        cpu_num: 1,
        memory: 128 << 20,
        disks: vec![kvm::Disk { volume_uuid: volume, path, format: "qcow2".to_owned(), ..Default::default() }],
        nics: vec![kvm::Nic {
            uuid: id('e', n),
            mac: mac(n),
            bridge: BRIDGE.to_owned(),
            device_name: format!("vnic{n}.0"),
            ..Default::default()
        }],
        console: Some(kvm::Console { listen: "127.0.0.1".to_owned(), ..Default::default() }),
        ..Default::default()
    }
}

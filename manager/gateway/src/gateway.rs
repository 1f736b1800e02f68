//! The handle that plugins keep.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use cumulo_agent_rt::{AgentLink, Callbacks};
use cumulo_kernel::{Kernel, Setup, cluster::Hold, plan, work::TaskNews};
use cumulo_proto::{AgentCommand, Outcome, PingReply, Progress, Report, Samples};
use cumulo_schema::{ErrorCode, Resource, Uuid, codes};
use prost::Message;
use tokio_util::sync::CancellationToken;

use crate::{
    AgentKind, Deployer, Deployment, GatewayError, OnReport, SshTarget,
    agents::{Agent, Agents, MIGRATION},
    ca::{Authority, ManagerTls},
    call::{self, Addressee},
    callback,
    deploy::{AnsibleDeployer, Binaries},
    in_process::{InProcess, Links},
    peers::{AgentDeployed, Peer, Peers, Wire},
    reach::Reach,
    reports::{AgentMeasured, AgentReported, Reports},
    waiters::{Delivery, Waiters},
};

/// What the gateway needs to know.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The manager's data directory: certificates and deployment logs are below it.
    pub data_dir: PathBuf,
    /// Where agents deliver outcomes and reports.
    pub callback_listen: SocketAddr,
    /// The address of this node that agents are told; the one that routes to each of them where absent.
    pub advertise: Option<IpAddr>,
    /// Folder of the playbooks and roles.
    pub ansible_dir: PathBuf,
    /// The KVM agent's program.
    pub kvm_agent_binary: PathBuf,
    /// The storage agent's program.
    pub storage_agent_binary: PathBuf,
}

/// A handle on the gateway; clones share it.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    kernel: Kernel,
    agents: Agents,
    peers: Arc<Peers>,
    waiters: Waiters,
    reach: Reach,
    reports: Arc<Reports>,
    deployer: Arc<dyn Deployer>,
    network: Option<Network>,
    closing: CancellationToken,
}

/// What a gateway to agents on other machines has beside.
struct Network {
    authority: Arc<Authority>,
    callback: SocketAddr,
    advertise: Option<IpAddr>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("callback", &self.callback_address()).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Opens the certificate authority, listens for outcomes and reports, and registers the table of agents. Plugins are
    /// installed with a clone of the result. To be called in a tokio runtime, before the kernel starts: a flow that is
    /// resumed then may call an agent at once. Reports are taken when it has started.
    ///
    /// # Errors
    /// When the authority's files or the listening address cannot be used.
    pub fn install(setup: &mut Setup, config: &GatewayConfig) -> Result<Self, GatewayError> {
        let authority = Arc::new(Authority::open(&config.data_dir.join("ca"))?);
        let tls = ManagerTls::new(&authority)?;
        let (listener, callback) = callback::bind(config.callback_listen)?;
        let binaries = Binaries { kvm: config.kvm_agent_binary.clone(), storage: config.storage_agent_binary.clone() };
        let ansible_dir = config.ansible_dir.clone();
        let deployer = AnsibleDeployer::new(authority.clone(), ansible_dir, binaries, &config.data_dir);
        let network = Network { authority: authority.clone(), callback, advertise: config.advertise };
        let gateway = Self::assemble(setup, Wire::Tls(tls.client()), Arc::new(deployer), Some(network));

        let (kernel, closing) = (setup.kernel(), gateway.inner.closing.clone());
        tokio::spawn(callback::close_after(kernel.stopping(), closing.clone()));
        tokio::spawn(cumulo_agent_rt::serve(listener, tls.server(), callback::router(gateway.clone()), closing));
        kernel.spawn(tls.keep_fresh(authority));
        Ok(gateway)
    }

    /// A gateway without certificates and sockets, for simulated agents: `deployer` is asked instead of Ansible and
    /// brings agents in with [`Gateway::attach_link`]; they call back through [`Gateway::callbacks`].
    pub fn in_process(setup: &mut Setup, deployer: Arc<dyn Deployer>) -> Self {
        Self::assemble(setup, Wire::Attached, deployer, None)
    }

    /// As [`Gateway::in_process`], where several nodes deploy agents: each finds those of all by `links`.
    pub fn linked(setup: &mut Setup, deployer: Arc<dyn Deployer>, links: Arc<dyn Links>) -> Self {
        Self::assemble(setup, Wire::Links(links), deployer, None)
    }

    fn assemble(setup: &mut Setup, wire: Wire, deployer: Arc<dyn Deployer>, network: Option<Network>) -> Self {
        let reports = Arc::new(Reports::default());
        setup.migrations(&[MIGRATION]).resources(&[Agent::META]).message::<AgentReported>(reports.clone());
        setup.message::<AgentMeasured>(reports.clone()).configs(&[call::PATIENCE]);
        let (kernel, waiters) = (setup.kernel().clone(), Waiters::default());
        let peers = Arc::new(Peers::new(wire, waiters.clone()));
        setup.on::<AgentDeployed>(peers.clone());
        let inner = Inner {
            agents: Agents::new(kernel.db().clone()),
            peers,
            waiters,
            reach: Reach::new(kernel.clone()),
            reports,
            deployer,
            network,
            closing: CancellationToken::new(),
            kernel,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Where agents call back, as bound; `None` where all agents are in this process.
    #[must_use]
    pub fn callback_address(&self) -> Option<SocketAddr> {
        self.inner.network.as_ref().map(|network| network.callback)
    }

    /// Stops listening. The endpoint also closes by itself some time after the kernel was told to stop: flows under way
    /// still wait for outcomes then.
    pub fn close(&self) {
        self.inner.closing.cancel();
    }

    /// Runs `command` on `agent` and waits for its outcome, at most until the deadline of the current call. The header is
    /// set here. The same `task` is done once, however often it is asked for; a command that is to be tried again after
    /// it failed needs another one.
    ///
    /// # Errors
    /// What the agent said it failed of, with its code as `agentCode`; HOST.1000, with what it waits for, when the agent does
    /// not accept it for a while, is known to be away ([`crate::AgentWatch`]), or stays unreachable after it accepted;
    /// SYS.1001 when the deadline passed. Unless the agent said it, it may still do it.
    pub async fn call<C: AgentCommand>(&self, agent: Uuid, task: Uuid, command: C) -> Result<C::Reply, ErrorCode> {
        self.exchange(agent, task, command, false, call::reply::<C>).await
    }

    /// As [`Gateway::call`], also where the agent is known to be away: for who finds out whether it is back.
    ///
    /// # Errors
    /// As there.
    pub async fn greet<C: AgentCommand>(&self, agent: Uuid, task: Uuid, command: C) -> Result<C::Reply, ErrorCode> {
        self.exchange(agent, task, command, true, call::reply::<C>).await
    }

    /// Makes sure that `task` of `agent` has ended, however it did: `command` is its command, in a form that does nothing
    /// where the agent does not know the task. Waits for its end, at most until the deadline of the current call.
    ///
    /// # Errors
    /// As [`Gateway::call`], but not what the task failed of: as long as it may be under way.
    pub async fn settle<C: AgentCommand>(&self, agent: Uuid, task: Uuid, command: C) -> Result<(), ErrorCode> {
        self.exchange(agent, task, command, false, |_, _| Ok(())).await
    }

    /// Runs `command` and answers what `read` makes of its outcome. `finds_out`: also where the agent is known to be away.
    async fn exchange<C: AgentCommand, T>(
        &self,
        agent: Uuid,
        task: Uuid,
        command: C,
        finds_out: bool,
        read: impl FnOnce(&Peer, &Outcome) -> Result<T, ErrorCode> + Send,
    ) -> Result<T, ErrorCode> {
        plan::door("agent command", C::NAME)?;
        let inner = &self.inner;
        let peer = inner.peers.get(&inner.agents, agent).await?;
        let advertise = inner.network.as_ref().and_then(|network| network.advertise);
        let callback = peer.callback(inner.kernel.node(), self.callback_address(), advertise).await?;
        inner.kernel.db().settle().await?;
        let noted = inner.kernel.timeline().command(C::NAME, agent, task);
        let to = Addressee { agent, peer: &peer, reach: &inner.reach, finds_out };
        let outcome = call::run(&inner.kernel, &inner.waiters, to, callback, task, command).await;
        let outcome = outcome.and_then(|outcome| read(&peer, &outcome));
        noted.ended(outcome.as_ref().err());
        outcome
    }

    /// Asks whether the agent lives, once.
    ///
    /// # Errors
    /// HOST.1000 when it does not answer.
    pub async fn ping(&self, agent: Uuid) -> Result<PingReply, ErrorCode> {
        let peer = self.inner.peers.get(&self.inner.agents, agent).await?;
        Addressee { agent, peer: &peer, reach: &self.inner.reach, finds_out: true }.ping().await
    }

    /// It may be recorded by now that `agent` is away: commands that it has not accepted fail where that is so.
    pub fn suspect(&self, agent: Uuid) {
        self.inner.reach.suspect(agent);
    }

    /// For how long `agent` has left unanswered what this node asked of it; `None` where it answered last, or was not asked
    /// lately.
    #[must_use]
    pub fn silent_for(&self, agent: Uuid) -> Option<Duration> {
        self.inner.reach.silent_for(agent)
    }

    /// Installs or updates the agent on a machine and remembers where it is. Converges: it may be called at any time
    /// again, also with another address.
    ///
    /// # Errors
    /// One sentence of what refused: SSH, the password, a package, the agent that did not come up; the end of the output
    /// as `output`.
    pub async fn deploy(&self, agent: Uuid, kind: AgentKind, target: &SshTarget) -> Result<(), ErrorCode> {
        plan::door("deploy agent", "installs or updates the agent on its machine")?;
        let inner = &self.inner;
        let deploy = async {
            inner.kernel.db().settle().await?;
            inner.deployer.deploy(&Deployment { agent, kind, target: target.clone() }).await?;
            inner.agents.put(agent, kind, &target.host).await?;
            // A connection to the old address, or with the old certificate at its end, is not used again; on no node.
            inner.peers.renew(agent);
            inner.kernel.bus().publish(&AgentDeployed { agent });
            Ok(())
        };
        let (hold, lane) = (Hold::current(), format!("deploy:{agent}"));
        let deploy = inner.kernel.queues().run(&lane, 1, deploy);
        tokio::select! {
            deployed = deploy => deployed,
            // Dropped in the middle: deploying converges, and who goes on begins it again.
            () = hold.left() => Err(ErrorCode::new(
                codes::NODE_UNAVAILABLE,
                "the deployment of an agent is for another management node by now, which begins it again",
            )),
        }
    }

    /// From now on, and in every later life of this node, behind `agent` there is no machine: every command to it succeeds
    /// at once, changes nothing and is answered with an empty reply. So what plugins prepare on hosts need not know that
    /// some hosts are simulated. Repeatable; [`Gateway::forget`] ends it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn simulate(&self, agent: Uuid) -> Result<(), ErrorCode> {
        self.inner.agents.put_simulated(agent).await?;
        self.inner.peers.renew(agent);
        self.inner.kernel.bus().publish(&AgentDeployed { agent });
        Ok(())
    }

    /// Forgets the agent: its address, certificate and connection. The program on its machine is left to itself. One that
    /// is not known is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&self, agent: Uuid) -> Result<(), ErrorCode> {
        let inner = &self.inner;
        inner.agents.remove(agent).await?;
        inner.peers.remove(agent);
        inner.kernel.bus().publish(&AgentDeployed { agent });
        inner.reports.forget(agent);
        inner.reach.forget(agent);
        if let Some(network) = &inner.network {
            network.authority.forget(agent);
        }
        Ok(())
    }

    /// Whether the agent's certificate has less than half of its life before it: time to deploy the agent again. Who can do
    /// that has the password of its machine, and so has to ask.
    #[must_use]
    pub fn is_certificate_aging(&self, agent: Uuid) -> bool {
        self.inner.network.as_ref().is_some_and(|network| network.authority.is_aging(agent))
    }

    /// Hears reports from now on.
    pub fn on_report(&self, listener: Arc<dyn OnReport>) {
        self.inner.reports.listen(listener);
    }

    /// Speaks to `agent` by `link` from now on: a simulated agent in this process.
    pub fn attach_link(&self, agent: Uuid, link: Arc<dyn AgentLink>) {
        self.inner.peers.attach(agent, link);
    }

    /// The way back for agents in this process.
    #[must_use]
    pub fn callbacks(&self) -> Arc<dyn Callbacks> {
        Arc::new(InProcess(self.clone()))
    }

    /// Delivers an outcome as the callback endpoint does; whether somebody waited for it.
    #[must_use]
    pub fn deliver(&self, outcome: Outcome) -> bool {
        let Ok(agent) = outcome.agent.parse() else { return false };
        self.inner.waiters.deliver(agent, outcome) == Delivery::Taken
    }

    /// Takes note of how far a task is, as the callback endpoint does.
    pub fn progress(&self, progress: &Progress) {
        let (Ok(agent), Ok(task)) = (progress.agent.parse(), progress.task_id.parse()) else { return };
        if let Some((command, trace)) = self.inner.waiters.purpose(agent, task) {
            let percent = u8::try_from(progress.percent).unwrap_or(100);
            self.inner.kernel.work().task(trace, TaskNews { task, command, percent, text: &progress.text });
        }
    }

    /// Passes a report on as the callback endpoint does.
    ///
    /// # Errors
    /// SYS.1010 while the node is starting; the agent reports again.
    pub async fn report(&self, report: Report) -> Result<(), ErrorCode> {
        let nobody = |cause| ErrorCode::invalid("a report names no agent").because_of(&cause);
        let agent: Uuid = report.agent.parse().map_err(nobody)?;
        let pass_on = self.inner.kernel.bus().call(AgentReported { agent, report: report.encode_to_vec() });
        // In order: a listener hears one report of an agent at a time.
        self.inner.kernel.queues().run(&format!("report:{agent}"), 1, pass_on).await
    }

    /// Passes samples on as the callback endpoint does.
    ///
    /// # Errors
    /// SYS.1010 while the node is starting; then they are lost.
    pub async fn samples(&self, samples: Samples) -> Result<(), ErrorCode> {
        let nobody = |cause| ErrorCode::invalid("samples name no agent").because_of(&cause);
        let agent: Uuid = samples.agent.parse().map_err(nobody)?;
        self.inner.kernel.bus().call(AgentMeasured { agent, samples: samples.encode_to_vec() }).await
    }
}

#[cfg(test)]
mod tests;

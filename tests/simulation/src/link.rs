//! The ways of a node to an agent: commands, pings, and what Ansible does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use cumulo_agent_rt::{AgentLink, LinkError};
use cumulo_gateway::{DeployError, Deployer, Deployment};
use cumulo_proto::{Accepted, PingReply};
use cumulo_schema::Uuid;
use tokio::time::sleep;

use crate::{machine::Machine, machines::Machines};

/// How long an agent may take to answer, as over gRPC.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a machine may take to take an agent, as over SSH.
const DEPLOY: Duration = Duration::from_secs(10);
/// Once in so many times a command arrives twice.
const DOUBLES: u32 = 300;

/// From node `n` to `agent`.
pub(crate) struct Link {
    pub(crate) machines: Arc<Machines>,
    pub(crate) n: usize,
    /// Where it was deployed; absent where that is no address.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) agent: Uuid,
}

impl Link {
    /// Has `work` done on the machine, which is asked `what`.
    async fn ask<T: Send + 'static, W: Future<Output = Result<T, LinkError>> + Send + 'static>(
        &self,
        what: String,
        work: impl FnOnce(Arc<Machine>) -> W + Send + 'static,
    ) -> Result<T, LinkError> {
        let (machines, agent) = (self.machines.clone(), self.agent);
        let n = self.n;
        let unreachable = || LinkError::Unreachable {
            address: self.address.map(|address| address.to_string()).unwrap_or_default(),
            cause: "nothing was heard of it".into(),
        };
        let address = self.address.ok_or_else(unreachable)?;
        let serve = move || {
            machines.outside.trace.note(format_args!("node {n} to {address}: {what}"));
            let (machine, weather) = (machines.at(address, agent)?, machines.weather.clone());
            machines.among_agents(async move {
                weather.answers(address.ip()).await;
                let answer = work(machine).await;
                weather.answers(address.ip()).await;
                answer
            })
        };
        self.machines.exchange(n, ANSWER, serve).await.ok_or_else(unreachable)?
    }
}

#[async_trait]
impl AgentLink for Link {
    async fn submit(&self, path: &'static str, request: Bytes) -> Result<Accepted, LinkError> {
        let doubled = self.machines.outside.happens(DOUBLES).then(|| self.machines.outside.delay());
        let name = path.rsplit('/').next().unwrap_or(path);
        let what = match self.address.and_then(|address| self.machines.at(address, self.agent)) {
            Some(machine) => format!("{name} {}", machine.task_of(path, &request).unwrap_or_default()),
            None => name.to_owned(),
        };
        let machines = self.machines.clone();
        let work = move |machine: Arc<Machine>| async move {
            if let Some(later) = doubled {
                let (machine, request) = (machine.clone(), request.clone());
                machines.among_agents(async move {
                    sleep(later).await;
                    machine.link().submit(path, request).await
                });
            }
            machine.link().submit(path, request).await
        };
        self.ask(what, work).await
    }

    async fn ping(&self) -> Result<PingReply, LinkError> {
        self.ask("Ping".to_owned(), |machine| async move { machine.link().ping().await }).await
    }

    async fn cancel(&self, task_id: &str) -> Result<bool, LinkError> {
        let task = task_id.to_owned();
        self.ask(format!("Cancel {task}"), |machine| async move { machine.link().cancel(&task).await }).await
    }
}

/// What node `n` has in place of Ansible.
pub(crate) struct Installer {
    pub(crate) machines: Arc<Machines>,
    pub(crate) n: usize,
}

#[async_trait]
impl Deployer for Installer {
    async fn deploy(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let Deployment { agent, kind, target } = deployment.clone();
        let ip = target.host.parse().map_err(|_| DeployError::BadTarget(format!("{} is no address", target.host)))?;
        let (machines, n) = (self.machines.clone(), self.n);
        let serve = move || {
            machines.outside.trace.note(format_args!("node {n} to {ip}: deploys {kind} {agent}"));
            let there = machines.clone();
            machines.among_agents(async move {
                there.weather.answers(ip).await;
                there.put(SocketAddr::new(ip, kind.port()), agent, kind)
            })
        };
        let failed = |reason: String| DeployError::Failed { reason, output: String::new() };
        let deployed = self.machines.exchange(n, DEPLOY, serve).await;
        let deployed = deployed.ok_or_else(|| failed(format!("{ip} cannot be reached over SSH")))?;
        deployed.map_err(|error| failed(error.to_string()))
    }
}

//! Watching hosts: connecting them when the node has started, then asking again and again whether they answer.
//!
//! One that does not answer several times in a row is disconnected, and everybody is told; one that answers again is
//! connected again. Nothing is deployed here: who was away comes back as it is.

use std::{
    collections::HashSet,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cumulo_contracts::{
    message::host::ConnectHost,
    resource::{Host, HostStatus},
};
use cumulo_kernel::{
    bus::{CallContext, Caller},
    flow::{Flow, FlowRow, FlowState},
};
use cumulo_schema::{ErrorCode, Uuid};
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    Hosts,
    add::AddHost,
    config,
    connect::{CONNECT_TIMEOUT, is_cut_off},
};

/// The pause where the setting for it cannot be read.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How often it is looked whether the pause is over.
const LOOK: Duration = Duration::from_secs(1);

/// Connects all hosts, then watches them for ever.
pub(crate) async fn rounds(hosts: Hosts) {
    let mut connected = HashSet::new();
    if let Err(error) = hosts.connect_new(&mut connected).await {
        tracing::error!(%error, "hosts could not be connected after the start");
    }
    loop {
        pause(&hosts).await;
        if hosts.kernel.cluster().is_shared()
            && let Err(error) = hosts.connect_new(&mut connected).await
        {
            tracing::warn!(%error, "hosts of other nodes could not be taken over");
        }
        if let Err(error) = hosts.ping_all().await {
            tracing::warn!(%error, "hosts could not be asked whether they answer");
        }
    }
}

/// As long as the setting says; it is looked at all the time, so that a shorter one counts at once.
async fn pause(hosts: &Hosts) {
    let begun = Instant::now();
    let interval = || config::number(&hosts.kernel, "ping.interval").map_or(AFTER_FAILURE, Duration::from_secs);
    while begun.elapsed() < interval() {
        sleep(LOOK.min(interval().saturating_sub(begun.elapsed()))).await;
    }
}

impl Hosts {
    /// Connects the hosts of this node that are not `connected` yet, some at once: all at the start, later those that it
    /// took over from other nodes, so that their agents report to this one. A host that fails is logged and asked again by
    /// the watch; one that no node got to is connected in the next round.
    async fn connect_new(&self, connected: &mut HashSet<Uuid>) -> Result<(), ErrorCode> {
        let mut hosts = self.watched().await?;
        let adding = self.adding().await?;
        hosts.retain(|host| !adding.contains(&host.uuid));
        let before = std::mem::replace(connected, hosts.iter().map(|host| host.uuid).collect());
        hosts.retain(|host| !before.contains(&host.uuid));
        let at_once = config::number(&self.kernel, "load.parallelismDegree")?;
        let left = Mutex::new(Vec::new());
        for_each(hosts, at_once, |host| {
            let left = &left;
            async move {
                let outcome = self.kernel.bus().call(ConnectHost { host: host.uuid, deploy: false }).await;
                if let Err(error) = outcome {
                    tracing::warn!(host = %host.uuid, name = host.name, %error, cause = ?error.cause, "a host is not connected");
                    if is_cut_off(&error) {
                        left.lock().unwrap_or_else(PoisonError::into_inner).push(host.uuid);
                    }
                }
            }
        })
        .await;
        for host in left.into_inner().unwrap_or_else(PoisonError::into_inner) {
            connected.remove(&host);
        }
        Ok(())
    }

    /// The hosts that a flow connects as it adds them.
    async fn adding(&self) -> Result<HashSet<Uuid>, ErrorCode> {
        let flows = self.kernel.db().select::<FlowRow>();
        let flows =
            flows.eq(FlowRow::FLOW, &AddHost::NAME.to_owned()).eq(FlowRow::STATE, &FlowState::Active).all().await?;
        Ok(flows.into_iter().map(|flow| flow.resource_uuid).collect())
    }

    /// Asks every host of this node whether it answers, some at once.
    async fn ping_all(&self) -> Result<(), ErrorCode> {
        let hosts = self.watched().await?;
        let at_once = config::number(&self.kernel, "ping.parallelismDegree")?;
        for_each(hosts, at_once, |host| async move {
            if let Err(error) = self.look_after(&host).await {
                tracing::warn!(host = %host.uuid, name = host.name, %error, "a host could not be looked after");
            }
        })
        .await;
        Ok(())
    }

    /// The hosts that this node looks after.
    async fn watched(&self) -> Result<Vec<Host>, ErrorCode> {
        let mut hosts = self.store.all().await?;
        hosts.retain(|host| self.kernel.cluster().owns(&host.uuid));
        Ok(hosts)
    }

    async fn look_after(&self, host: &Host) -> Result<(), ErrorCode> {
        match (host.status, self.answers(host).await?) {
            // Somebody is at it; what comes of that is seen in the next round.
            (HostStatus::Connecting, _) | (HostStatus::Disconnected, Err(_)) => Ok(()),
            // Settings may have changed since it connected.
            (HostStatus::Connected, Ok(())) => self.resize(host.uuid).await,
            (HostStatus::Connected, Err(problem)) => {
                tracing::warn!(host = %host.uuid, name = host.name, error = %problem, "a host does not answer");
                self.lose(host).await
            }
            (HostStatus::Disconnected, Ok(())) => {
                self.kernel.bus().call(ConnectHost { host: host.uuid, deploy: false }).await
            }
        }
    }

    /// Whether the host answers, asked several times where it should.
    async fn answers(&self, host: &Host) -> Result<Result<(), ErrorCode>, ErrorCode> {
        let number = |name| config::number(&self.kernel, name);
        let patience = Duration::from_secs(number("ping.timeout")?);
        let pause = Duration::from_secs(number("ping.sleepPeriodAfterFailure")?);
        let tries = if host.status == HostStatus::Connected { number("ping.maxFailure")? } else { 1 };
        let connector = self.connector(host)?;
        let mut answer = Ok(());
        for attempt in 0..tries {
            if attempt > 0 {
                sleep(pause).await;
            }
            let late = |_| Err(ErrorCode::operation(format!("host '{}' did not answer in time", host.name)));
            answer = timeout(patience, connector.ping(host.uuid)).await.unwrap_or_else(late);
            if answer.is_ok() {
                break;
            }
        }
        Ok(answer)
    }
}

/// Runs `work` for each host as something the system does by itself, `at_once` at a time.
async fn for_each<W: Future<Output = ()>>(hosts: Vec<Host>, at_once: u64, work: impl Fn(Host) -> W) {
    let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
    let tasks = hosts
        .into_iter()
        .map(|host| CallContext::starting(Uuid::random(), Caller::SYSTEM, CONNECT_TIMEOUT).scope(work(host)));
    stream::iter(tasks).for_each_concurrent(at_once, |task| task).await;
}

//! Watching hosts: connecting them when the node has started, then asking again and again whether they answer.
//!
//! One that does not answer several times in a row is disconnected, and everybody is told; one that answers again is
//! connected again. Nothing is deployed here: who was away comes back as it is.

use std::{
    collections::HashSet,
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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

/// The hosts that this node has connected in this life, or tried to: those that their pings are enough for.
#[derive(Default)]
struct Connected {
    hosts: Mutex<HashSet<Uuid>>,
    /// Whether a host was taken out since that was looked at last.
    was_cut_off: AtomicBool,
}

impl Connected {
    /// From now on exactly `hosts`; answers those before.
    fn replace(&self, hosts: HashSet<Uuid>) -> HashSet<Uuid> {
        std::mem::replace(&mut *self.hosts.lock().unwrap_or_else(PoisonError::into_inner), hosts)
    }

    /// Takes `host` out, which is to be connected in the next round.
    fn cut_off(&self, host: Uuid) {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
        self.was_cut_off.store(true, Ordering::Relaxed);
    }
}

/// Connects all hosts, then watches them for ever.
pub(crate) async fn rounds(hosts: Hosts) {
    let connected = Connected::default();
    if let Err(error) = hosts.connect_new(&connected).await {
        tracing::error!(%error, "hosts could not be connected after the start");
    }
    loop {
        pause(&hosts).await;
        let was_cut_off = connected.was_cut_off.swap(false, Ordering::Relaxed);
        if (was_cut_off || hosts.kernel.cluster().is_shared())
            && let Err(error) = hosts.connect_new(&connected).await
        {
            tracing::warn!(%error, "hosts of other nodes could not be taken over");
        }
        if let Err(error) = hosts.ping_all(&connected).await {
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
    /// took over from other nodes, so that their agents report to this one, and those that it was cut off from. A host that
    /// fails is logged and asked again by the watch.
    async fn connect_new(&self, connected: &Connected) -> Result<(), ErrorCode> {
        let mut hosts = self.watched().await?;
        let adding = self.adding().await?;
        hosts.retain(|host| !adding.contains(&host.uuid));
        let before = connected.replace(hosts.iter().map(|host| host.uuid).collect());
        hosts.retain(|host| !before.contains(&host.uuid));
        let at_once = config::number(&self.kernel, "load.parallelismDegree")?;
        for_each(hosts, at_once, |host| async move {
            if let Err(error) = self.connect_again(host.uuid, connected).await {
                tracing::warn!(host = %host.uuid, name = host.name, %error, cause = ?error.cause, "a host is not connected");
            }
        })
        .await;
        Ok(())
    }

    /// Connects `host`. Where no node got to the end of that its row may say for ever that somebody is at it, who is gone; so
    /// the host is connected anew in the next round, whatever it says.
    async fn connect_again(&self, host: Uuid, connected: &Connected) -> Result<(), ErrorCode> {
        let outcome = self.kernel.bus().call(ConnectHost { host, deploy: false }).await;
        if outcome.as_ref().is_err_and(is_cut_off) {
            connected.cut_off(host);
        }
        outcome
    }

    /// The hosts that a flow connects as it adds them.
    async fn adding(&self) -> Result<HashSet<Uuid>, ErrorCode> {
        let flows = self.kernel.db().select::<FlowRow>();
        let flows =
            flows.eq(FlowRow::FLOW, &AddHost::NAME.to_owned()).eq(FlowRow::STATE, &FlowState::Active).all().await?;
        Ok(flows.into_iter().map(|flow| flow.resource_uuid).collect())
    }

    /// Asks every host of this node whether it answers, some at once.
    async fn ping_all(&self, connected: &Connected) -> Result<(), ErrorCode> {
        let hosts = self.watched().await?;
        let at_once = config::number(&self.kernel, "ping.parallelismDegree")?;
        for_each(hosts, at_once, |host| async move {
            if let Err(error) = self.look_after(&host, connected).await {
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

    async fn look_after(&self, host: &Host, connected: &Connected) -> Result<(), ErrorCode> {
        match (host.status, self.answers(host).await?) {
            // Somebody is at it; what comes of that is seen in the next round.
            (HostStatus::Connecting, _) | (HostStatus::Disconnected, Err(_)) => Ok(()),
            // Settings may have changed since it connected.
            (HostStatus::Connected, Ok(())) => self.resize(host.uuid).await,
            (HostStatus::Connected, Err(problem)) => {
                tracing::warn!(host = %host.uuid, name = host.name, error = %problem, "a host does not answer");
                self.lose(host).await
            }
            (HostStatus::Disconnected, Ok(())) => self.connect_again(host.uuid, connected).await,
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

//! The host: all doors to the machine, and what the agent itself remembers about it.

use std::{sync::Arc, time::Duration};

use cumulo_agent_rt::{
    Chain,
    storage::{Disks, Roots},
};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    HostError, ObjectId,
    dhcp::{Dhcp, L3State, Networks},
    domains::Domains,
    facts::Facts,
    images::ImageStore,
    network::Network,
    packages::Packages,
    userdata::Userdata,
};

/// How often DHCP servers are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What commands work on.
pub struct KvmHost {
    /// The host's uuid, which is the agent's id.
    pub uuid: String,
    /// Virtual machines.
    pub domains: Arc<dyn Domains>,
    /// Image files.
    pub disks: Arc<dyn Disks>,
    /// The folders they may be in.
    pub roots: Roots,
    /// Bridges.
    pub network: Arc<dyn Network>,
    /// DHCP servers.
    pub dhcp: Arc<dyn Dhcp>,
    /// Metadata services.
    pub userdata: Arc<dyn Userdata>,
    /// What DHCP and metadata should be, per network.
    pub networks: Networks,
    /// Images on backup storage.
    pub images: Arc<dyn ImageStore>,
    /// What the host is.
    pub facts: Arc<dyn Facts>,
    /// Packages of its operating system.
    pub packages: Arc<dyn Packages>,
    /// Fires when a command changed what reports tell.
    pub changed: Arc<Notify>,
}

impl KvmHost {
    /// Makes DHCP and metadata of a network as `state` says. It is written down first: an agent that dies in the middle
    /// finishes after its next start.
    pub(crate) async fn serve(&self, state: L3State) -> Result<(), HostError> {
        let _applying = self.networks.applying(&state.network.l3).await;
        self.networks.put(state.clone())?;
        self.apply(&state).await
    }

    /// Takes DHCP and metadata of a network off the host.
    pub(crate) async fn stop_serving(&self, l3: &ObjectId) -> Result<(), HostError> {
        let _applying = self.networks.applying(l3).await;
        self.userdata.remove(l3).await?;
        self.dhcp.remove(l3).await?;
        self.networks.remove(l3)
    }

    /// Serves what was served before the agent was restarted, and from then on sees to it that DHCP servers that die are
    /// replaced. What cannot be served (after a reboot the bridges are missing until the manager connects) is left for
    /// the manager. Ends with `stop`.
    pub async fn keep_serving(&self, stop: CancellationToken) {
        self.mend(|_| true).await;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            self.mend(|l3| !self.dhcp.runs(l3)).await;
        }
    }

    /// Applies what is wanted to those networks that need it.
    async fn mend(&self, needs: impl Fn(&ObjectId) -> bool) {
        for l3 in self.networks.all() {
            let _applying = self.networks.applying(&l3).await;
            let Some(state) = self.networks.get(&l3).filter(|_| needs(&l3)) else { continue };
            match self.apply(&state).await {
                Ok(()) => info!(%l3, "serves a network again"),
                Err(error) => warn!(%l3, error = %Chain(&error), "could not serve a network as before"),
            }
        }
    }

    async fn apply(&self, state: &L3State) -> Result<(), HostError> {
        self.dhcp.apply(state).await?;
        self.userdata.apply(state).await
    }
}

//! Making networks on hosts and taking them off, many hosts at a time; and on each host when it connects.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::{host::OnHostConnected, network::L2Driver},
    resource::{Host, HostStatus, L2Network},
};
use cumulo_schema::{ErrorCode, Uuid};
use futures::{StreamExt, stream};

use super::DELETE_BRIDGE;
use crate::{Networks, store};

/// Hosts worked on at once.
const PARALLEL: usize = 32;

impl Networks {
    /// Makes `l2` on the connected hosts of `cluster`.
    ///
    /// # Errors
    /// That of the first host that could not, after all were asked.
    pub(super) async fn ensure_in(&self, l2: &L2Network, cluster: Uuid, task: Uuid) -> Result<(), ErrorCode> {
        let (driver, hosts) = (self.driver(l2)?, store::connected_hosts_of(self.kernel.db(), cluster).await?);
        let ensure = |host: Host| {
            let driver = driver.clone();
            async move {
                let made = driver.ensure(host.uuid, task.derive(&host.uuid.to_string()), l2).await;
                made.map_err(|cause| {
                    let (l2, host) = (&l2.name, &host.name);
                    ErrorCode::operation(format!("L2 network '{l2}' could not be made on host '{host}'")).because(cause)
                })
            }
        };
        let outcomes: Vec<_> = stream::iter(hosts.into_iter().map(ensure)).buffer_unordered(PARALLEL).collect().await;
        outcomes.into_iter().collect()
    }

    /// Takes `l2` off the hosts of `clusters`. Hosts that are away get it taken off when they are back.
    ///
    /// # Errors
    /// That of the first connected host that could not, after all were asked. `enforcing` leaves those for later, too.
    pub(super) async fn remove_from(
        &self,
        l2: &L2Network,
        clusters: &[Uuid],
        task: Uuid,
        enforcing: bool,
    ) -> Result<(), ErrorCode> {
        if !self.kernel.configs().get::<bool>(DELETE_BRIDGE.category, DELETE_BRIDGE.name)? {
            return Ok(());
        }
        let (driver, hosts) = (self.driver(l2)?, store::hosts_of(self.kernel.db(), clusters).await?);
        let remove = |host: Host| {
            let driver = driver.clone();
            async move { self.remove_from_host(&driver, l2, &host, task, enforcing).await }
        };
        let outcomes: Vec<_> = stream::iter(hosts.into_iter().map(remove)).buffer_unordered(PARALLEL).collect().await;
        outcomes.into_iter().collect()
    }

    async fn remove_from_host(
        &self,
        driver: &Arc<dyn L2Driver>,
        l2: &L2Network,
        host: &Host,
        task: Uuid,
        enforcing: bool,
    ) -> Result<(), ErrorCode> {
        let cause = match host.status {
            HostStatus::Connected => match driver.remove(host.uuid, task.derive(&host.uuid.to_string()), l2).await {
                Ok(()) => return Ok(()),
                Err(cause) => cause,
            },
            HostStatus::Connecting | HostStatus::Disconnected => {
                let away = ErrorCode::unreachable(host.uuid, format!("host '{}' is not connected", host.name));
                return self.owe_removal(l2, host, &away).await;
            }
        };
        if enforcing {
            return self.owe_removal(l2, host, &cause).await;
        }
        let details = format!("L2 network '{}' could not be taken off host '{}'", l2.name, host.name);
        Err(ErrorCode::operation(details).because(cause))
    }
}

#[async_trait]
impl OnHostConnected for Networks {
    async fn host_connected(&self, host: Uuid) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let host = store::host(db, host).await?;
        let task = Uuid::random();
        for l2 in store::l2s_in(db, host.cluster_uuid).await? {
            let made = self.driver(&l2)?.ensure(host.uuid, task.derive(&l2.uuid.to_string()), &l2).await;
            made.map_err(|cause| {
                let details = format!("L2 network '{}' could not be made on host '{}'", l2.name, host.name);
                ErrorCode::operation(details).because(cause)
            })?;
        }
        Ok(())
    }
}

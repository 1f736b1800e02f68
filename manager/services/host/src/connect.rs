//! Connecting: `ConnectHost`, and the pieces of it that adding a host goes through step by step.

use std::time::Duration;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::host::OnHostConnected,
    message::host::{ConnectHost, HostStatusChanged},
    resource::{Host, HostStatus},
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Uuid, codes};

use crate::{Hosts, capacity::Offer, config, tags};

/// How long a connection may take when nobody gave it a deadline; with deployment it is longer.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_mins(5);

#[async_trait]
impl Handle<ConnectHost> for Hosts {
    async fn handle(&self, message: ConnectHost) -> Result<(), ErrorCode> {
        self.connect(message.host, message.deploy).await
    }
}

impl Hosts {
    /// Connects `host` again and tells everybody how that went. One that is connected and gets no other agent stays so
    /// meanwhile: when the node starts, flows of its last life go on at once, and must find the hosts they found before.
    pub(crate) async fn connect(&self, uuid: Uuid, deploy: bool) -> Result<(), ErrorCode> {
        let connect = async {
            let host = self.host(uuid).await?;
            if deploy || host.status != HostStatus::Connected {
                self.mark(&host, HostStatus::Connecting).await?;
            }
            let outcome = async {
                self.introduce(uuid, deploy).await?;
                self.prepare(uuid).await
            };
            let outcome = outcome.await;
            let host = self.host(uuid).await?;
            match &outcome {
                Ok(()) => self.mark(&host, HostStatus::Connected).await?,
                Err(error) if is_cut_off(error) && host.status == HostStatus::Connected => {}
                Err(_) => self.lose(&host).await?,
            }
            outcome.map_err(|error| if is_cut_off(&error) { error } else { not_connected(error) })
        };
        self.kernel.queues().run(&connect_lane(uuid), 1, connect).await
    }

    /// Brings the agent up, where `deploy`, and learns what the host is and has.
    pub(crate) async fn introduce(&self, uuid: Uuid, deploy: bool) -> Result<(), ErrorCode> {
        let host = self.host(uuid).await?;
        let facts = self.connector(&host)?.connect(uuid, deploy).await?;
        self.store.learn(&host, &facts).await?;
        self.resize(uuid).await
    }

    /// Tells who has something to prepare on a host that can be used now.
    pub(crate) async fn prepare(&self, host: Uuid) -> Result<(), ErrorCode> {
        for observer in self.kernel.registry().all::<dyn OnHostConnected>() {
            observer.host_connected(host).await?;
        }
        Ok(())
    }

    /// Counts the host's capacity anew, from its facts and the settings of now.
    pub(crate) async fn resize(&self, uuid: Uuid) -> Result<(), ErrorCode> {
        let host = self.host(uuid).await?;
        let reserved = tags::reserved_memory(self.kernel.db(), &host).await?;
        let ratios = config::ratios_of(&self.kernel, uuid).await?;
        let offer = ratios.offer(i64::from(host.cpu_num), host.physical_memory, reserved);
        if offer != Offer::recorded(&host) {
            self.store.resize(&host, offer).await?;
        }
        Ok(())
    }

    /// Marks a host as disconnected, since it could not be reached. A node that stops cuts its own calls off, which says
    /// nothing of the host: one that was connected stays so for whoever looks after it next.
    pub(crate) async fn lose(&self, host: &Host) -> Result<(), ErrorCode> {
        match self.kernel.is_stopping() && host.status == HostStatus::Connected {
            true => Ok(()),
            false => self.mark(host, HostStatus::Disconnected).await,
        }
    }

    /// Records the status and tells everybody where it is another one. What could not be cleaned up while the host was away is
    /// tried as soon as it is connected.
    pub(crate) async fn mark(&self, host: &Host, status: HostStatus) -> Result<(), ErrorCode> {
        if host.status != status {
            self.store.set_status(host.uuid, status).await?;
            tracing::info!(host = %host.uuid, name = host.name, before = %host.status, now = %status, "a host's status");
            self.kernel.bus().publish(&HostStatusChanged { host: host.uuid, old: host.status, new: status });
        }
        if status == HostStatus::Connected {
            self.kernel.debts().due(host.uuid).await?;
        }
        Ok(())
    }
}

/// Connections of one host are made one after another.
pub(crate) fn connect_lane(host: Uuid) -> String {
    format!("connect-host:{host}")
}

/// Whether what failed is a node that went away or handed over what it did, which says nothing of the host.
pub(crate) fn is_cut_off(error: &ErrorCode) -> bool {
    error.comes_of(codes::NODE_UNAVAILABLE)
}

/// Says under the code for it that a host could not be connected, in the words of who found out.
pub(crate) fn not_connected(error: ErrorCode) -> ErrorCode {
    let mut said = ErrorCode::new(codes::HOST_CONNECTION, error.details);
    (said.cause, said.opaque) = (error.cause, error.opaque);
    said
}

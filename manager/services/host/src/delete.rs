//! `DeleteHost`, and what becomes of hosts whose cluster goes: the same.
//!
//! By the time a host is deleted, what hangs on it has dealt with its loss; VMs are stopped. What plugins prepared on the
//! machine is taken back, then the machine is left to itself.

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::DeleteHost,
    ext::host::BeforeHostDelete,
    resource::{Cluster, Host},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::CascadeAction,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::{Hosts, change_state::count_vms, connect::connect_lane};

#[async_trait]
impl HandleApi<DeleteHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: DeleteHost) -> Result<Empty, ErrorCode> {
        // The declaration takes any text here; what is no id is no host, and a host that is gone is what was asked for.
        if let Ok(host) = api.uuid.parse() {
            self.kernel.cascade().delete(Host::META.vo, vec![host], cx.enforcing).await?;
        }
        Ok(Empty {})
    }
}

#[async_trait]
impl CascadeAction for Hosts {
    async fn affected(&self, losing: &str, uuids: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        match losing == Cluster::META.vo {
            true => Ok(self.store.in_clusters(uuids).await?),
            false => Ok(vec![]),
        }
    }

    async fn act(&self, _losing: &str, uuids: &[Uuid], enforcing: bool) -> Result<(), ErrorCode> {
        for host in uuids {
            let delete = self.delete(*host, enforcing);
            self.kernel.queues().run(&connect_lane(*host), 1, delete).await?;
        }
        Ok(())
    }
}

impl Hosts {
    async fn delete(&self, uuid: Uuid, enforcing: bool) -> Result<(), ErrorCode> {
        let Some(host) = self.store.find(uuid).await? else { return Ok(()) };
        let vms = self.store.vms_on(uuid).await?;
        if vms > 0 && !enforcing {
            let details = format!("host '{}' still has {}; stop them and delete it again", host.name, count_vms(vms));
            return Err(ErrorCode::operation(details));
        }
        match self.take_back(&host, enforcing).await {
            Err(error) if !enforcing => return Err(error),
            Err(error) => tracing::warn!(host = %uuid, %error, "a host is deleted over a failure"),
            Ok(()) => {}
        }
        self.connector(&host)?.disconnect(uuid).await?;
        self.store.remove(uuid).await?;
        tracing::info!(host = %uuid, name = host.name, "a host is deleted");
        Ok(())
    }

    /// Lets plugins take back what they prepared on the host. `thorough` asks all of them, whoever fails, and answers with
    /// the first failure; otherwise the first one who refuses is the last one who was asked.
    pub(crate) async fn take_back(&self, host: &Host, thorough: bool) -> Result<(), ErrorCode> {
        let mut outcome = Ok(());
        for observer in self.kernel.registry().all::<dyn BeforeHostDelete>() {
            let taken = observer.before_host_delete(host.uuid).await;
            if outcome.is_ok() {
                outcome = taken;
            }
            if outcome.is_err() && !thorough {
                break;
            }
        }
        outcome
    }
}

//! `DeleteHost`, and what becomes of hosts whose cluster goes: the same.
//!
//! By the time a host is deleted, what hangs on it has dealt with its loss; VMs are stopped. What plugins prepared on the
//! machine is taken back, then the machine is left to itself.

use async_trait::async_trait;
use cumulo_contracts::{api::host::DeleteHost, ext::host::BeforeHostDelete, resource::Host};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Loss, Work, hanging_on},
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};
use futures::{StreamExt, stream};

use crate::{Hosts, change_state::count_vms, connect::connect_lane, store::HostReservation};

/// Hosts left at once.
const PARALLEL: usize = 32;

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
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // Clusters are all that they hang on.
        Ok(hanging_on(self.kernel.db(), Host::CLUSTER_UUID, loss.uuids).await?)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        if !work.enforcing {
            self.refuse_with_vms(work.uuids).await?;
        }
        let leave = |host: Uuid| async move {
            let leave = self.leave(host, work.enforcing);
            self.kernel.queues().run(&connect_lane(host), 1, leave).await
        };
        let left: Vec<_> = stream::iter(work.uuids.iter().copied().map(leave)).buffered(PARALLEL).collect().await;
        left.into_iter().collect::<Result<(), _>>()?;
        self.kernel.cascade().remove(Host::META, work.uuids).await?;
        tracing::info!(hosts = work.uuids.len(), "hosts are deleted");
        Ok(())
    }
}

impl Hosts {
    /// Refuses hosts on which VMs hold something.
    pub(crate) async fn refuse_with_vms(&self, hosts: &[Uuid]) -> Result<(), ErrorCode> {
        let vms = hanging_on(self.kernel.db(), HostReservation::HOST_UUID, hosts).await?;
        match vms.len() as u64 {
            0 => Ok(()),
            count => {
                let details = format!("the host still has {}; stop them and delete it again", count_vms(count));
                Err(ErrorCode::operation(details))
            }
        }
    }

    /// Takes everything back from the machine; the record stays.
    async fn leave(&self, uuid: Uuid, enforcing: bool) -> Result<(), ErrorCode> {
        let Some(host) = self.store.find(uuid).await? else { return Ok(()) };
        match self.take_back(&host, enforcing).await {
            Err(error) if !enforcing => return Err(error),
            Err(error) => tracing::warn!(host = %uuid, %error, "a host is deleted over a failure"),
            Ok(()) => {}
        }
        self.connector(&host)?.disconnect(uuid).await
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

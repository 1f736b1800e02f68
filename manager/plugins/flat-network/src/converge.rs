//! Making a host serve exactly what is recorded of one L3 network.

use cumulo_contracts::resource::{Host, HostStatus};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use crate::{
    Flat,
    store::{self, FlatNic},
};

impl Flat {
    /// Tells `host` everything of `l3` anew. May be called at any time.
    pub(crate) async fn converge(&self, host: Uuid, l3: Uuid) -> Result<(), ErrorCode> {
        let _lane = self.lanes.alone(host, l3).await;
        self.converge_alone(host, l3, Uuid::random()).await
    }

    /// As [`Flat::converge`], for who has the lane alone.
    pub(crate) async fn converge_alone(&self, host: Uuid, l3: Uuid, task: Uuid) -> Result<(), ErrorCode> {
        let mut nics = store::served(self.kernel.db(), host, l3).await?;
        for round in 0.. {
            let task = task.derive(&format!("round/{round}"));
            self.tell_all(host, l3, &nics, task).await?;
            // Another node may have told the host of one of them meanwhile, which this took back: it records before it tells.
            let now = store::served(self.kernel.db(), host, l3).await?;
            if now == nics {
                break;
            }
            for gone in nics.iter().filter(|nic| now.iter().all(|other| other.vm_uuid != nic.vm_uuid)) {
                let task = task.derive(&format!("remove-userdata/{}", gone.vm_uuid));
                self.hosts.remove_userdata(host, task, l3, gone.vm_uuid).await?;
            }
            nics = now;
        }
        Ok(())
    }

    async fn tell_all(&self, host: Uuid, l3: Uuid, nics: &[FlatNic], task: Uuid) -> Result<(), ErrorCode> {
        if nics.is_empty() {
            return self.hosts.remove_dhcp(host, task.derive("remove-dhcp"), l3).await;
        }
        let network = self.network_of(l3).await?;
        let entries = nics.iter().filter(|nic| nic.dhcp).map(FlatNic::dhcp_entry).collect();
        let generation = u64::try_from(Timestamp::now().0).unwrap_or(0);
        self.hosts.ensure_dhcp(host, task.derive("dhcp"), network, entries, generation).await?;
        for nic in nics.iter().filter(|nic| nic.metadata) {
            let task = task.derive(&format!("userdata/{}", nic.nic_uuid));
            self.hosts.ensure_userdata(host, task, l3, nic.userdata_entry()).await?;
        }
        Ok(())
    }

    /// Whether a host can be told something; `None` when it is deleted.
    pub(crate) async fn is_connected(&self, host: Uuid) -> Result<Option<bool>, ErrorCode> {
        let host = self.kernel.db().find(Host::UUID, &host).await?;
        Ok(host.map(|host| host.status == HostStatus::Connected))
    }
}

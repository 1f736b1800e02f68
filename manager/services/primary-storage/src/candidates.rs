//! `CandidateStorages`: where a volume could go, by the rules by which one goes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cumulo_contracts::{message::storage::CandidateStorages, resource::Host};
use cumulo_kernel::bus::Handle;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{PrimaryStorages, config, offers::Need};

#[async_trait]
impl Handle<CandidateStorages> for PrimaryStorages {
    async fn handle(&self, ask: CandidateStorages) -> Result<Vec<Uuid>, ErrorCode> {
        let volume = config::held(&self.kernel, ask.size)?;
        let need = Need { volume, image: ask.image, only: None, tags: ask.storage_tags };
        let hosts: Vec<Host> = self.kernel.db().select::<Host>().one_of(Host::UUID, &ask.hosts).all().await?;
        let hosts: Vec<(Uuid, Uuid)> = hosts.iter().map(|host| (host.uuid, host.cluster_uuid)).collect();
        let offers = self.offers(need, &hosts).await?;
        let mut fitting = BTreeSet::new();
        for (host, cluster) in hosts {
            // Why others do not fit is told when a volume is placed.
            let good = offers.of(host, cluster).unwrap_or_default();
            fitting.extend(good.iter().map(|offer| offer.storage.uuid));
        }
        Ok(fitting.into_iter().collect())
    }
}

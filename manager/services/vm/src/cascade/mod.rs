//! What VMs do when something they need goes.
//!
//! | gone | VM |
//! |---|---|
//! | zone, storage, root volume, account | destroyed and expunged |
//! | host | stopped |
//! | IP range | stopped, its addresses taken back; it gets new ones when it starts |
//! | L3 network | stopped, its NICs there are detached |
//! | cluster, instance offering | forgets it |
//!
//! Everything is done to sets: only what takes a host's hands is done VM by VM, many at a time.

mod expunge;
mod loose;
mod nics;
mod stop;

use std::collections::BTreeSet;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::vm::KeptWhileUp,
    resource::{IpRange, L3Network, UsedIp, VmInstance, VmNic},
};
use cumulo_kernel::{
    cascade::{CascadeAction, Effect, Loss, Work, hanging_on, owned_by},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use futures::{Stream, StreamExt, stream};

pub(crate) use loose::{LooseNics, NIC_PARENTS};

use crate::{Vms, store};

/// In the order in which they were declared elsewhere; the last three are ours.
pub(crate) const PARENTS: &[&str] = &[
    "HostVO",
    "L3NetworkVO",
    "IpRangeVO",
    "PrimaryStorageVO",
    "L2NetworkVO",
    "InstanceOfferingVO",
    "AccountVO",
    "ZoneVO",
    "ClusterVO",
    "VolumeVO",
];

const STOPPED: Effect = Effect::Changed("stopped");
const WITHOUT_ADDRESS: Effect = Effect::Changed("stopped and without its address");
const WITHOUT_NIC: Effect = Effect::Changed("without its NICs there");
const WITHOUT_CLUSTER: Effect = Effect::Changed("without its cluster");
const WITHOUT_OFFERING: Effect = Effect::Changed("without its offering");

/// VMs that hosts work on at once.
const PARALLEL: usize = 64;

#[async_trait]
impl CascadeAction for Vms {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        let (db, uuids) = (self.kernel.db(), loss.uuids);
        Ok(match loss.losing {
            "HostVO" => hanging_on(db, VmInstance::HOST_UUID, uuids).await?,
            "L3NetworkVO" => {
                let nics = hanging_on(db, VmNic::L3_NETWORK_UUID, uuids).await?;
                self.vms_of(&nics).await?
            }
            "IpRangeVO" => self.with_addresses_in(loss).await?,
            "PrimaryStorageVO" => store::vms_on_storages(db, uuids).await?,
            "InstanceOfferingVO" => hanging_on(db, VmInstance::INSTANCE_OFFERING_UUID, uuids).await?,
            "AccountVO" => owned_by(db, VmInstance::META.vo, uuids).await?,
            "ZoneVO" => hanging_on(db, VmInstance::ZONE_UUID, uuids).await?,
            "ClusterVO" => hanging_on(db, VmInstance::CLUSTER_UUID, uuids).await?,
            "VolumeVO" => hanging_on(db, VmInstance::ROOT_VOLUME_UUID, uuids).await?,
            // What an L2 network is to a VM, its L3 networks are.
            _ => vec![],
        })
    }

    fn effect(&self, losing: &str) -> Effect {
        match losing {
            "HostVO" => STOPPED,
            "L3NetworkVO" | "L2NetworkVO" => WITHOUT_NIC,
            "IpRangeVO" => WITHOUT_ADDRESS,
            "ClusterVO" => WITHOUT_CLUSTER,
            "InstanceOfferingVO" => WITHOUT_OFFERING,
            _ => Effect::Deleted,
        }
    }

    async fn foresee(&self, work: &Work<'_>, planning: &Planning) -> Result<(), ErrorCode> {
        if matches!(work.effect, WITHOUT_CLUSTER | WITHOUT_OFFERING) {
            return Ok(());
        }
        self.note_leaving(planning, work.uuids).await?;
        self.refuse_unreachable(work.uuids).await
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        match work.effect {
            STOPPED => self.stop_set(work.uuids, work.enforcing).await,
            WITHOUT_ADDRESS => {
                self.stop_set(work.uuids, work.enforcing).await?;
                self.take_addresses(work.uuids, &work.doomed.of(IpRange::META.vo)).await
            }
            WITHOUT_NIC => self.detach_set(work.uuids, &work.doomed.of(L3Network::META.vo), work.enforcing).await,
            WITHOUT_CLUSTER => Ok(store::forget(db, VmInstance::CLUSTER_UUID, work.uuids).await?),
            WITHOUT_OFFERING => Ok(store::forget(db, VmInstance::INSTANCE_OFFERING_UUID, work.uuids).await?),
            Effect::Deleted => self.expunge_set(work).await,
            Effect::Changed(what) => Err(ErrorCode::internal(format!("no VM can be {what}"))),
        }
    }
}

impl Vms {
    /// Notes the rows that go when `vms` leave their hosts.
    pub(crate) async fn note_leaving(&self, planning: &Planning, vms: &[Uuid]) -> Result<(), ErrorCode> {
        for kept in self.kernel.registry().all::<dyn KeptWhileUp>() {
            planning.note_rows(self.kernel.cascade(), (kept.rows(), kept.vm_column()), vms).await?;
        }
        Ok(())
    }

    async fn vms_of(&self, nics: &[Uuid]) -> Result<Vec<Uuid>, ErrorCode> {
        let rows = store::nics_named(self.kernel.db(), nics).await?;
        let vms: BTreeSet<Uuid> = rows.iter().filter_map(|nic| nic.vm_instance_uuid).collect();
        Ok(vms.into_iter().collect())
    }

    /// VMs with addresses in ranges that go alone. Where the L3 network goes too, they lose their NICs.
    async fn with_addresses_in(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        let rows = store::addresses_in(self.kernel.db(), loss.uuids).await?;
        let alone = |row: &&UsedIp| !loss.doomed.has(L3Network::META.vo, row.l3_network_uuid);
        let nics: Vec<Uuid> = rows.iter().filter(alone).filter_map(|row| row.vm_nic_uuid).collect();
        self.vms_of(&nics).await
    }
}

/// Does `work` for each of `items`, many at a time, and answers each failure.
async fn each<T, F: Future<Output = Result<(), ErrorCode>>>(
    items: impl IntoIterator<Item = T>,
    work: impl FnMut(T) -> F,
) -> Vec<ErrorCode> {
    let outcomes: Vec<Result<(), ErrorCode>> = at_once(items, work).collect().await;
    outcomes.into_iter().filter_map(Result::err).collect()
}

fn at_once<T, F: Future>(
    items: impl IntoIterator<Item = T>,
    work: impl FnMut(T) -> F,
) -> impl Stream<Item = F::Output> {
    let started: Vec<F> = items.into_iter().map(work).collect();
    stream::iter(started).buffer_unordered(PARALLEL)
}

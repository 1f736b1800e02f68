//! `AllocateHost`: a host for a VM, and what the VM needs held there.
//!
//! Every host is a candidate at first. Filters, our own and then those of plugins, take candidates out and say why; the
//! strategy orders who is left; the first one on which the need can be held wins. Between the look and the hold somebody
//! else may have taken the room: then the next one is tried, and when all are lost everything is looked at again.
//!
//! Looking at every host takes as long as there are hosts. So the first look is at a shortlist out of the database: the few
//! with the fewest VMs among those to which our own filters do not object. Hosts to which plugins object stay without VMs and
//! come to fill that list; so the next looks are at some by chance, of which the one with the fewest VMs is nearly as good a
//! choice as the best of all. Only where none of them will do is everything looked at, which also finds the reasons.

mod explain;
mod filters;
mod strategy;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::host::{HostCandidate, HostFilter, HostRequest},
    message::host::{AllocateHost, ExplainHosts, HostChoice, HostVerdict},
    resource::Host,
};
use cumulo_kernel::{bus::Handle, db::DbError};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{
    Hosts,
    capacity::Need,
    config,
    store::{Reserved, SHORTLIST},
};
use explain::Refusal;

/// How often everything is looked at again when others keep being faster.
const ROUNDS: usize = 5;
/// Hosts that are looked at by chance, at first and then.
const SAMPLES: [u64; 3] = [SHORTLIST, 4 * SHORTLIST, 32 * SHORTLIST];

#[async_trait]
impl Handle<AllocateHost> for Hosts {
    async fn handle(&self, message: AllocateHost) -> Result<HostChoice, ErrorCode> {
        let lane = format!("allocate-host:{}", message.vm);
        self.kernel.queues().run(&lane, 1, self.allocate(message.vm, &message.request)).await
    }
}

impl Hosts {
    async fn allocate(&self, vm: Uuid, request: &HostRequest) -> Result<HostChoice, ErrorCode> {
        if let Some(held) = self.store.reservation(vm).await? {
            return Ok(choice(&self.host(held.host_uuid).await?));
        }
        let need = config::ratios(&self.kernel)?.need(request.cpu_num, request.memory);
        let mut candidates = self.few(request, need).await?;
        for _ in 0..ROUNDS {
            if candidates.is_empty() {
                candidates = self.candidates(request, need).await?;
            }
            for host in candidates.drain(..) {
                match self.store.reserve(vm, host.uuid, need).await {
                    Ok(Reserved::Yes) => return Ok(choice(&host)),
                    Ok(Reserved::Lost) => {}
                    // Another node was asked for the same VM before: its choice stands.
                    Err(DbError::Conflict { .. }) => {
                        let held = self.store.reservation(vm).await?;
                        let gone = || ErrorCode::operation("what the VM held was released at the same time; try again");
                        return Ok(choice(&self.host(held.ok_or_else(gone)?.host_uuid).await?));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(explain::all_lost())
    }

    /// Some hosts that take the VM, best first, without looking at all; none where that does not find any.
    async fn few(&self, request: &HostRequest, need: Need) -> Result<Vec<Host>, ErrorCode> {
        let shortlist = self.store.shortlist(request, need).await?;
        let is_full = u64::try_from(shortlist.len()) == Ok(SHORTLIST);
        let (mut left, _) = self.judged(shortlist, request, need).await?;
        // Where the list had room everybody was on it; and who wants to be in one place is seldom met by chance.
        let is_anywhere = request.host.is_none() && request.cluster.is_none();
        for count in SAMPLES.into_iter().filter(|_| is_full && is_anywhere) {
            if !left.is_empty() {
                break;
            }
            (left, _) = self.judged(self.store.sample(count).await?, request, need).await?;
        }
        Ok(left)
    }

    /// Hosts that take the VM, best first; never empty.
    async fn candidates(&self, request: &HostRequest, need: Need) -> Result<Vec<Host>, ErrorCode> {
        let (left, refusals) = self.judged(self.store.all().await?, request, need).await?;
        match left.is_empty() {
            true => Err(explain::none_left(refusals)),
            false => Ok(left),
        }
    }

    /// Those of `hosts` that take the VM, best first, and what the others hold against it.
    async fn judged(
        &self,
        hosts: Vec<Host>,
        request: &HostRequest,
        need: Need,
    ) -> Result<(Vec<Host>, Vec<Refusal>), ErrorCode> {
        let mut refusals = Vec::new();
        let mut left = Vec::new();
        for host in hosts {
            match filters::refusal(&host, request, need) {
                Some((filter, reason)) => {
                    let lacking = filters::lacking(&host, need);
                    refusals.push(Refusal::new(&host, filter, reason, lacking));
                }
                None => left.push(host),
            }
        }
        for filter in self.kernel.registry().all::<dyn HostFilter>() {
            if left.is_empty() {
                break;
            }
            let candidates: Vec<HostCandidate> = left.iter().map(candidate).collect();
            let mut refused = filter.refused(request, &candidates).await?;
            left.retain(|host| match refused.remove(&host.uuid) {
                Some(reason) => {
                    refusals.push(Refusal::new(host, filter.name(), reason, Need::NONE));
                    false
                }
                None => true,
            });
        }
        Ok((strategy::least_vms_first(left), refusals))
    }
}

#[async_trait]
impl Handle<ExplainHosts> for Hosts {
    async fn handle(&self, message: ExplainHosts) -> Result<Vec<HostVerdict>, ErrorCode> {
        let request = &message.request;
        let need = config::ratios(&self.kernel)?.need(request.cpu_num, request.memory);
        let (left, refusals) = self.judged(self.store.all().await?, request, need).await?;
        // Who came furthest is told first.
        Ok(left.iter().map(taken).chain(refusals.into_iter().rev().map(Refusal::verdict)).collect())
    }
}

fn taken(host: &Host) -> HostVerdict {
    HostVerdict {
        host_uuid: host.uuid,
        name: host.name.clone(),
        refused_by: None,
        reason: None,
        lacking_cpu: 0,
        lacking_memory: 0,
    }
}

fn candidate(host: &Host) -> HostCandidate {
    HostCandidate {
        host: host.uuid,
        name: host.name.clone(),
        cluster: host.cluster_uuid,
        zone: host.zone_uuid,
        hypervisor_type: host.hypervisor_type.clone(),
    }
}

fn choice(host: &Host) -> HostChoice {
    HostChoice {
        host: host.uuid,
        cluster: host.cluster_uuid,
        zone: host.zone_uuid,
        hypervisor_type: host.hypervisor_type.clone(),
    }
}

//! The same questions to arrays, by hand.

use anyhow::Context;
use cumulo_contracts::ext::host::HostRequest;
use cumulo_schema::Uuid;
use rand::seq::IndexedRandom;

use super::hosts::{FILTERS, Hosts, One, reason};

/// Why a host does not take the VM.
pub(super) struct Refusal {
    pub(super) name: String,
    pub(super) filter: &'static str,
    pub(super) reason: String,
}

/// Hosts, and how many VMs each has.
pub(super) struct Arrays {
    zone: Uuid,
    cluster: Uuid,
    hosts: Vec<One>,
    vms: Vec<u32>,
}

impl Arrays {
    pub(super) fn of(hosts: &Hosts) -> Self {
        let vms = vec![0; hosts.all.len()];
        Self { zone: hosts.zone, cluster: hosts.cluster, hosts: hosts.all.clone(), vms }
    }

    /// Takes one of the hosts with the fewest VMs, having asked all.
    pub(super) fn place(&mut self, request: &HostRequest) -> anyhow::Result<Uuid> {
        let (refusals, left) = self.explain(request);
        let least = left.iter().map(|at| self.vms[*at]).min();
        let best: Vec<usize> = left.into_iter().filter(|at| Some(self.vms[*at]) == least).collect();
        let chosen = best.choose(&mut rand::rng()).copied();
        let told = || {
            let first = refusals.first();
            let named = first.map(|refusal| format!(": {} {} [{}]", refusal.name, refusal.reason, refusal.filter));
            format!("no host takes it{}", named.unwrap_or_default())
        };
        let chosen = chosen.with_context(told)?;
        self.vms[chosen] += 1;
        self.hosts[chosen].free_cpu -= request.cpu_num;
        self.hosts[chosen].free_memory -= request.memory;
        Ok(self.hosts[chosen].uuid)
    }

    /// Who refuses the VM and why, and the places of the others.
    pub(super) fn explain(&self, request: &HostRequest) -> (Vec<Refusal>, Vec<usize>) {
        let (mut refusals, mut left) = (Vec::new(), Vec::new());
        for (at, host) in self.hosts.iter().enumerate() {
            match self.refusal(host, request) {
                Some((filter, reason)) => {
                    refusals.push(Refusal { name: host.name.clone(), filter, reason });
                }
                None => left.push(at),
            }
        }
        (refusals, left)
    }

    fn refusal(&self, host: &One, request: &HostRequest) -> Option<(&'static str, String)> {
        let other = |wanted: Option<Uuid>, is: Uuid| wanted.is_some_and(|wanted| wanted != is);
        let is_designated = !other(request.host, host.uuid)
            && !other(request.cluster, self.cluster)
            && !other(request.zone, self.zone)
            && !request.avoid.contains(&host.uuid);
        if !is_designated {
            return Some(("designated-host", "is not what was asked for".to_owned()));
        }
        if !host.is_enabled {
            return Some(("state", "is in state Disabled".to_owned()));
        }
        if !host.is_connected {
            return Some(("status", "is Disconnected".to_owned()));
        }
        if host.free_cpu < request.cpu_num || host.free_memory < request.memory {
            let (cpu, memory) = (request.cpu_num - host.free_cpu, request.memory - host.free_memory);
            return Some(("capacity", format!("lacks {cpu} CPUs and {} MiB of memory", memory >> 20)));
        }
        let refused = FILTERS.iter().zip(host.refused).find(|(_, refused)| *refused);
        refused.map(|(filter, _)| (*filter, reason(filter)))
    }
}

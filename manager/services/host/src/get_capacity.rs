//! `GetCpuMemoryCapacity`: sums over the hosts that can be used.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::{GetCpuMemoryCapacity, GetCpuMemoryCapacityReply},
    resource::{Cluster, Host, HostState, HostStatus, Zone},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde_json::json;

use crate::Hosts;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    total_cpu: i64,
    available_cpu: i64,
    total_memory: i64,
    available_memory: i64,
    cpu_num: i64,
}

impl Sum {
    fn add(&mut self, host: &Host) {
        self.total_cpu += host.total_cpu_capacity;
        self.available_cpu += host.available_cpu_capacity;
        self.total_memory += host.total_memory_capacity;
        self.available_memory += host.available_memory_capacity;
        self.cpu_num += i64::from(host.cpu_num);
    }
}

/// By which of its ids a host is counted, and which ones were asked for; `None` means all.
type Grouping<'a> = (&'static str, fn(&Host) -> Uuid, Option<&'a [Uuid]>);

#[async_trait]
impl HandleApi<GetCpuMemoryCapacity> for Hosts {
    async fn handle(&self, _cx: &ApiCx, api: GetCpuMemoryCapacity) -> Result<GetCpuMemoryCapacityReply, ErrorCode> {
        let given = |uuids: &Option<Vec<Uuid>>| uuids.as_ref().is_some_and(|uuids| !uuids.is_empty());
        let by_zone: fn(&Host) -> Uuid = |host| host.zone_uuid;
        let (resource, key, wanted): Grouping<'_> = if given(&api.host_uuids) {
            (Host::META.vo, |host| host.uuid, api.host_uuids.as_deref())
        } else if given(&api.cluster_uuids) {
            (Cluster::META.vo, |host| host.cluster_uuid, api.cluster_uuids.as_deref())
        } else if given(&api.zone_uuids) {
            (Zone::META.vo, by_zone, api.zone_uuids.as_deref())
        } else if api.all {
            (Zone::META.vo, by_zone, None)
        } else {
            let details = "name zones, clusters or hosts to sum over, or set all=true";
            return Err(ErrorCode::invalid(details));
        };
        let (mut whole, mut parts) = (Sum::default(), BTreeMap::<Uuid, Sum>::new());
        for uuid in wanted.unwrap_or_default() {
            parts.insert(*uuid, Sum::default());
        }
        for host in self.store.all().await? {
            let of_type = api.hypervisor_type.as_ref().is_none_or(|wanted| *wanted == host.hypervisor_type);
            let asked = wanted.is_none_or(|wanted| wanted.contains(&key(&host)));
            let usable = host.state == HostState::Enabled && host.status == HostStatus::Connected;
            if of_type && asked && usable {
                whole.add(&host);
                parts.entry(key(&host)).or_default().add(&host);
            }
        }
        let part = |(uuid, sum): (Uuid, Sum)| {
            json!({
                "resourceUuid": uuid,
                "totalCpu": sum.total_cpu,
                "availableCpu": sum.available_cpu,
                "totalMemory": sum.total_memory,
                "availableMemory": sum.available_memory,
                "managedCpuNum": sum.cpu_num,
            })
        };
        Ok(GetCpuMemoryCapacityReply {
            total_cpu: Some(whole.total_cpu),
            available_cpu: Some(whole.available_cpu),
            total_memory: Some(whole.total_memory),
            available_memory: Some(whole.available_memory),
            managed_cpu_num: Some(whole.cpu_num),
            capacity_data: parts.into_iter().map(part).collect(),
            resource_type: Some(resource.to_owned()),
        })
    }
}

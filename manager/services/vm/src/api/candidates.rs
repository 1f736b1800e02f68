//! What a VM could have and where it could be: asked of those who decide it in earnest, host allocation, primary storages and
//! the attachment of NICs, so that what is listed here is what is then not refused.
//!
//! What the answers list is what the caller may see of it: an account that sees no hosts learns of none here either.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_candidates::{
        GetCandidateL3NetworksForChangeVmNicNetwork, GetCandidatePrimaryStoragesForCreatingVm,
        GetCandidatePrimaryStoragesForCreatingVmReply, GetCandidateZonesClustersHostsForCreatingVm,
        GetCandidateZonesClustersHostsForCreatingVmReply, GetVmAttachableL3Network,
        GetVmStartingCandidateClustersHosts, GetVmStartingCandidateClustersHostsReply,
    },
    ext::host::HostRequest,
    message::{host::ExplainHosts, storage::CandidateStorages},
    resource::{Cluster, DiskOffering, Host, L3Network, PrimaryStorage, VmInstance, Zone},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Name, Op, Select},
};
use cumulo_schema::{ErrorCode, Inventories, Resource, ResourceMeta, Uuid};
use serde_json::Value;

use crate::{
    Vms,
    api::system_tags,
    flow::{
        launch::STARTABLE,
        nic::{ChangeNic, refuse_unfit},
    },
    store,
    tags::storage_tags,
};

/// More than anybody chooses from.
const MOST: u64 = 10_000;

#[async_trait]
impl HandleApi<GetVmAttachableL3Network> for Vms {
    async fn handle(&self, cx: &ApiCx, api: GetVmAttachableL3Network) -> Result<Inventories<L3Network>, ErrorCode> {
        let vm = store::find(self.kernel.db(), api.vm_instance_uuid).await?;
        self.networks_for(cx, &vm).await
    }
}

#[async_trait]
impl HandleApi<GetCandidateL3NetworksForChangeVmNicNetwork> for Vms {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidateL3NetworksForChangeVmNicNetwork,
    ) -> Result<Inventories<L3Network>, ErrorCode> {
        let nic = store::nic(self.kernel.db(), api.vm_nic_uuid).await?;
        let on_no_vm = || ErrorCode::operation(format!("NIC {} is on no VM", nic.uuid));
        let vm = store::find(self.kernel.db(), nic.vm_instance_uuid.ok_or_else(on_no_vm)?).await?;
        self.networks_for(cx, &vm).await
    }
}

#[async_trait]
impl HandleApi<GetVmStartingCandidateClustersHosts> for Vms {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetVmStartingCandidateClustersHosts,
    ) -> Result<GetVmStartingCandidateClustersHostsReply, ErrorCode> {
        let vm = store::find(self.kernel.db(), api.uuid).await?;
        if !STARTABLE.contains(&vm.state) {
            return Err(store::wrong_state(&vm, &STARTABLE));
        }
        let hosts = self.takers(self.start_request(&vm).await?).await?;
        Ok(GetVmStartingCandidateClustersHostsReply {
            hosts: self.listed(cx, Host::META, hosts.iter().map(|host| host.uuid)).await?,
            clusters: self.listed(cx, Cluster::META, hosts.iter().map(|host| host.cluster_uuid)).await?,
        })
    }
}

#[async_trait]
impl HandleApi<GetCandidateZonesClustersHostsForCreatingVm> for Vms {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidateZonesClustersHostsForCreatingVm,
    ) -> Result<GetCandidateZonesClustersHostsForCreatingVmReply, ErrorCode> {
        let size = self.size(api.instance_offering_uuid, api.cpu_num, api.memory_size).await?;
        let image = self.image(api.image_uuid).await?;
        let root_size = self.root_size(api.root_disk_offering_uuid, api.root_disk_size, &image).await?;
        let mut steering = cx.tags.system.clone();
        if let Some(offering) = api.instance_offering_uuid {
            steering.extend(system_tags(self.kernel.db(), offering).await?);
        }
        let hosts = self
            .takers(HostRequest {
                cpu_num: i64::from(size.cpu_num),
                memory: size.memory,
                zone: api.zone_uuid,
                cluster: api.cluster_uuid,
                l3s: api.l3_network_uuids,
                image: Some(image.uuid),
                root_size: root_size.unwrap_or(image.size),
                storage_tags: storage_tags(steering.iter().map(String::as_str)),
                ..HostRequest::default()
            })
            .await?;
        Ok(GetCandidateZonesClustersHostsForCreatingVmReply {
            zones: self.listed(cx, Zone::META, hosts.iter().map(|host| host.zone_uuid)).await?,
            clusters: self.listed(cx, Cluster::META, hosts.iter().map(|host| host.cluster_uuid)).await?,
            hosts: self.listed(cx, Host::META, hosts.iter().map(|host| host.uuid)).await?,
        })
    }
}

#[async_trait]
impl HandleApi<GetCandidatePrimaryStoragesForCreatingVm> for Vms {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetCandidatePrimaryStoragesForCreatingVm,
    ) -> Result<GetCandidatePrimaryStoragesForCreatingVmReply, ErrorCode> {
        let image = self.image(api.image_uuid).await?;
        let root_size = self.root_size(api.root_disk_offering_uuid, api.root_disk_size, &image).await?;
        let storage_tags = storage_tags(cx.tags.system.iter().map(String::as_str));
        // How many processors and how much memory is not asked, so hosts are not refused for them.
        let request = HostRequest {
            zone: api.zone_uuid,
            cluster: api.cluster_uuid,
            l3s: api.l3_network_uuids,
            ..HostRequest::default()
        };
        let hosts: Vec<Uuid> = self.takers(request).await?.into_iter().map(|host| host.uuid).collect();
        let root = CandidateStorages {
            size: root_size.unwrap_or(image.size),
            image: Some(image.uuid),
            hosts: hosts.clone(),
            storage_tags,
        };
        let mut sizes: Vec<(String, i64)> = Vec::new();
        for uuid in api.data_disk_offering_uuids.unwrap_or_default() {
            let offering = self.kernel.db().find(DiskOffering::UUID, &uuid).await?;
            let offering = offering.ok_or_else(|| ErrorCode::not_found("DiskOffering", uuid))?;
            sizes.push((uuid.to_string(), offering.disk_size));
        }
        sizes.extend(api.data_disk_sizes.unwrap_or_default().into_iter().map(|size| (size.to_string(), size)));
        let mut data = BTreeMap::new();
        for (name, size) in sizes {
            let ask = CandidateStorages { size, image: None, hosts: hosts.clone(), storage_tags: vec![] };
            data.insert(name, self.storages(cx, ask).await?);
        }
        Ok(GetCandidatePrimaryStoragesForCreatingVmReply {
            root_volume_primary_storages: self.storages(cx, root).await?,
            data_volume_primary_storages: data,
        })
    }
}

impl Vms {
    /// The L3 networks on which `vm` could have one more NIC.
    async fn networks_for(&self, cx: &ApiCx, vm: &VmInstance) -> Result<Inventories<L3Network>, ErrorCode> {
        let db = self.kernel.db();
        ChangeNic::check_state(vm)?;
        let nics = store::nics(db, vm.uuid).await?;
        let mut filters = vec![Filter::equals("state", "Enabled"), Filter::equals("system", "false")];
        filters.extend(vm.zone_uuid.map(|zone| Filter::equals("zoneUuid", zone.to_string())));
        let mut fitting = Vec::new();
        for row in self.seen(cx, L3Network::META, filters).await? {
            let uuid = row["uuid"].as_str().and_then(|text| text.parse::<Uuid>().ok());
            let Some(uuid) = uuid else { continue };
            // Gone since.
            let Some(l3) = db.find(L3Network::UUID, &uuid).await? else { continue };
            if refuse_unfit(db, vm, &l3, &nics).await.is_ok() {
                fitting.push(row);
            }
        }
        Ok(Inventories::new(Some(fitting), None))
    }

    /// The hosts that take a VM, best first.
    async fn takers(&self, request: HostRequest) -> Result<Vec<Host>, ErrorCode> {
        let verdicts = self.kernel.bus().call(ExplainHosts { request }).await?;
        let taken: Vec<Uuid> =
            verdicts.iter().filter(|said| said.refused_by.is_none()).map(|said| said.host_uuid).collect();
        let mut rows = self.kernel.db().select::<Host>().one_of(Host::UUID, &taken).all().await?;
        rows.sort_by_key(|row| taken.iter().position(|uuid| *uuid == row.uuid));
        Ok(rows)
    }

    async fn storages(&self, cx: &ApiCx, ask: CandidateStorages) -> Result<Vec<Value>, ErrorCode> {
        let fitting = self.kernel.bus().call(ask).await?;
        self.listed(cx, PrimaryStorage::META, fitting.into_iter()).await
    }

    /// What the caller sees of `uuids`, each once, in their order.
    async fn listed(
        &self,
        cx: &ApiCx,
        target: &'static ResourceMeta,
        uuids: impl Iterator<Item = Uuid> + Send,
    ) -> Result<Vec<Value>, ErrorCode> {
        let uuids: Vec<String> = uuids.map(|uuid| uuid.to_string()).collect();
        if uuids.is_empty() {
            return Ok(vec![]);
        }
        let among = Filter::Compare { path: Name::new("uuid"), op: Op::In, values: uuids.clone() };
        let mut rows = self.seen(cx, target, vec![among]).await?;
        rows.sort_by_key(|row| uuids.iter().position(|uuid| row["uuid"] == uuid.as_str()));
        Ok(rows)
    }

    async fn seen(
        &self,
        cx: &ApiCx,
        target: &'static ResourceMeta,
        filters: Vec<Filter>,
    ) -> Result<Vec<Value>, ErrorCode> {
        let select = Select { filter: Filter::All(filters), limit: MOST, ..Select::of(target) };
        let found = self.kernel.query().run(&cx.caller, &select).await?.inventories.unwrap_or_default();
        Ok(found.into_iter().map(Value::Object).collect())
    }
}

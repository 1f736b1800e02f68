//! `StartVmInstance`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm::StartVmInstance,
    ext::host::HostRequest,
    resource::{VmInstance, Volume},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Vms, api::system_tags, flow::launch::LaunchVm, store, tags::Wishes};

#[async_trait]
impl HandleApi<StartVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: StartVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        let db = self.kernel.db();
        let vm = store::find(db, api.uuid).await?;
        let tags = system_tags(db, vm.uuid).await?;
        let wishes = Wishes::of(tags.iter().map(String::as_str))?;
        let context = LaunchVm {
            vm: vm.uuid,
            account: ownership::owner_or_admin(db, vm.uuid).await?,
            from: Some(vm.state),
            new: None,
            request: HostRequest { cluster: api.cluster_uuid, host: api.host_uuid, ..self.start_request(&vm).await? },
            nics: vec![],
            root_volume: vm.root_volume_uuid.unwrap_or_else(|| vm.uuid.derive("root-volume")),
            name: vm.name,
            root_size: None,
            hostname: wishes.hostname,
            default_l3: vm.default_l3_network_uuid,
            choice: None,
            networks: vec![],
            renewed: vec![],
        };
        cx.run_flow("launch-vm", context).await
    }
}

impl Vms {
    /// What a VM that exists needs of the host where it starts.
    pub(super) async fn start_request(&self, vm: &VmInstance) -> Result<HostRequest, ErrorCode> {
        let db = self.kernel.db();
        let nics = store::nics(db, vm.uuid).await?;
        let volumes = db.select::<Volume>().eq(Volume::VM_INSTANCE_UUID, &Some(vm.uuid)).all().await?;
        Ok(HostRequest {
            cpu_num: i64::from(vm.cpu_num),
            memory: vm.memory_size,
            zone: vm.zone_uuid,
            cluster: None,
            host: None,
            l3s: nics.iter().filter_map(|nic| nic.l3_network_uuid).collect(),
            // One that was only recorded has no root volume yet; launching makes it.
            image: vm.image_uuid.filter(|_| vm.root_volume_uuid.is_none()),
            root_size: 0,
            primary_storage: None,
            volumes: volumes.iter().map(|volume| volume.uuid).collect(),
            avoid: vec![],
            storage_tags: vec![],
        })
    }
}

//! `ChangeVmNicNetwork`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_nic::ChangeVmNicNetwork,
    resource::{VmInstance, VmNic},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory, Resource};

use crate::{
    Vms,
    flow::nic::{ChangeNic, Destination},
    store,
    tags::Wishes,
};

#[async_trait]
impl HandleApi<ChangeVmNicNetwork> for Vms {
    async fn handle(&self, cx: &ApiCx, api: ChangeVmNicNetwork) -> Result<Inventory<VmNic>, ErrorCode> {
        let db = self.kernel.db();
        for tag in &cx.tags.system {
            self.kernel.tags().check(VmInstance::META.vo, tag)?;
        }
        let wishes = Wishes::of(cx.tags.system.iter().map(String::as_str))?;
        let nic = store::nic(db, api.vm_nic_uuid).await?;
        let (Some(vm), Some(l3)) = (nic.vm_instance_uuid, nic.l3_network_uuid) else {
            return Err(ErrorCode::operation(format!("NIC {} is on no VM", nic.uuid)));
        };
        let to = api.dest_l3_network_uuid;
        if to == l3 {
            let text = format!("NIC {} is on L3 network {l3} already; SetVmStaticIp changes its address", nic.uuid);
            return Err(ErrorCode::operation(text));
        }
        ChangeNic::check_state(&store::find(db, vm).await?)?;
        let asked = api.static_ip.filter(|text| !text.is_empty()).or_else(|| wishes.static_ips.get(&to).cloned());
        // One id for each call: a tag of an earlier stay on that network may be there.
        let (ip, claim) = self.claim(vm, cx.job, to, asked).await?;
        let account = ownership::owner_or_admin(db, vm).await?;
        let context = ChangeNic {
            device_id: nic.device_id,
            mac: Some(nic.mac),
            model: nic.driver_type,
            ip: nic.ip,
            to: Some(Destination { l3: to, ip, claim, lease: None, before: None }),
            ..ChangeNic::of(vm, account, nic.uuid, l3)
        };
        cx.run_flow("relocate-nic", context).await
    }
}

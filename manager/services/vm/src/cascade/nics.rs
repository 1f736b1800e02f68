//! NICs and addresses whose network goes.

use cumulo_contracts::{message::network::ReleaseIps, resource::VmNic};
use cumulo_kernel::cascade::hanging_on;
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::{Vms, store};

impl Vms {
    /// Takes the NICs on `l3s` off `vms`. A guest that is up is stopped for it. Default routes go over other NICs then, as
    /// where one NIC is detached.
    pub(super) async fn detach_set(&self, vms: &[Uuid], l3s: &[Uuid], enforcing: bool) -> Result<(), ErrorCode> {
        let kernel = &self.kernel;
        self.stop_set(vms, enforcing).await?;
        let nics = hanging_on(kernel.db(), VmNic::L3_NETWORK_UUID, l3s).await?;
        kernel.bus().call(ReleaseIps { nics: nics.clone() }).await?;
        kernel.cascade().remove(VmNic::META, &nics).await?;
        let claims = store::claims_on(kernel.db(), vms, l3s).await?;
        store::remove_tags(kernel.db(), &claims).await?;
        Ok(store::move_default_routes(kernel.db(), vms, l3s).await?)
    }

    /// Takes back the addresses that NICs of `vms` have in `ranges`.
    pub(super) async fn take_addresses(&self, vms: &[Uuid], ranges: &[Uuid]) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let held: Vec<Uuid> =
            store::addresses_in(db, ranges).await?.into_iter().filter_map(|row| row.vm_nic_uuid).collect();
        let of_vms = |nic: &VmNic| nic.vm_instance_uuid.is_some_and(|vm| vms.contains(&vm));
        let mut nics = store::nics_named(db, &held).await?;
        nics.retain(of_vms);
        let nics: Vec<Uuid> = nics.into_iter().map(|nic| nic.uuid).collect();
        self.kernel.bus().call(ReleaseIps { nics: nics.clone() }).await?;
        Ok(store::without_address(db, &nics).await?)
    }
}

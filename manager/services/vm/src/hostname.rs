//! What guests are called: one name for one guest of an L3 network, since name servers and people tell them apart by it.
//!
//! The network that counts is the VM's default one: its DHCP server tells the guest its name.

use cumulo_contracts::resource::{VmInstance, VmNic};
use cumulo_kernel::db::Db;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Vms, store, tags::HOSTNAME};

impl Vms {
    /// Runs `work` where no other VM gets the host name meanwhile: "not taken" stays true.
    pub(crate) async fn naming<T>(
        &self,
        hostname: &str,
        work: impl Future<Output = Result<T, ErrorCode>>,
    ) -> Result<T, ErrorCode> {
        self.kernel.alone(&format!("vm-hostname.{hostname}"), work).await
    }
}

/// Refuses a host name that another VM on `l3` has.
///
/// # Errors
/// Naming that VM.
pub(crate) async fn refuse_taken(db: &Db, vm: Uuid, l3: Option<Uuid>, hostname: &str) -> Result<(), ErrorCode> {
    let Some(l3) = l3 else { return Ok(()) };
    let tag = HOSTNAME.instantiate(&[("hostname", hostname)]);
    for other in store::vms_with_tag(db, &tag).await?.into_iter().filter(|other| *other != vm) {
        let Some(row) = db.find(VmInstance::UUID, &other).await? else { continue };
        if row.default_l3_network_uuid == Some(l3) || has_nic_on(db, other, l3).await? {
            return Err(ErrorCode::operation(format!(
                "VM {}[uuid:{}] on L3 network {l3} has the host name '{hostname}' already; choose another",
                row.name, row.uuid
            )));
        }
    }
    Ok(())
}

async fn has_nic_on(db: &Db, vm: Uuid, l3: Uuid) -> Result<bool, ErrorCode> {
    let nic = db.select::<VmNic>().eq(VmNic::VM_INSTANCE_UUID, &Some(vm)).eq(VmNic::L3_NETWORK_UUID, &Some(l3));
    Ok(nic.first().await?.is_some())
}

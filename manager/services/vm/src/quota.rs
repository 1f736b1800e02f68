//! What VMs take of their account's quotas: one of `vm.totalNum` for as long as they are not destroyed, and of the others
//! while they are not at rest. It is taken, and given back, in the batch that moves the VM to its state.

use cumulo_contracts::resource::{VmInstance, VmState};
use cumulo_kernel::{
    db::{Batch, Db},
    ownership,
    quota::{self, Claim, QuotaDef},
};
use cumulo_schema::{ErrorCode, Uuid};

const TOTAL: &str = "vm.totalNum";
const NUMBER: &str = "vm.num";
const PROCESSORS: &str = "vm.cpuNum";
const MEMORY: &str = "vm.memorySize";

pub(crate) const QUOTAS: &[QuotaDef] = &[
    QuotaDef { name: TOTAL, description: "how many VMs a new account may have", default: "20" },
    QuotaDef { name: NUMBER, description: "how many VMs a new account may have running", default: "20" },
    QuotaDef { name: PROCESSORS, description: "how many processors a new account's VMs may run with", default: "80" },
    QuotaDef {
        name: MEMORY,
        description: "how much memory a new account's VMs may run with, in bytes",
        default: "85899345920",
    },
];

/// Adds to `batch` what a new VM of `account` takes.
///
/// # Errors
/// When the database fails. The batch is refused with ID.1003 where the account has not enough left.
pub(crate) async fn created(db: &Db, batch: &mut Batch, account: Uuid, vm: &VmInstance) -> Result<(), ErrorCode> {
    let [number, processors, memory] = running(vm);
    let claims = [Claim { quota: TOTAL, amount: 1 }, number, processors, memory];
    Ok(quota::hold(db, batch, account, vm.uuid, &claims).await?)
}

/// Adds to `batch` what `vm` takes on its way from the state it is in to `into`.
///
/// # Errors
/// As [`created`].
pub(crate) async fn entered(db: &Db, batch: &mut Batch, vm: &VmInstance, into: VmState) -> Result<(), ErrorCode> {
    let claims: &[Claim] = match (vm.state, into) {
        (_, VmState::Starting) => &running(vm),
        // Recovered.
        (VmState::Destroyed, VmState::Stopped) => &[Claim { quota: TOTAL, amount: 1 }],
        _ => return Ok(()),
    };
    let account = ownership::owner_or_admin(db, vm.uuid).await?;
    Ok(quota::hold(db, batch, account, vm.uuid, claims).await?)
}

/// Adds to `batch` what a VM gives back that is in `state` from then on.
pub(crate) fn came_to(batch: &mut Batch, vm: Uuid, state: VmState) {
    match state {
        VmState::Created | VmState::Stopped => quota::release_some(batch, vm, &[NUMBER, PROCESSORS, MEMORY]),
        VmState::Destroyed => quota::release(batch, &[vm]),
        _ => {}
    }
}

fn running(vm: &VmInstance) -> [Claim; 3] {
    [
        Claim { quota: NUMBER, amount: 1 },
        Claim { quota: PROCESSORS, amount: i64::from(vm.cpu_num) },
        Claim { quota: MEMORY, amount: vm.memory_size },
    ]
}

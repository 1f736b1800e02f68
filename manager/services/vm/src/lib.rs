//! Virtual machines: their life from creation to expunge.
//!
//! Two flows do nearly everything: [`flow::launch`] brings a VM up (from nothing, or from stopped), [`flow::change`] takes
//! one that exists to another state; [`flow::nic`] gives it a NIC or takes one away, [`flow::address`] another address and
//! [`flow::rename`] a name. A VM's state names where it stands; those ending in `ing` belong to a flow, and the flow
//! engine finishes or unwinds it after any crash, so no VM stays on the way for ever. What a host reports is compared with
//! what is recorded in [`reconcile`].

mod api;
mod cascade;
mod cdrom;
mod expunge;
mod flow;
mod guard;
mod hostname;
mod key_pair;
mod quota;
mod reconcile;
mod settings;
mod store;
mod tags;

use std::sync::Arc;

use cumulo_contracts::{
    api::vm_cdrom::{
        AttachIsoToVmInstance, CreateVmCdRom, DeleteVmCdRom, DetachIsoFromVmInstance, GetCandidateIsoForAttachingVm,
        GetCandidateVmForAttachingIso, SetVmInstanceDefaultCdRom, UpdateVmCdRom,
    },
    api::vm_settings::{
        DeleteVmBootMode, DeleteVmConsolePassword, DeleteVmSshKey, GetVmBootOrder, GetVmConsolePassword, GetVmSshKey,
        SetVmBootMode, SetVmBootOrder, SetVmConsolePassword, SetVmSshKey,
    },
    api::{
        vm::{
            AttachL3NetworkToVm, CreateVmInstance, DestroyVmInstance, DetachL3NetworkFromVm, ExpungeVmInstance,
            GetVmConsoleAddress, PauseVmInstance, QueryVmCdRom, QueryVmInstance, QueryVmNic, RebootVmInstance,
            RecoverVmInstance, ReimageVmInstance, ResumeVmInstance, StartVmInstance, StopVmInstance, UpdateVmInstance,
        },
        vm_address::{DeleteVmHostname, DeleteVmStaticIp, GetVmHostname, SetVmHostname, SetVmStaticIp},
        vm_candidates::{
            GetCandidateL3NetworksForChangeVmNicNetwork, GetCandidatePrimaryStoragesForCreatingVm,
            GetCandidateZonesClustersHostsForCreatingVm, GetVmAttachableL3Network, GetVmCapabilities,
            GetVmStartingCandidateClustersHosts, GetVmsCapabilities,
        },
        vm_nic::{
            AttachL3NetworkToVmNic, AttachVmNicToVm, ChangeInstanceOffering, ChangeVmNicNetwork, ChangeVmNicState,
            CreateVmNic, DeleteVmNic, GetVmNicAttachedNetworkService, UpdateVmNicDriver,
        },
    },
    ext::{hypervisor::OnVmsReported, tag::SystemTagGuard},
    message::vm::StopVms,
    resource::{VmInstance, VmNic},
};
use cumulo_kernel::{
    Kernel, Setup,
    config::{ConfigDef, ConfigRule},
    db::Migration,
};
use cumulo_schema::{Api, Resource};

pub use flow::{
    address::ChangeAddress, change::ChangeVm, disc::ChangeDisc, launch::LaunchVm, link::ChangeLink, loose::CreateNic,
    nic::ChangeNic, reimage::ReimageVm, rename::RenameGuest,
};
pub use store::Tag;

/// The VM service.
#[derive(Debug)]
pub struct Vms {
    kernel: Kernel,
}

const MIGRATIONS: &[Migration] = &[
    Migration { name: "20261121_0190_vm", sql: include_str!("../migrations/20261121_0190_vm.sql") },
    Migration { name: "20261121_0191_vm_names", sql: include_str!("../migrations/20261121_0191_vm_names.sql") },
    Migration {
        name: "20261121_0401_vm_console_password",
        sql: include_str!("../migrations/20261121_0401_vm_console_password.sql"),
    },
    Migration { name: "20261121_0701_ssh_key_pair", sql: include_str!("../migrations/20261121_0701_ssh_key_pair.sql") },
    Migration {
        name: "20261121_2205_ssh_key_pair_claim",
        sql: include_str!("../migrations/20261121_2205_ssh_key_pair_claim.sql"),
    },
];

const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: "vm",
        name: "deletionPolicy",
        description: "What destroying a VM does: Delay keeps it for expungePeriod, Direct expunges it at once, Never keeps it",
        default: "Delay",
        rule: ConfigRule::OneOf(&["Direct", "Delay", "Never"]),
    },
    ConfigDef {
        category: "vm",
        name: "expungePeriod",
        description: "How long a destroyed VM can be recovered, in seconds",
        default: "259200",
        rule: ConfigRule::Integer(0, i64::MAX),
    },
    ConfigDef {
        category: "vm",
        name: "expungeInterval",
        description: "How often destroyed VMs are looked through for those to expunge, in seconds",
        default: "60",
        rule: ConfigRule::Integer(1, 86_400),
    },
    ConfigDef {
        category: "vm",
        name: "gracefulStopTimeout",
        description: "How long a guest may take to shut down before the plug is pulled, in seconds",
        default: "60",
        rule: ConfigRule::Integer(1, 3_600),
    },
];

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let vms = Arc::new(Vms { kernel: setup.kernel().clone() });
    setup
        .migrations(MIGRATIONS)
        .configs(CONFIGS)
        .tags(tags::TAGS)
        .quotas(quota::QUOTAS)
        .api::<CreateVmInstance>(vms.clone())
        .api::<StartVmInstance>(vms.clone())
        .api::<StopVmInstance>(vms.clone())
        .api::<RebootVmInstance>(vms.clone())
        .api::<PauseVmInstance>(vms.clone())
        .api::<ResumeVmInstance>(vms.clone())
        .api::<DestroyVmInstance>(vms.clone())
        .api::<RecoverVmInstance>(vms.clone())
        .api::<ExpungeVmInstance>(vms.clone())
        .api::<ReimageVmInstance>(vms.clone())
        .api::<UpdateVmInstance>(vms.clone())
        .api::<GetVmConsoleAddress>(vms.clone())
        .api::<AttachL3NetworkToVm>(vms.clone())
        .api::<DetachL3NetworkFromVm>(vms.clone())
        .query(QueryVmInstance::META)
        .query(QueryVmNic::META)
        .query(QueryVmCdRom::META)
        .message::<StopVms>(vms.clone())
        .add::<dyn OnVmsReported>(vms.clone())
        .cascade(VmInstance::META, cascade::PARENTS, vms.clone());
    install_settings(setup, &vms);
    install_drives(setup, &vms);
    key_pair::install(setup);
    flow::launch::install(setup, &vms);
    flow::change::install(setup, &vms);
    flow::nic::install(setup, &vms);
    flow::loose::install(setup, &vms);
    flow::link::install(setup, &vms);
    flow::reimage::install(setup, &vms);
    install_addresses(setup, &vms);
    install_candidates(setup, &vms);
    install_changes(setup, &vms);
}

fn install_candidates(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .api::<GetVmAttachableL3Network>(vms.clone())
        .api::<GetCandidateL3NetworksForChangeVmNicNetwork>(vms.clone())
        .api::<GetVmStartingCandidateClustersHosts>(vms.clone())
        .api::<GetCandidateZonesClustersHostsForCreatingVm>(vms.clone())
        .api::<GetCandidatePrimaryStoragesForCreatingVm>(vms.clone())
        .api::<GetVmCapabilities>(vms.clone())
        .api::<GetVmsCapabilities>(vms.clone());
}

fn install_changes(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .api::<CreateVmNic>(vms.clone())
        .api::<AttachVmNicToVm>(vms.clone())
        .cascade(VmNic::META, cascade::NIC_PARENTS, Arc::new(cascade::LooseNics(vms.clone())))
        .api::<ChangeVmNicState>(vms.clone())
        .api::<GetVmNicAttachedNetworkService>(vms.clone())
        .api::<ChangeVmNicNetwork>(vms.clone())
        .api::<AttachL3NetworkToVmNic>(vms.clone())
        .api::<DeleteVmNic>(vms.clone())
        .api::<UpdateVmNicDriver>(vms.clone())
        .api::<ChangeInstanceOffering>(vms.clone());
}

fn install_addresses(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .api::<SetVmStaticIp>(vms.clone())
        .api::<DeleteVmStaticIp>(vms.clone())
        .api::<SetVmHostname>(vms.clone())
        .api::<GetVmHostname>(vms.clone())
        .api::<DeleteVmHostname>(vms.clone())
        .add::<dyn SystemTagGuard>(vms.clone());
    flow::address::install(setup, vms);
    flow::rename::install(setup, vms);
}

/// What a guest is told before it runs.
fn install_settings(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .tags(settings::TAGS)
        .resources(&[settings::VmConsolePassword::META])
        .api::<SetVmBootOrder>(vms.clone())
        .api::<GetVmBootOrder>(vms.clone())
        .api::<SetVmBootMode>(vms.clone())
        .api::<DeleteVmBootMode>(vms.clone())
        .api::<SetVmConsolePassword>(vms.clone())
        .api::<GetVmConsolePassword>(vms.clone())
        .api::<DeleteVmConsolePassword>(vms.clone())
        .api::<SetVmSshKey>(vms.clone())
        .api::<GetVmSshKey>(vms.clone())
        .api::<DeleteVmSshKey>(vms.clone());
}

/// CD drives and what is in them.
fn install_drives(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .configs(cdrom::CONFIGS)
        .tags(cdrom::TAGS)
        .api::<CreateVmCdRom>(vms.clone())
        .api::<DeleteVmCdRom>(vms.clone())
        .api::<UpdateVmCdRom>(vms.clone())
        .api::<SetVmInstanceDefaultCdRom>(vms.clone())
        .api::<AttachIsoToVmInstance>(vms.clone())
        .api::<DetachIsoFromVmInstance>(vms.clone())
        .api::<GetCandidateIsoForAttachingVm>(vms.clone())
        .api::<GetCandidateVmForAttachingIso>(vms.clone());
    flow::disc::install(setup, vms);
}

/// Starts what the service does by itself; call once the kernel has started.
pub fn start(kernel: &Kernel) {
    let vms = Arc::new(Vms { kernel: kernel.clone() });
    kernel.spawn(expunge::rounds(vms));
}

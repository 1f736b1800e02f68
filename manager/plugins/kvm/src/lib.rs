//! Hosts that run VMs with KVM, or with plain QEMU where KVM does not work.
//!
//! Everything is done by the agent on the host; this is the translation between what services ask and what the agent
//! understands, and the way its reports take to who wants them.

mod connect;
mod os;
mod reach;
mod renew;
mod reports;
mod run;
mod tags;

use std::sync::Arc;

use cumulo_contracts::{
    ext::{
        host::HostFilter,
        hypervisor::{HostConnector, Hypervisor, OsUpdater},
    },
    message::host::HostStatusChanged,
};
use cumulo_gateway::{AgentWatch, Gateway};
use cumulo_kernel::{Kernel, Setup};

/// The hypervisor type this plugin serves.
pub const KVM: &str = "KVM";

struct Kvm {
    kernel: Kernel,
    gateway: Gateway,
    renewals: renew::Renewals,
}

/// Installs the plugin.
pub fn install(setup: &mut Setup, gateway: Gateway) {
    let kernel = setup.kernel().clone();
    gateway.on_report(Arc::new(reports::Reports::new(kernel.clone())));
    let kvm = Arc::new(Kvm { kernel, gateway, renewals: renew::Renewals::default() });
    setup
        .tags(tags::TAGS)
        .add::<dyn AgentWatch>(kvm.clone())
        .on::<HostStatusChanged>(kvm.clone())
        .add::<dyn HostFilter>(kvm.clone())
        .driver::<dyn HostConnector>(KVM, kvm.clone())
        .driver::<dyn OsUpdater>(KVM, kvm.clone())
        .driver::<dyn Hypervisor>(KVM, kvm);
}

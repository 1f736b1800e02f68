//! What agents report of their hosts, told to who wants it.

use async_trait::async_trait;
use cumulo_contracts::{ext::hypervisor::OnVmsReported, resource::VmState};
use cumulo_gateway::OnReport;
use cumulo_kernel::Kernel;
use cumulo_proto::{Report, VmState as Seen};
use cumulo_schema::Uuid;

pub(crate) struct Reports {
    kernel: Kernel,
}

impl Reports {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }
}

#[async_trait]
impl OnReport for Reports {
    async fn on_report(&self, report: &Report) {
        let Ok(host) = report.agent.parse::<Uuid>() else { return };
        let vms: Vec<(Uuid, VmState)> =
            report.vms.iter().filter_map(|vm| Some((vm.uuid.parse().ok()?, state(vm.state())?))).collect();
        for observer in self.kernel.registry().all::<dyn OnVmsReported>() {
            if let Err(error) = observer.vms_reported(host, &vms).await {
                tracing::warn!(%host, %error, "a report could not be dealt with");
            }
        }
    }
}

fn state(seen: Seen) -> Option<VmState> {
    match seen {
        Seen::Running => Some(VmState::Running),
        Seen::Paused => Some(VmState::Paused),
        Seen::Stopped | Seen::Absent => Some(VmState::Stopped),
        Seen::Crashed => Some(VmState::Crashed),
        Seen::Unspecified => None,
    }
}

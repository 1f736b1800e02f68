//! What agents report of their hosts, told to who wants it.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{Measurement, OnUsageMeasured, OnVmsReported, Usage},
    resource::VmState,
};
use cumulo_gateway::OnReport;
use cumulo_kernel::Kernel;
use cumulo_proto::{Report, Samples, VmState as Seen};
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

    async fn on_samples(&self, samples: &Samples) {
        let Ok(host) = samples.agent.parse::<Uuid>() else { return };
        let observers = self.kernel.registry().all::<dyn OnUsageMeasured>();
        if observers.is_empty() {
            return;
        }
        let usages: Vec<Usage> = samples.usages.iter().filter_map(usage).collect();
        for observer in observers {
            observer.usage_measured(host, &usages);
        }
    }
}

/// `None` where the VM's id is none.
fn usage(seen: &cumulo_proto::Usage) -> Option<Usage> {
    let vm = match seen.vm_uuid.as_str() {
        "" => None,
        uuid => Some(uuid.parse().ok()?),
    };
    let measurements = seen.measurements.iter().map(|seen| Measurement {
        metric: seen.metric.clone(),
        device: seen.device.clone(),
        value: seen.value,
    });
    Some(Usage { vm, measurements: measurements.collect() })
}

pub(crate) fn state(seen: Seen) -> Option<VmState> {
    match seen {
        Seen::Running => Some(VmState::Running),
        Seen::Paused => Some(VmState::Paused),
        Seen::Stopped | Seen::Absent => Some(VmState::Stopped),
        Seen::Crashed => Some(VmState::Crashed),
        Seen::Unspecified => None,
    }
}

//! What was told last of everybody: as gauges for Prometheus, and on its way to the store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use cumulo_contracts::ext::hypervisor::{Measurement, OnUsageMeasured, Usage};
use cumulo_kernel::metrics::{Gauges, family as family_of, gauge, snake_case};
use cumulo_schema::Uuid;
use prometheus::proto::MetricFamily;

use crate::{
    Metrics,
    catalog::{self, Kind},
    now,
    series::{Column, Measured},
    store::HostRow,
};

/// Seconds for which a figure is of now: agents tell every ten.
const FRESH: i64 = 60;
/// Most figures of one host or VM: CPUs, disks and NICs that there can be.
const MOST_VALUES: usize = 4096;
/// Longest name of a device.
const LONGEST_NAME: usize = 255;

/// By host: when it told, and what.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<HashMap<Uuid, Told>>);

type Told = (i64, Arc<Vec<Measured>>);

impl Latest {
    fn set(&self, host: Uuid, at: i64, measured: Arc<Vec<Measured>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host, (at, measured));
    }

    /// Forgets hosts that tell nothing any more.
    pub(crate) fn forget_old(&self, now: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (at, _)| *at > now - FRESH);
    }

    fn all(&self, now: i64) -> Vec<Arc<Vec<Measured>>> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.values().filter(|(at, _)| *at > now - FRESH).map(|(_, measured)| Arc::clone(measured)).collect()
    }
}

impl OnUsageMeasured for Metrics {
    fn usage_measured(&self, host: Uuid, usages: &[Usage]) {
        let (now, measured) = (now(), usages.iter().map(|usage| measured(host, usage)).collect::<Vec<_>>());
        let measured = Arc::new(measured);
        self.latest.set(host, now, Arc::clone(&measured));
        if !self.store.put(HostRow { host, time: now, measured }) {
            tracing::warn!(%host, "metrics come faster than they can be written; some are dropped");
        }
    }
}

/// With the metrics that there are; what else an agent tells is ignored.
fn measured(host: Uuid, usage: &Usage) -> Measured {
    let (kind, uuid) = usage.vm.map_or((Kind::Host, host), |vm| (Kind::Vm, vm));
    let mut devices: Vec<Arc<str>> = Vec::new();
    let mut values: Vec<(Column, f64)> = Vec::with_capacity(usage.measurements.len().min(MOST_VALUES));
    for Measurement { metric, device, value } in usage.measurements.iter().take(MOST_VALUES) {
        let Some(metric) = catalog::named(kind, metric) else { continue };
        let is_device_apt = metric.device.is_some() != device.is_empty() && device.len() <= LONGEST_NAME;
        if !is_device_apt || !value.is_finite() {
            continue;
        }
        let known = devices.iter().find(|known| known.as_ref() == device.as_str()).cloned();
        let device = known.unwrap_or_else(|| {
            devices.push(device.as_str().into());
            devices[devices.len() - 1].clone()
        });
        values.push((Column { metric: metric.number, device }, *value));
    }
    values.sort_by(|(one, _), (other, _)| one.cmp(other));
    values.dedup_by(|(one, _), (other, _)| one == other);
    Measured { kind, uuid, values }
}

impl Gauges for Metrics {
    /// `cumulo_vm_memory_used_bytes{vm="…"}`, `cumulo_host_disk_read_bytes{host="…",device="sda"}`: named as at the
    /// agents, so that a dashboard serves both.
    fn gather(&self) -> Vec<MetricFamily> {
        let mut families = BTreeMap::<(u32, u32), Vec<prometheus::proto::Metric>>::new();
        for told in self.latest.all(now()) {
            for of in told.iter() {
                let (label, uuid) = (if of.kind == Kind::Vm { "vm" } else { "host" }, of.uuid.to_string());
                for (column, value) in &of.values {
                    let metric = gauge(&[(label, &uuid), ("device", &column.device)], *value);
                    families.entry((of.kind.number(), column.metric)).or_default().push(metric);
                }
            }
        }
        let family = |((kind, number), metrics): ((u32, u32), Vec<_>)| {
            let of = if Kind::of_number(kind)? == Kind::Vm { "vm" } else { "host" };
            let name = catalog::numbered(number)?.name;
            let help = format!("{name} as GetMetricData has it");
            Some(family_of(&format!("cumulo_{of}_{}", snake_case(name)), &help, metrics))
        };
        #[allow(clippy::cast_precision_loss, reason = "nobody needs the last byte")]
        let size = self.size.load(Ordering::Relaxed) as f64;
        let own = family_of("cumulo_metrics_store_bytes", "What kept metrics take", vec![gauge(&[], size)]);
        families.into_iter().filter_map(family).chain([own]).collect()
    }
}

//! Measuring the machine every ten seconds: for `/metrics`, and for the manager while one is connected.
//!
//! Not part of the reports: those tell of states, are repeated until they arrive and wake up who reconciles; a figure is
//! worth nothing a moment later and is sent once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_proto::{Samples, Usage};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{AgentError, Chain, Runtime, journal::now_ms};

const EVERY: Duration = Duration::from_secs(10);

/// What a machine has to measure.
#[async_trait]
pub trait SampleSource: Send + Sync {
    /// What was used since the last call; nothing at the first.
    async fn sample(&self) -> Result<Vec<Usage>, AgentError>;
}

/// Measures a machine and tells the manager.
pub struct Sampler<H> {
    runtime: Runtime<H>,
    source: Arc<dyn SampleSource>,
    every: Duration,
}

impl<H: Send + Sync + 'static> Sampler<H> {
    /// Samples of `source` to whom `runtime` is connected, every ten seconds.
    pub fn new(runtime: Runtime<H>, source: Arc<dyn SampleSource>) -> Self {
        Self { runtime, source, every: EVERY }
    }

    /// As often as `period`, for tests that cannot wait.
    #[must_use]
    pub fn every(self, period: Duration) -> Self {
        Self { every: period, ..self }
    }

    /// Measures until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            match self.source.sample().await {
                Ok(usages) if usages.is_empty() => {}
                Ok(usages) => self.tell(usages).await,
                Err(error) => warn!(error = %Chain(&error), "could not measure the host"),
            }
        }
    }

    async fn tell(&self, usages: Vec<Usage>) {
        let samples = Samples { agent: self.runtime.agent_id().to_owned(), taken_ms: now_ms(), usages };
        let base = self.runtime.manager().borrow().clone();
        if let Some(base) = base
            && let Err(error) = self.runtime.callbacks().samples(&base, &samples).await
        {
            debug!(error = %Chain(&error), "samples are lost");
        }
        self.runtime.measured(samples.usages);
    }
}

/// The newest figures as gauges: `cumulo_vm_memory_used_bytes{vm="…"}`, `cumulo_host_disk_read_bytes{device="sda"}`.
pub(crate) fn gauges(usages: &[Usage]) -> Vec<MetricFamily> {
    let mut families = BTreeMap::<String, MetricFamily>::new();
    for usage in usages {
        let of = if usage.vm_uuid.is_empty() { "host" } else { "vm" };
        for measured in &usage.measurements {
            let name = format!("cumulo_{of}_{}", snake_case(&measured.metric));
            let labels = [("vm", &usage.vm_uuid), ("device", &measured.device)];
            let labels = labels.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| {
                let mut label = LabelPair::default();
                label.set_name(name.to_owned());
                label.set_value(value.clone());
                label
            });
            let mut gauge = Gauge::default();
            gauge.set_value(measured.value);
            let mut metric = Metric::from_label(labels.collect());
            metric.set_gauge(gauge);
            let family = families.entry(name).or_default();
            family.set_help(format!("{} as GetMetricData has it", measured.metric));
            family.set_field_type(MetricType::GAUGE);
            family.mut_metric().push(metric);
        }
    }
    let named = families.into_iter().map(|(name, mut family)| {
        family.set_name(name);
        family
    });
    named.collect()
}

/// `CPUUsedUtilization` is `cpu_used_utilization`: a run of capitals is one word, but for its last letter where a small one
/// follows.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 8);
    for (n, letter) in letters.iter().enumerate() {
        let after_small = n > 0 && !letters[n - 1].is_uppercase();
        let before_small = letters.get(n + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_uppercase() && n > 0 && (after_small || before_small) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use cumulo_proto::Measurement;
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn figures_are_gauges_with_words_in_their_names() {
        for (name, snake) in [
            ("CPUUsedUtilization", "cpu_used_utilization"),
            ("DiskAllReadBytes", "disk_all_read_bytes"),
            ("MemoryUsedInPercent", "memory_used_in_percent"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
        let measured = |metric: &str, device: &str, value| Measurement {
            metric: metric.to_owned(),
            device: device.to_owned(),
            value,
        };
        let usages = [
            Usage { vm_uuid: String::new(), measurements: vec![measured("DiskReadBytes", "sda", 0.5)] },
            Usage {
                vm_uuid: "v".to_owned(),
                measurements: vec![measured("DiskReadBytes", "vda", 2.0), measured("MemoryUsedBytes", "", 3.0)],
            },
        ];
        let text = TextEncoder::new().encode_to_string(&gauges(&usages)).unwrap();
        for line in [
            "cumulo_host_disk_read_bytes{device=\"sda\"} 0.5",
            "cumulo_vm_disk_read_bytes{vm=\"v\",device=\"vda\"} 2",
            "cumulo_vm_memory_used_bytes{vm=\"v\"} 3",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}

//! What a node counts of itself, for Prometheus: calls and how long they took, jobs, flows, queues, commits.
//!
//! Served on a listener of its own, if one is configured: who scrapes has no session, and what calls there are and which
//! VMs is nobody else's business.

use std::time::Duration;

use axum::{Router, extract::State, routing::get};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
    proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType},
};
use tokio::runtime::Handle;

use crate::Kernel;

/// More gauges, asked at every scrape: extension point of services that know some.
pub trait Gauges: Send + Sync {
    /// Those of now.
    fn gather(&self) -> Vec<MetricFamily>;
}

/// Upper bounds in seconds of what a call may take.
const BUCKETS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

/// The counters of one node; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    calls: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// All at zero, beside `commits`, which the database counts.
    ///
    /// # Panics
    /// Never: names and labels are constants that a test builds.
    pub(crate) fn new(commits: prometheus::Histogram) -> Self {
        let known = "metric names and labels are well-formed constants";
        let calls = Opts::new("cumulo_api_calls_total", "Calls that were handled, jobs included, by API and result");
        let seconds = HistogramOpts::new("cumulo_api_seconds", "How long handling calls took, without waiting");
        let metrics = Self {
            registry: Registry::new(),
            calls: IntCounterVec::new(calls, &["api", "result"]).expect(known),
            seconds: HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["api"]).expect(known),
        };
        let collectors: [Box<dyn prometheus::core::Collector>; 3] =
            [Box::new(metrics.calls.clone()), Box::new(metrics.seconds.clone()), Box::new(commits)];
        for collector in collectors {
            metrics.registry.register(collector).expect(known);
        }
        metrics
    }

    pub(crate) fn called(&self, api: &str, ok: bool, took: Duration) {
        self.calls.with_label_values(&[api, if ok { "ok" } else { "failed" }]).inc();
        self.seconds.with_label_values(&[api]).observe(took.as_secs_f64());
    }
}

/// The routes of the metrics listener: `/metrics` and `/healthz`.
pub fn router(kernel: Kernel) -> Router {
    Router::new()
        .route("/metrics", get(async |State(kernel): State<Kernel>| text(&kernel)))
        .route("/healthz", get(async || "ok\n"))
        .with_state(kernel)
}

/// Everything in Prometheus' text format.
#[must_use]
pub fn text(kernel: &Kernel) -> String {
    let mut families = kernel.metrics().registry.gather();
    let ((running, waiting), (long_running, long_waiting)) = kernel.job_depths();
    let queues = kernel.queues().total();
    families.extend([
        counted(
            "cumulo_jobs",
            "Asynchronous calls that run and that wait for their turn",
            &[
                (&[("kind", "job"), ("state", "running")], running),
                (&[("kind", "job"), ("state", "waiting")], waiting),
                (&[("kind", "long job"), ("state", "running")], long_running),
                (&[("kind", "long job"), ("state", "waiting")], long_waiting),
            ],
        ),
        counted(
            "cumulo_ring_nodes",
            "Management nodes that share the work, as this one sees it",
            &[(&[], kernel.cluster().members().view().ring.nodes().len())],
        ),
        counted("cumulo_holds", "Resources that this node works on for all", &[(&[], kernel.cluster().in_hand())]),
        counted("cumulo_tasks", "Tasks of this process that have not ended", &[(&[], tasks())]),
        counted("cumulo_flows_running", "Flows under way", &[(&[], kernel.flows().running_count())]),
        counted(
            "cumulo_queue_tasks",
            "Tasks on the queues of single objects",
            &[(&[("state", "running")], queues.running), (&[("state", "waiting")], queues.waiting)],
        ),
    ]);
    for gauges in kernel.registry().all::<dyn Gauges>() {
        families.extend(gauges.gather());
    }
    TextEncoder::new().encode_to_string(&families).unwrap_or_default()
}

/// What has been spawned and has not ended; none outside of a runtime.
fn tasks() -> usize {
    Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
}

/// Labels and a number.
type Labelled<'a> = (&'a [(&'a str, &'a str)], usize);

fn counted(name: &str, help: &str, gauges: &[Labelled<'_>]) -> MetricFamily {
    #[allow(clippy::cast_precision_loss, reason = "nobody has that many jobs")]
    let gauges = gauges.iter().map(|(labels, value)| gauge(labels, *value as f64));
    family(name, help, gauges.collect())
}

/// The gauges of one name.
#[must_use]
pub fn family(name: &str, help: &str, gauges: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(gauges);
    family
}

/// A gauge with those of `labels` that are not empty.
#[must_use]
pub fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let labels = labels.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| {
        let mut label = LabelPair::default();
        label.set_name((*name).to_owned());
        label.set_value((*value).to_owned());
        label
    });
    let mut metric = Metric::from_label(labels.collect());
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    metric.set_gauge(gauge);
    metric
}

/// `CPUUsedUtilization` is `cpu_used_utilization`: a run of capitals is one word, but for its last letter where a small one
/// follows.
#[must_use]
pub fn snake_case(name: &str) -> String {
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
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let commits = prometheus::Histogram::with_opts(HistogramOpts::new("commits", "Commits")).expect("well-formed");
        let metrics = Metrics::new(commits);
        metrics.called("CreateZone", true, Duration::from_millis(3));
        metrics.called("CreateZone", false, Duration::from_millis(3));
        let mut families = metrics.registry.gather();
        families.push(counted("cumulo_jobs", "Jobs", &[(&[("state", "running")], 7)]));
        let text = TextEncoder::new().encode_to_string(&families).expect("text");
        for line in [
            "cumulo_api_calls_total{api=\"CreateZone\",result=\"failed\"} 1",
            "cumulo_api_seconds_count{api=\"CreateZone\"} 2",
            "cumulo_jobs{state=\"running\"} 7",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(snake_case("CPUAverageUsedUtilization"), "cpu_average_used_utilization");
    }
}

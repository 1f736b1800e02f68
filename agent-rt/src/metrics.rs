//! What an agent counts, in Prometheus' text format.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cumulo_proto::Usage;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// The counters of one agent.
pub struct Metrics {
    registry: Registry,
    commands: IntCounterVec,
    seconds: HistogramVec,
    running: IntGauge,
    unacknowledged: IntGauge,
    posts: IntCounterVec,
    usages: Mutex<Vec<Usage>>,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Panics
    /// Never: names and labels are constants that a test builds.
    pub fn new() -> Self {
        let registry = Registry::new();
        let commands = IntCounterVec::new(
            Opts::new("cumulo_agent_commands_total", "Commands run, by name and result"),
            &["command", "result"],
        );
        let seconds = HistogramVec::new(
            HistogramOpts::new("cumulo_agent_command_seconds", "How long commands ran, without waiting for others")
                .buckets(vec![0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0]),
            &["command"],
        );
        let running = IntGauge::new("cumulo_agent_tasks_running", "Commands accepted and not finished");
        let unacknowledged =
            IntGauge::new("cumulo_agent_outcomes_unacknowledged", "Outcomes the manager does not know yet");
        let posts = IntCounterVec::new(
            Opts::new(
                "cumulo_agent_posts_total",
                "What the manager was told, by kind and result; an outcome is posted unless it goes with the answer to its command",
            ),
            &["kind", "result"],
        );
        let known = "metric names and labels are well-formed constants";
        let metrics = Self {
            registry,
            commands: commands.expect(known),
            seconds: seconds.expect(known),
            running: running.expect(known),
            unacknowledged: unacknowledged.expect(known),
            posts: posts.expect(known),
            usages: Mutex::default(),
        };
        let collectors: [Box<dyn prometheus::core::Collector>; 5] = [
            Box::new(metrics.commands.clone()),
            Box::new(metrics.seconds.clone()),
            Box::new(metrics.running.clone()),
            Box::new(metrics.unacknowledged.clone()),
            Box::new(metrics.posts.clone()),
        ];
        for collector in collectors {
            metrics.registry.register(collector).expect(known);
        }
        metrics
    }

    pub(crate) fn ran(&self, command: &str, ok: bool, took: Duration) {
        self.commands.with_label_values(&[command, if ok { "ok" } else { "failed" }]).inc();
        self.seconds.with_label_values(&[command]).observe(took.as_secs_f64());
    }

    pub(crate) fn posted(&self, kind: &str, ok: bool) {
        self.posts.with_label_values(&[kind, if ok { "ok" } else { "failed" }]).inc();
    }

    pub(crate) fn tasks(&self, running: usize, unacknowledged: usize) {
        self.running.set(i64::try_from(running).unwrap_or(i64::MAX));
        self.unacknowledged.set(i64::try_from(unacknowledged).unwrap_or(i64::MAX));
    }

    pub(crate) fn measured(&self, usages: Vec<Usage>) {
        *self.usages.lock().unwrap_or_else(PoisonError::into_inner) = usages;
    }

    /// Everything as text.
    pub fn text(&self) -> String {
        let mut families = self.registry.gather();
        families.extend(crate::sample::gauges(&self.usages.lock().unwrap_or_else(PoisonError::into_inner)));
        TextEncoder::new().encode_to_string(&families).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::new();
        metrics.ran("StartVm", true, Duration::from_millis(20));
        metrics.ran("StartVm", false, Duration::from_millis(20));
        metrics.posted("outcome", true);
        metrics.tasks(2, 1);
        let text = metrics.text();
        assert!(text.contains(r#"cumulo_agent_commands_total{command="StartVm",result="failed"} 1"#), "{text}");
        assert!(text.contains(r#"cumulo_agent_command_seconds_count{command="StartVm"} 2"#), "{text}");
        assert!(text.contains("cumulo_agent_tasks_running 2"), "{text}");
    }
}

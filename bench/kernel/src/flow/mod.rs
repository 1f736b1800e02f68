//! `flow-memory` and `flow-durable`: what it costs that steps can be undone and that a flow goes on after a crash.

mod by_hand;
mod durable;
mod memory;

use crate::Measure;

pub(crate) async fn run(measure: Measure) -> anyhow::Result<()> {
    memory::run(measure).await?;
    durable::run(measure).await
}

/// The text of a chain of `steps`.
fn chain(steps: &[&'static str]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("\"{step}\"")).collect();
    format!("[{}]", steps.join(", "))
}

/// So many names of steps, which live as long as the program.
fn names(count: u32) -> Vec<&'static str> {
    (1..=count).map(|number| &*format!("step-{number}").leak()).collect()
}

//! Dying on order, in builds with the feature `faults`, which only tests enable.
//!
//! What a SIGKILL leaves can be told from a real process only, and at every point of a flow only if the process itself
//! stops there. `CUMULO_FAULTS` orders it: `kill:end:allocate-host:<flow>`, several with commas between. What is done is
//! `kill` (this process, by SIGKILL) or `fail` (the step); where is the `start`, the `end` or the `undo` of a step; the flow
//! is named by its id, which for the flow of a job is the job's, so that no other flow of that name is meant.

use std::sync::Arc;

use anyhow::{Context, bail};
use cumulo_kernel::{
    Kernel,
    faults::{Point, Probe, Verdict},
};
use cumulo_schema::{ErrorCode, Uuid};
use nix::sys::signal::{Signal, raise};

/// The variable with the orders.
const ORDERS: &str = "CUMULO_FAULTS";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Kill,
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Start,
    End,
    Undo,
}

#[derive(Debug, PartialEq, Eq)]
struct Order {
    what: What,
    place: Where,
    step: String,
    flow: Uuid,
}

struct Orders(Vec<Order>);

/// Installs what the environment orders, before anything of the last life is resumed.
///
/// # Errors
/// When an order cannot be read.
pub(crate) fn install(kernel: &Kernel) -> anyhow::Result<()> {
    let Ok(text) = std::env::var(ORDERS) else { return Ok(()) };
    let orders = text.split(',').map(parse).collect::<Result<_, _>>()?;
    tracing::warn!(orders = text, "this node dies on order");
    if kernel.faults().install(Arc::new(Orders(orders))).is_err() {
        bail!("{ORDERS} is given where a probe is installed already");
    }
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Order> {
    let mut parts = text.splitn(4, ':');
    let mut part = || parts.next().with_context(|| format!("'{text}' in {ORDERS} is not what:where:step:flow"));
    let what = match part()? {
        "kill" => What::Kill,
        "fail" => What::Fail,
        other => bail!("'{other}' in {ORDERS} is neither kill nor fail"),
    };
    let place = match part()? {
        "start" => Where::Start,
        "end" => Where::End,
        "undo" => Where::Undo,
        other => bail!("'{other}' in {ORDERS} is none of start, end and undo"),
    };
    Ok(Order { what, place, step: part()?.to_owned(), flow: part()?.parse()? })
}

impl Probe for Orders {
    fn at(&self, point: Point<'_>) -> Verdict {
        let (place, flow, step) = match point {
            Point::StepStart { flow, step } => (Where::Start, flow, step),
            Point::StepEnd { flow, step } => (Where::End, flow, step),
            Point::UndoStart { flow, step } => (Where::Undo, flow, step),
            Point::CallRequest { .. } | Point::CallReply { .. } => return Verdict::Pass,
        };
        match self.0.iter().find(|order| (order.place, order.flow, order.step.as_str()) == (place, flow, step)) {
            None => Verdict::Pass,
            Some(Order { what: What::Fail, .. }) => Verdict::Fail(ErrorCode::operation("failed on order")),
            Some(Order { what: What::Kill, .. }) => {
                // Nothing comes after it; were the signal refused, the flow at least goes no further.
                _ = raise(Signal::SIGKILL);
                Verdict::Die
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_and_obeyed_only_where_they_are_meant() {
        let flow = Uuid::random();
        let order = parse(&format!("fail:end:start-on-host:{flow}")).expect("an order");
        let wanted = Order { what: What::Fail, place: Where::End, step: "start-on-host".to_owned(), flow };
        assert_eq!(order, wanted);
        let orders = Orders(vec![order]);
        let step = "start-on-host";
        assert!(matches!(orders.at(Point::StepEnd { flow, step }), Verdict::Fail(_)));
        assert_eq!(orders.at(Point::StepStart { flow, step }), Verdict::Pass);
        assert_eq!(orders.at(Point::StepEnd { flow: Uuid::random(), step }), Verdict::Pass);
        for bad in ["", "kill", "kill:end:x", "burn:end:x:y", "kill:middle:x:y", "kill:end:x:y"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

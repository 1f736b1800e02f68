//! `flow-memory`: a step of a flow that changes nothing, so that its journal is only noted, beside an await.
//!
//! What begin and end of a flow cost is `flow-durable`'s to say, and is much more: here is counted what lies between the starts
//! of the first step and of the last one, which steps note themselves.

use std::{hint::black_box, sync::LazyLock, time::Instant};

use async_trait::async_trait;
use cumulo_bench_report::{Figure, in_turns};
use cumulo_kernel::{
    Kernel,
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use super::{chain, names};
use crate::{Measure, node::Node};

const STEPS: u32 = 10;
/// Flows of one turn.
const FLOWS: u32 = 1_000;
/// What steps count from.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// As much as the flow of a small thing remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Walk {
    resource: Uuid,
    owner: Uuid,
    name: String,
    steps: u32,
    /// When the first step and the newest one started, in nanoseconds.
    first: u64,
    last: u64,
}

impl Flow for Walk {
    const NAME: &'static str = "walk";

    fn resource(&self) -> Uuid {
        self.resource
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

impl Walk {
    fn begin() -> Self {
        let (resource, name) = (Uuid::random(), "a walk".to_owned());
        Self { resource, owner: Uuid::ADMIN, name, steps: 0, first: 0, last: 0 }
    }

    async fn go(&mut self) {
        self.last = u64::try_from(BEGIN.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if self.steps == 0 {
            self.first = self.last;
        }
        self.steps += 1;
    }

    /// Nanoseconds from one step to the next.
    fn pace(&self) -> anyhow::Result<f64> {
        anyhow::ensure!(self.steps == STEPS, "it went {} steps", self.steps);
        let took = u32::try_from(self.last - self.first)?;
        Ok(f64::from(took) / f64::from(STEPS - 1))
    }
}

struct Go(&'static str);

#[async_trait]
impl Step<Walk> for Go {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn run(&self, cx: &mut StepCx<Walk>) -> Result<(), ErrorCode> {
        cx.go().await;
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<Walk>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

pub(super) async fn run(measure: Measure) -> anyhow::Result<()> {
    let names = names(STEPS);
    let chains = format!("[walk]\nwalk = {}\n", chain(&names));
    let node = Node::start(&chains, |setup| {
        for name in &names {
            setup.step(Go(name));
        }
    });
    let node = node.await?;
    let flows = measure.of(FLOWS);
    let ours = async || average(flows, async || walk(&node.kernel).await).await;
    let plain = async || average(flows, async || await_plainly().await).await;
    let turns = in_turns(measure.turns, ours, plain).await?;
    Figure::beside("flow-memory", "ns/step", turns).over_at_most(300.0).tell()?;
    node.stop().await;
    Ok(())
}

/// The pace of so many walks.
async fn average(flows: u32, walk: impl AsyncFn() -> anyhow::Result<Walk>) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for _ in 0..flows {
        sum += walk().await?.pace()?;
    }
    Ok(sum / f64::from(flows))
}

/// A walk as a flow.
async fn walk(kernel: &Kernel) -> anyhow::Result<Walk> {
    let kernel = kernel.clone();
    let flow = async move { kernel.flows().run("walk", Uuid::random(), Walk::begin()).await };
    Ok(tokio::spawn(flow).await??)
}

/// A walk without a flow around it.
async fn await_plainly() -> anyhow::Result<Walk> {
    let mut walk = black_box(Walk::begin());
    for _ in 0..STEPS {
        walk.go().await;
    }
    Ok(black_box(walk))
}

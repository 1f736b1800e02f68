//! `flow-memory`: a step of a flow that changes nothing, so that its journal is only noted, beside an await.
//!
//! What begin and end of a flow cost is `flow-durable`'s to say: here the median of flows of ten steps is taken from that of
//! flows of two hundred and ten.

use std::{hint::black_box, time::Instant};

use async_trait::async_trait;
use cumulo_bench_report::{Figure, in_turns, median};
use cumulo_kernel::{
    Kernel,
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use super::{chain, names};
use crate::{Measure, node::Node};

/// Steps of the short chain, and of the long one.
const SHORT: u32 = 10;
const LONG: u32 = 210;
/// Flows of each length in one turn.
const FLOWS: u32 = 400;

/// As much as the flow of a small thing remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Walk {
    resource: Uuid,
    owner: Uuid,
    name: String,
    steps: u32,
    found: Option<Uuid>,
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
        Self { resource: Uuid::random(), owner: Uuid::ADMIN, name: "a walk".to_owned(), steps: 0, found: None }
    }

    async fn go(&mut self) {
        self.steps += 1;
        self.found = black_box(Some(self.resource));
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
    let names = names(LONG);
    let short = usize::try_from(SHORT)?;
    let chains = format!("[walk]\nwalk = {}\nfar = {}\n", chain(&names[..short]), chain(&names));
    let node = Node::start(&chains, |setup| {
        for name in &names {
            setup.step(Go(name));
        }
    });
    let node = node.await?;
    let flows = measure.of(FLOWS);
    let ours = async || {
        let (mut walks, mut far) = (Vec::new(), Vec::new());
        // In turns as well: the difference is a small part of either.
        for _ in 0..flows {
            walks.push(time(&node.kernel, "walk", SHORT).await?);
            far.push(time(&node.kernel, "far", LONG).await?);
        }
        Ok((median(&far) - median(&walks)) * 1e9 / f64::from(LONG - SHORT))
    };
    let plain = async || Ok(await_plainly(flows).await * 1e9);
    let turns = in_turns(measure.turns, ours, plain).await?;
    Figure::beside("flow-memory", "ns/step", turns).over_at_most(300.0).tell()?;
    node.stop().await;
    Ok(())
}

/// Seconds that a flow takes.
async fn time(kernel: &Kernel, chain: &'static str, steps: u32) -> anyhow::Result<f64> {
    let kernel = kernel.clone();
    tokio::spawn(async move {
        let begun = Instant::now();
        let walk = kernel.flows().run(chain, Uuid::random(), Walk::begin()).await?;
        anyhow::ensure!(walk.steps == steps, "it went {} steps", walk.steps);
        Ok(begun.elapsed().as_secs_f64())
    })
    .await?
}

/// Seconds that a step takes without a flow around it.
async fn await_plainly(flows: u32) -> f64 {
    let begun = Instant::now();
    for _ in 0..flows {
        let mut walk = black_box(Walk::begin());
        for _ in 0..LONG {
            walk.go().await;
        }
        black_box(walk);
    }
    begun.elapsed().as_secs_f64() / f64::from(flows * LONG)
}

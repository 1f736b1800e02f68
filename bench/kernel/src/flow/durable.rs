//! `flow-durable`: ten steps that each write a row which must be on the disk before the next thing happens, as before an agent is
//! told to do something; beside the same rows, and one a step that says how far it is, written by hand.

use std::time::Instant;

use async_trait::async_trait;
use cumulo_bench_report::{Figure, in_turns, median};
use cumulo_derive::resource;
use cumulo_kernel::{
    Kernel,
    db::{Db, Migration},
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, ddl};
use serde::{Deserialize, Serialize};

use super::{by_hand::ByHand, chain, names};
use crate::{
    Measure,
    node::{Node, rate},
};

const STEPS: u32 = 10;
/// Flows of one turn, one after the other.
const FLOWS: u32 = 64;
/// Flows at once.
const AT_ONCE: u32 = 64;
/// Flows of each of those at once, one after the other.
const EACH: u32 = 8;

/// What a step writes.
#[resource(table = "bench_line", java = "org.cumulo.bench.LineInventory", vo = "BenchLineVO")]
struct Line {
    /// Its id.
    #[field(unique)]
    uuid: Uuid,
    /// The flow.
    #[field(indexed)]
    story: Uuid,
    /// What it says.
    text: String,
    /// When it was made.
    create_date: Timestamp,
}

/// What is told in ten lines.
#[derive(Debug, Serialize, Deserialize)]
struct Story {
    uuid: Uuid,
    owner: Uuid,
    lines: Vec<Uuid>,
}

impl Flow for Story {
    const NAME: &'static str = "story";

    fn resource(&self) -> Uuid {
        self.uuid
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

struct Tell {
    name: &'static str,
    db: Db,
}

#[async_trait]
impl Step<Story> for Tell {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn run(&self, cx: &mut StepCx<Story>) -> Result<(), ErrorCode> {
        let line =
            Line { uuid: cx.task("line"), story: cx.uuid, text: self.name.to_owned(), create_date: Timestamp::now() };
        let mut batch = self.db.batch();
        batch.insert(&line);
        self.db.commit(batch).await?;
        cx.lines.push(line.uuid);
        Ok(self.db.settle().await?)
    }

    async fn undo(&self, cx: &mut StepCx<Story>) -> Result<(), ErrorCode> {
        let mut batch = self.db.batch();
        batch.delete::<Line>().eq(Line::STORY, &cx.uuid).any();
        Ok(self.db.commit(batch).await.map(drop)?)
    }
}

pub(super) async fn run(measure: Measure) -> anyhow::Result<()> {
    let names = names(STEPS);
    let table = Migration { name: "20270101_0000_bench_line", sql: ddl::create_table(Line::META, &[]).leak() };
    let chains = format!("[story]\nstory = {}\n", chain(&names));
    let node = Node::start(&chains, |setup| {
        setup.resources(&[Line::META]).migrations(&[table]);
        let db = setup.kernel().db().clone();
        for name in names {
            setup.step(Tell { name, db: db.clone() });
        }
    });
    let node = node.await?;
    let (kernel, flows, each) = (&node.kernel, measure.of(FLOWS), measure.of(EACH));
    let mut by_hand = ByHand::open(STEPS)?;
    let ours = async || Ok(1e3 / rate(1, flows, |_| tell(kernel.clone(), flows)).await?);
    let limit = async || {
        let begun = Instant::now();
        for _ in 0..flows {
            by_hand.tell()?;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e3 / f64::from(flows))
    };
    let (serial, limits) = in_turns(measure.turns, ours, limit).await?;
    let one_by_one = 1e3 / median(&serial);
    Figure::beside("flow-durable", "ms/flow", (serial, limits)).ratio_at_most(1.1).tell()?;

    let mut rates = Vec::new();
    for _ in 0..measure.turns {
        rates.push(rate(AT_ONCE, each, |_| tell(kernel.clone(), each)).await?);
    }
    let at_once = Figure::new(format!("flow-durable-{AT_ONCE}"), "flows/s", median(&rates)).limit(one_by_one);
    Figure { turns: rates, ..at_once }.ratio_at_least(4.0).tell()?;
    node.stop().await;
    Ok(())
}

async fn tell(kernel: Kernel, times: u32) -> anyhow::Result<()> {
    for _ in 0..times {
        let story = Story { uuid: Uuid::random(), owner: Uuid::ADMIN, lines: Vec::new() };
        let told = kernel.flows().run("story", Uuid::random(), story).await?;
        anyhow::ensure!(told.lines.len() == usize::try_from(STEPS)?, "it has {} lines", told.lines.len());
    }
    Ok(())
}

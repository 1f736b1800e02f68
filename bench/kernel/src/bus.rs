//! `bus-call`: a call to a service of the own node (its handler looked up, run as a task of its own, with deadline, trace and
//! hold) beside what is left of it without all that: a channel to a task, and one back.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_bench_report::{Figure, in_turns};
use cumulo_kernel::{Kernel, bus::Handle};
use cumulo_schema::{ErrorCode, Uuid, message};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Measure,
    node::{Node, rate},
};

/// Calls of one turn.
const CALLS: u32 = 640_000;

#[derive(Debug, Serialize, Deserialize)]
struct Next {
    key: Uuid,
    number: u32,
}
message!(Next => u32, service = "bench", key = key);

struct Numbers;

#[async_trait]
impl Handle<Next> for Numbers {
    async fn handle(&self, message: Next) -> Result<u32, ErrorCode> {
        Ok(message.number + 1)
    }
}

pub(crate) async fn run(measure: Measure) -> anyhow::Result<()> {
    let node = Node::start("", |setup| {
        setup.message::<Next>(Arc::new(Numbers));
    });
    let node = node.await?;
    for callers in [1, 64] {
        let each = measure.of(CALLS / callers);
        let ours = async || {
            let kernel = &node.kernel;
            rate(callers, each, |_| call(kernel.clone(), each)).await
        };
        let raw = async || {
            let (sender, receiver) = mpsc::channel(64);
            let server = tokio::spawn(serve(receiver));
            let rate = rate(callers, each, |_| ask(sender.clone(), each)).await?;
            drop(sender);
            server.await?;
            Ok(rate)
        };
        let turns = in_turns(measure.turns, ours, raw).await?;
        let figure = Figure::beside(format!("bus-call-{callers}"), "calls/s", turns);
        figure.ratio_at_least(0.35).at_least(1e6).tell()?;
    }
    node.stop().await;
    Ok(())
}

async fn call(kernel: Kernel, times: u32) -> anyhow::Result<()> {
    let key = Uuid::random();
    for number in 0..times {
        let answer = kernel.bus().call(Next { key, number }).await?;
        anyhow::ensure!(answer == number + 1, "another answer");
    }
    Ok(())
}

type Asked = (Next, oneshot::Sender<u32>);

async fn serve(mut asked: mpsc::Receiver<Asked>) {
    while let Some((message, answer)) = asked.recv().await {
        // Who does not wait any more needs no answer.
        let _ = answer.send(message.number + 1);
    }
}

async fn ask(server: mpsc::Sender<Asked>, times: u32) -> anyhow::Result<()> {
    let key = Uuid::random();
    for number in 0..times {
        let (sender, answer) = oneshot::channel();
        server.send((Next { key, number }, sender)).await?;
        anyhow::ensure!(answer.await? == number + 1, "another answer");
    }
    Ok(())
}

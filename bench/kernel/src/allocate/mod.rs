//! `allocate`: a host out of ten thousand under twelve filters, four of the host service and eight of plugins, beside the same
//! questions to arrays.
//!
//! The way is the real one: the message that a VM's flow sends, with its reads, and the commit that holds the room, each call
//! durable by itself. By hand nothing is stored; every host is asked, and why not is noted of each. The real way looks at a
//! shortlist first, and at every host only where nobody on it will do.

mod arrays;
mod hosts;

use std::{sync::Arc, time::Instant};

use cumulo_bench_report::{Figure, in_turns, median};
use cumulo_contracts::{
    ext::host::HostRequest,
    message::host::{AllocateHost, ExplainHosts},
};
use cumulo_kernel::Kernel;
use cumulo_schema::{Uuid, codes};

use crate::{
    Measure,
    node::{Node, rate},
};
use arrays::Arrays;
use hosts::{GIB, Hosts};

const HOSTS: u32 = 10_000;
/// VMs of one turn: one after the other, and at once by so many callers.
const SERIAL: u32 = 1_000;
const CALLERS: u32 = 64;
const EACH: u32 = 100;
/// Looks at all hosts in one turn.
const LOOKS: u32 = 5;

pub(crate) async fn run(measure: Measure) -> anyhow::Result<()> {
    let hosts = Arc::new(Hosts::new(measure.of(HOSTS)));
    let chains = include_str!("../../../../manager/services/host/flows.toml");
    let node = Node::start(chains, |setup| hosts.install(setup)).await?;
    let kernel = &node.kernel;
    hosts.fill(kernel.db()).await?;
    let request = Arc::new(hosts.request());

    let serial = measure.of(SERIAL);
    let mut arrays = Arrays::of(&hosts);
    let ours = async || Ok(1e6 / rate(1, serial, |_| place(kernel.clone(), request.clone(), serial)).await?);
    let by_hand = async || {
        let begun = Instant::now();
        for _ in 0..serial {
            arrays.place(&request)?;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(serial))
    };
    let turns = in_turns(measure.turns, ours, by_hand).await?;
    Figure::beside("allocate", "us", turns).ratio_at_most(2.0).tell()?;

    let (each, mut rates) = (measure.of(EACH), Vec::new());
    for _ in 0..measure.turns {
        rates.push(rate(CALLERS, each, |_| place(kernel.clone(), request.clone(), each)).await?);
    }
    let at_once = Figure::new(format!("allocate-{CALLERS}"), "hosts/s", median(&rates));
    Figure { turns: rates, ..at_once }.at_least(10_000.0).tell()?;

    explain(measure, kernel, &hosts).await?;
    overbook(kernel, &hosts).await?;
    node.stop().await;
    Ok(())
}

/// Why every host takes the VM or does not, all at once.
async fn explain(measure: Measure, kernel: &Kernel, hosts: &Hosts) -> anyhow::Result<()> {
    let (looks, request, arrays) = (measure.of(LOOKS), hosts.request(), Arrays::of(hosts));
    let expected = arrays.explain(&request).0.len();
    let ours = async || {
        let (kernel, request) = (kernel.clone(), request.clone());
        let rate = rate(1, looks, |_| {
            let (kernel, request) = (kernel.clone(), request.clone());
            async move {
                for _ in 0..looks {
                    let verdicts = kernel.bus().call(ExplainHosts { request: request.clone() }).await?;
                    let refused = verdicts.iter().filter(|verdict| verdict.refused_by.is_some()).count();
                    anyhow::ensure!(refused == expected, "{refused} hosts refuse, and by hand {expected}");
                }
                Ok(())
            }
        });
        Ok(1e3 / rate.await?)
    };
    let by_hand = async || {
        let begun = Instant::now();
        for _ in 0..looks {
            anyhow::ensure!(arrays.explain(&request).0.len() == expected, "another number of hosts refuses");
        }
        Ok(begun.elapsed().as_secs_f64() * 1e3 / f64::from(looks))
    };
    let turns = in_turns(measure.turns, ours, by_hand).await?;
    Figure::beside("allocate-explain", "ms", turns).ratio_at_most(2.0).tell()
}

async fn place(kernel: Kernel, request: Arc<HostRequest>, times: u32) -> anyhow::Result<()> {
    for _ in 0..times {
        kernel.bus().call(AllocateHost { vm: Uuid::random(), request: (*request).clone() }).await?;
    }
    Ok(())
}

/// Asks for twice as much as a small cluster has room for, by all at once; how much more was given than there is.
async fn overbook(kernel: &Kernel, hosts: &Hosts) -> anyhow::Result<()> {
    let small = hosts.small_cluster(kernel.db()).await?;
    let request = HostRequest { cpu_num: 1, memory: GIB, cluster: Some(small.cluster), ..HostRequest::default() };
    let each = (2 * small.room).div_ceil(CALLERS);
    let asked = rate(CALLERS, each, |_| {
        let (kernel, request) = (kernel.clone(), request.clone());
        async move {
            for _ in 0..each {
                let call = AllocateHost { vm: Uuid::random(), request: request.clone() };
                match kernel.bus().call(call).await {
                    Ok(_) => {}
                    Err(error) if error.is(codes::HOST_ALLOCATION_NONE) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        }
    });
    asked.await?;
    let given = small.given(kernel.db()).await?;
    anyhow::ensure!(given.total >= i64::from(small.room), "{} of {} places were given", given.total, small.room);
    Figure::new("allocate-overbooked", "hosts", f64::from(given.overbooked)).at_most(0.0).tell()
}

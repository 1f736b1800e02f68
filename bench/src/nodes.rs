//! VMs by three nodes that share a MariaDB and a RabbitMQ, beside one node with both: what it costs, or brings, that they are
//! more than one, where all of them share the same two processors with their servers.

use anyhow::Context;
use cumulo_bench_report::Figure;
use cumulo_chaos::agree;
use cumulo_testdb::{Broker, Server, TestDatabase};

use crate::{
    Arguments,
    clients::{create_many, delete_many},
    cloud::{Cloud, Machines},
    count,
    stage::Stage,
};

/// Nodes beside the first.
const OTHERS: usize = 2;
/// Hosts where nobody says otherwise.
const HOSTS: usize = 20;
/// VMs of one turn where nobody says otherwise.
const VMS: usize = 500;
const TURNS: usize = 3;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (hosts, vms) = (arguments.hosts.unwrap_or(HOSTS), arguments.vms.unwrap_or(VMS));
    let (server, broker) = tokio::task::spawn_blocking(|| (Server::start(), Broker::start())).await?;
    let database = TestDatabase::on(server.url()).await;
    let vhost = broker.vhost();
    let url = database.url().context("it is on a server")?;
    let config = format!("database = '{url}'\nbus = '{}'\n", vhost.url());
    let mut stage = Stage::set_with(arguments.work_ms, &config).await?;
    stage.start().await?;
    let cloud = Cloud::build(&stage, Machines::Agents, hosts).await?;
    let db = database.open().await;

    // The first turns fetch the image, and open the connections of each node.
    rate(&stage, &cloud, 3 * hosts).await?;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        limit.push(rate(&stage, &cloud, vms).await?);
        for _ in 0..OTHERS {
            stage.join(&config).await?;
        }
        agree(&db, 1 + OTHERS).await?;
        rate(&stage, &cloud, 3 * hosts).await?;
        ours.push(rate(&stage, &cloud, vms).await?);
        stage.leave().await;
        agree(&db, 1).await?;
    }
    Figure::beside("nodes-3", "VMs/s", (ours, limit)).ratio_at_least(1.0).tell()?;
    stage.stop().await;
    db.close().await;
    Ok(())
}

/// How many VMs a second are made; they are deleted again.
async fn rate(stage: &Stage, cloud: &Cloud, vms: usize) -> anyhow::Result<f64> {
    let (made, took) = create_many(stage, cloud, 0, vms).await?;
    delete_many(stage, &made).await?;
    Ok(count(vms) / took.as_secs_f64())
}

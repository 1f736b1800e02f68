//! `cumulo-manager status`: who takes part, and what is unfinished.

use anyhow::bail;
use cumulo_kernel::{
    flow::FlowRow,
    membership::{self, NodeStatus},
};
use cumulo_schema::Timestamp;

use crate::{config::Config, database};

/// What there is to say, a line each.
///
/// # Errors
/// Where the database is embedded, or cannot be read.
pub async fn lines(config: &Config) -> anyhow::Result<Vec<String>> {
    if config.database.is_none() {
        bail!("this node keeps its database for itself and is alone; ask it with QueryManagementNode");
    }
    let db = database::open(config).await?;
    let status = membership::status(&db).await;
    db.close().await;
    let status = status?;
    let mut lines = vec![format!("epoch {}, {} nodes", status.epoch, status.nodes.len())];
    lines.extend(status.nodes.iter().map(node));
    let (flows, jobs) = status.nobodys;
    if flows + jobs > 0 {
        lines.push(format!("{flows} flows and {jobs} jobs are without a node, until one takes them up"));
    }
    lines.extend(status.parked.iter().map(parked));
    lines.push(format!("{} debts are owed", status.debts));
    Ok(lines)
}

fn node(node: &NodeStatus) -> String {
    let (lease, (flows, jobs)) = (&node.lease, node.under_way);
    let left = match node.left_ms {
        left @ 0.. => format!("lease {}.{} s", left / 1000, left % 1000 / 100),
        _ => "lease over".to_owned(),
    };
    let ring = match lease.adopted == lease.drained {
        true => format!("epoch {}", lease.adopted),
        false => format!("epoch {}, finishing what {} took from it", lease.adopted, lease.adopted),
    };
    let (uuid, host, since) = (lease.node_uuid, &lease.host_name, Timestamp(lease.join_date.0));
    format!("{uuid}  {host}  since {since}  {left}  {ring}  {flows} flows  {jobs} jobs")
}

fn parked(flow: &FlowRow) -> String {
    let why = flow.error.as_ref().map_or("nobody knows why", |error| error.0.details.as_str());
    format!("parked: flow {} of chain {} at {}, on {}: {why}", flow.uuid, flow.chain, flow.step, flow.resource_uuid)
}

//! What a node holds: memory, files, threads, tasks and rows. Of each it should hold as much after a load as before.

use std::{collections::BTreeMap, fs, net::TcpListener, time::Duration};

use anyhow::Context;
use rusqlite::{Connection, OpenFlags};
use tokio::time::{Instant, sleep};

use crate::{count, stage::Stage};

/// Tables that keep what has ended for a while, so that it can be asked about: jobs, flows and what happened.
const HISTORY: [&str; 3] = ["api_job", "flow", "timeline"];
/// How long may pass until everything is given back: what is told to a web hook is kept for a minute, and a connection that
/// is not used for a while longer.
const PATIENCE: Duration = Duration::from_secs(150);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// What is counted of a node at one time, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holdings(BTreeMap<String, i64>);

/// Where a node tells of itself.
pub(super) struct Looking<'s> {
    stage: &'s Stage,
    metrics: u16,
    http: reqwest::Client,
}

/// A port where a node can tell of itself.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl<'s> Looking<'s> {
    pub(super) fn new(stage: &'s Stage, metrics: u16) -> anyhow::Result<Self> {
        // The connection of a look is not to be what is looked at.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
        Ok(Self { stage, metrics, http })
    }

    /// Waits until nothing is under way.
    pub(super) async fn until_idle(&self) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let busy = ["cumulo_jobs", "cumulo_flows_running", "cumulo_queue_tasks"];
            let gauges = self.gauges().await?;
            if busy.iter().all(|name| gauges.get(*name).is_some_and(|value| *value == 0.0)) {
                return Ok(());
            }
            anyhow::ensure!(since.elapsed() < PATIENCE, "the node is busy after {PATIENCE:?}: {gauges:?}");
            sleep(PAUSE).await;
        }
    }

    /// Waits until the node holds no more than `before`, and says what it still does then: the name and by how much.
    pub(super) async fn more_than(&self, before: &Holdings) -> anyhow::Result<BTreeMap<String, i64>> {
        let since = Instant::now();
        loop {
            let more = self.now().await?.more_than(before);
            if more.is_empty() || since.elapsed() > PATIENCE {
                return Ok(more);
            }
            sleep(PAUSE).await;
        }
    }

    pub(super) async fn now(&self) -> anyhow::Result<Holdings> {
        let pid = self.stage.pid()?;
        let mut held = self.rows()?;
        held.insert("files".to_owned(), i64::try_from(fs::read_dir(format!("/proc/{pid}/fd"))?.count())?);
        held.insert("threads".to_owned(), i64::try_from(fs::read_dir(format!("/proc/{pid}/task"))?.count())?);
        let tasks = self.gauges().await?.get("cumulo_tasks").copied().context("the node counts its tasks")?;
        #[expect(clippy::cast_possible_truncation, reason = "a count")]
        held.insert("tasks".to_owned(), tasks as i64);
        let machines = self.stage.machines().await?;
        held.insert(
            "guests".to_owned(),
            i64::try_from(machines.iter().map(|machine| machine.guests.len()).sum::<usize>())?,
        );
        held.insert(
            "images".to_owned(),
            i64::try_from(machines.iter().map(|machine| machine.files.len()).sum::<usize>())?,
        );
        Ok(Holdings(held))
    }

    /// Rows of each table but the history, and of debts only what is owed.
    fn rows(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(self.stage.database(), flags)?;
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut tables = database.prepare(tables)?;
        let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let tables = tables.into_iter().filter(|table| !HISTORY.contains(&table.as_str()));
        let counted = tables.map(|table| {
            let owed = if table == "garbage_collector" { " WHERE status <> 'Done'" } else { "" };
            let rows = database.query_row(&format!("SELECT COUNT(*) FROM \"{table}\"{owed}"), [], |row| row.get(0))?;
            anyhow::Ok((format!("rows of {table}"), rows))
        });
        counted.collect()
    }

    /// What the node tells Prometheus, each gauge summed over its labels.
    async fn gauges(&self) -> anyhow::Result<BTreeMap<String, f64>> {
        let text = self.http.get(format!("http://127.0.0.1:{}/metrics", self.metrics)).send().await?.text().await?;
        let mut gauges = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let name = name.split('{').next().unwrap_or(name);
            *gauges.entry(name.to_owned()).or_default() += value.parse::<f64>()?;
        }
        Ok(gauges)
    }
}

impl Holdings {
    fn more_than(&self, before: &Self) -> BTreeMap<String, i64> {
        let more = self.0.iter().map(|(name, held)| (name.clone(), held - before.0.get(name).copied().unwrap_or(0)));
        more.filter(|(_, more)| *more > 0).collect()
    }
}

/// The sum of what is held too much of things whose name `is` so.
pub(super) fn sum(more: &BTreeMap<String, i64>, is: impl Fn(&str) -> bool) -> f64 {
    let of_kind = more.iter().filter(|(name, _)| is(name));
    count(of_kind.map(|(_, more)| usize::try_from(*more).unwrap_or(0)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(held: &[(&str, i64)]) -> Holdings {
        Holdings(held.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
    }

    #[test]
    fn only_what_is_held_in_addition_is_a_leak() {
        let before = holdings(&[("files", 20), ("rows of vm_instance", 0), ("tasks", 30)]);
        let after = holdings(&[("files", 21), ("rows of vm_instance", 0), ("tasks", 12), ("rows of new", 2)]);
        let more = after.more_than(&before);
        assert_eq!(more, BTreeMap::from([("files".to_owned(), 1), ("rows of new".to_owned(), 2)]));
        assert!((sum(&more, |name| name.starts_with("rows of ")) - 2.0).abs() < f64::EPSILON);
    }
}

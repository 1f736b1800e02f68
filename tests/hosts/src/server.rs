//! The process: opens its folder, serves the machines and the control socket.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use cumulo_sim_hosts::{
    Weather,
    control::{Deployment, Execution, Machine, Order, socket},
};
use tokio::net::UnixListener;

use crate::{machine::Room, machines::Machines};

/// Plays the machines of `dir` until the process is killed; commands take `work` longer.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn run(dir: &Path, in_memory: bool, work: Duration) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let dir = dir.canonicalize()?;
    let room = Room { weather: Arc::new(Weather::new(work)), managers: Arc::default(), life: next_life(&dir)? };
    let kept = (!in_memory).then(|| dir.join("machines"));
    if let Some(kept) = &kept {
        fs::create_dir_all(kept)?;
    }
    let machines = Arc::new(Machines::open(kept, room).await?);
    stand_in(&dir).context("the playbook's program cannot be made")?;
    let socket = socket(&dir);
    // Of the life before.
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).with_context(|| format!("{} is no place", socket.display()))?;
    println!("ready at {}", socket.display());
    axum::serve(listener, router(machines)).await?;
    Ok(())
}

fn router(machines: Arc<Machines>) -> Router {
    Router::new()
        .route("/deployments", post(deploy))
        .route("/orders", post(order))
        .route("/machines", get(seen))
        .route("/executions", get(executions))
        .with_state(machines)
}

async fn deploy(
    State(machines): State<Arc<Machines>>,
    Json(deployment): Json<Deployment>,
) -> Result<StatusCode, (StatusCode, String)> {
    match machines.deploy(deployment).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err((StatusCode::CONFLICT, format!("{error:#}"))),
    }
}

async fn order(State(machines): State<Arc<Machines>>, Json(order): Json<Order>) -> StatusCode {
    tracing::info!(?order, "ordered");
    machines.room().weather.order(&order);
    StatusCode::NO_CONTENT
}

async fn seen(State(machines): State<Arc<Machines>>) -> Json<Vec<Machine>> {
    Json(machines.seen().await)
}

async fn executions(State(machines): State<Arc<Machines>>) -> Json<Vec<Execution>> {
    Json(machines.executions().await)
}

/// Counts the lives of the process.
fn next_life(dir: &Path) -> anyhow::Result<u64> {
    let file = dir.join("life");
    let life = match fs::read_to_string(&file) {
        Ok(text) => text.trim().parse::<u64>().context("the file that counts lives is broken")? + 1,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 1,
        Err(error) => return Err(error.into()),
    };
    fs::write(&file, format!("{life}\n"))?;
    Ok(life)
}

/// Puts an `ansible-playbook` into `bin`. A script, since the manager hands its child nothing of its environment that could
/// say which process is meant.
fn stand_in(dir: &Path) -> anyhow::Result<()> {
    let bin = dir.join("bin");
    fs::create_dir_all(&bin)?;
    let program = std::env::current_exe()?;
    let script = bin.join("ansible-playbook");
    let (program, dir) = (quoted(&program)?, quoted(dir)?);
    // Written aside and renamed: a manager may be running the one that is there.
    let part = bin.join("ansible-playbook.part");
    fs::write(&part, format!("#!/bin/sh\nexec {program} ansible-playbook --dir {dir} \"$@\"\n"))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o700))?;
    fs::rename(&part, &script)?;
    Ok(())
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not Unicode", path.display()))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(quoted(Path::new("/tmp/it's here")).expect("Unicode"), r"'/tmp/it'\''s here'");
    }
}

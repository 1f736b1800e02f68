//! `cumulo-manager migrate`: the upgrade of the database by itself, and what it would be.
//!
//! A node that starts does the same. By hand it is for upgrades at a chosen time, with a look beforehand.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use cumulo_gateway::{DeployError, Deployer, Deployment, Gateway};
use cumulo_kernel::{
    Setup,
    db::{Db, Migration, MigrationPlan},
};
use cumulo_schema::Uuid;

use crate::{config::Config, database, install};

/// What [`run`] would do. Changes nothing, and makes no database where there is none.
///
/// # Errors
/// When the database cannot be read, or is of a version this program cannot work with.
pub async fn plan(config: &Config) -> anyhow::Result<MigrationPlan> {
    let migrations = migrations().await?;
    if config.database.is_none() && !database::file(config).exists() {
        return Ok(MigrationPlan::of_new(&migrations)?);
    }
    let db = database::open(config).await?;
    let plan = db.migration_plan(&migrations).await;
    db.close().await;
    Ok(plan?)
}

/// Brings the database to what this program needs; answers the names of what was applied.
///
/// # Errors
/// As [`plan`], and when a migration fails.
pub async fn run(config: &Config) -> anyhow::Result<Vec<&'static str>> {
    let migrations = migrations().await?;
    database::make_room(config)?;
    let db = database::open(config).await?;
    let applied = apply(&db, &migrations).await;
    db.close().await;
    applied
}

async fn apply(db: &Db, migrations: &[Migration]) -> anyhow::Result<Vec<&'static str>> {
    let plan = db.migration_plan(migrations).await?;
    db.migrate(migrations).await?;
    Ok(plan.pending.iter().map(|pending| pending.name).collect())
}

/// The migrations of everything this build consists of. Installing it needs a database and a key, though nothing is done
/// with either: those here are gone when this returns.
async fn migrations() -> anyhow::Result<Vec<Migration>> {
    let dir = tempfile::tempdir().context("no temporary directory can be made")?;
    let db = Db::sqlite(&dir.path().join("db")).await?;
    let mut setup = Setup::new(db.clone(), Uuid::random(), &dir.path().join("key"))?;
    let gateway = Gateway::in_process(&mut setup, Arc::new(Nobody));
    install::install(&mut setup, &gateway, Some(&dir.path().join("metrics.db")))?;
    let migrations = setup.all_migrations().to_vec();
    db.close().await;
    Ok(migrations)
}

struct Nobody;

#[async_trait]
impl Deployer for Nobody {
    async fn deploy(&self, _deployment: &Deployment) -> Result<(), DeployError> {
        Err(DeployError::BadTarget("a migration deploys nothing".to_owned()))
    }
}

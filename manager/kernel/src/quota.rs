//! Quotas: how much of something an account may have.
//!
//! A quota counts down: its row holds what is still free. Whatever takes some of it has a claim, a row with resource,
//! quota and amount. The claim and the lower count are written in the batch that makes the resource what it is, under the
//! condition that there is enough, so that calls at once cannot take more together than there is; and they go in the batch
//! that removes it ([`crate::cascade::Cascade::removal`]), so that nothing is left counted. What is free plus all claims is the
//! quota's value, always.
//!
//! The admin account has no quotas. An account without a row for one is not limited by it: the identity service makes
//! the rows with the account, and at start those that a newer build brings; what was there before a quota is not counted.

use cumulo_derive::resource;
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes, system::Quota};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use crate::{
    Kernel,
    config::{ConfigDef, ConfigRule},
    db::{Batch, Db, DbError},
};

/// Category of the settings that new accounts' quotas come from.
pub const CATEGORY: &str = "quota";

/// A declared quota.
#[derive(Debug, Clone, Copy)]
pub struct QuotaDef {
    /// Its name: `vm.totalNum`.
    pub name: &'static str,
    /// What it counts, with its unit.
    pub description: &'static str,
    /// What a new account gets unless the setting `quota/<name>` says otherwise.
    pub default: &'static str,
}

impl QuotaDef {
    /// The setting that holds what new accounts get.
    pub(crate) fn config(&self) -> ConfigDef {
        ConfigDef {
            category: CATEGORY,
            name: self.name,
            description: self.description,
            default: self.default,
            rule: ConfigRule::Integer(0, i64::MAX),
        }
    }
}

/// So much of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The quota's name.
    pub quota: &'static str,
    /// How much.
    pub amount: i64,
}

/// What a resource holds of a quota.
#[resource(
    table = "quota_claim",
    java = "org.cumulo.quota.QuotaClaimInventory",
    vo = "QuotaClaimVO",
    internal,
    unique(resourceUuid, name)
)]
pub struct QuotaClaim {
    /// The resource.
    pub resource_uuid: Uuid,
    /// The quota's name.
    pub name: String,
    /// The quota.
    #[field(indexed, part_of = "Quota")]
    pub quota_uuid: Uuid,
    /// How much.
    pub amount: i64,
}

/// The id of the quota `name` of `account`.
#[must_use]
pub fn uuid_of(account: Uuid, name: &str) -> Uuid {
    account.derive(&format!("quota/{name}"))
}

/// Adds the quotas of a new account to the batch that creates it.
///
/// # Errors
/// When a setting is unreadable.
pub fn created(kernel: &Kernel, batch: &mut Batch, account: Uuid) -> Result<(), ErrorCode> {
    kernel.quotas().iter().try_for_each(|def| add(kernel, batch, account, def))
}

/// Gives `accounts` the declared quotas that they have none of yet.
///
/// # Errors
/// When the database fails.
pub async fn complete(kernel: &Kernel, accounts: &[Uuid]) -> Result<(), ErrorCode> {
    for def in kernel.quotas() {
        let there = kernel.db().select::<Quota>().eq(Quota::NAME, &def.name.to_owned()).all().await?;
        let there: std::collections::HashSet<Uuid> = there.into_iter().map(|quota| quota.identity_uuid).collect();
        for account in accounts.iter().filter(|account| !there.contains(account) && **account != Uuid::ADMIN) {
            let mut batch = kernel.db().batch();
            add(kernel, &mut batch, *account, def)?;
            match kernel.db().commit(batch).await {
                // Another node, starting at the same time, was faster.
                Ok(_) | Err(DbError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn add(kernel: &Kernel, batch: &mut Batch, account: Uuid, def: &QuotaDef) -> Result<(), ErrorCode> {
    let value = kernel.configs().get(CATEGORY, def.name)?;
    let now = Timestamp::now();
    batch.insert(&Quota {
        uuid: uuid_of(account, def.name),
        name: def.name.to_owned(),
        identity_uuid: account,
        identity_type: "AccountVO".to_owned(),
        value,
        free: value,
        create_date: now,
        last_op_date: now,
    });
    Ok(())
}

/// Adds to `batch` that `resource` of `account` holds exactly `claims` of these quotas, whatever it held of them before.
/// Where one is exceeded, the batch is refused with ID.1003.
///
/// # Errors
/// When the database fails.
pub async fn hold(db: &Db, batch: &mut Batch, account: Uuid, resource: Uuid, claims: &[Claim]) -> Result<(), DbError> {
    if account == Uuid::ADMIN || claims.is_empty() {
        return Ok(());
    }
    let names: Vec<&'static str> = claims.iter().map(|claim| claim.quota).collect();
    let uuids: Vec<Uuid> = names.iter().map(|name| uuid_of(account, name)).collect();
    let quotas = db.select::<Quota>().one_of(Quota::UUID, &uuids).all().await?;
    release_some(batch, resource, &names);
    for claim in claims {
        let Some(quota) = quotas.iter().find(|quota| quota.name == claim.quota) else { continue };
        batch
            .update::<Quota>()
            .add(Quota::FREE, -claim.amount)
            .eq(Quota::UUID, &quota.uuid)
            .at_least(Quota::FREE, claim.amount)
            .expect_or(exceeded(quota, claim));
        batch.insert(&QuotaClaim {
            resource_uuid: resource,
            name: claim.quota.to_owned(),
            quota_uuid: quota.uuid,
            amount: claim.amount,
        });
    }
    Ok(())
}

fn exceeded(quota: &Quota, claim: &Claim) -> ErrorCode {
    let details = format!(
        "quota exceeding: account {} may have {} of {}, and {} more would be above it; delete what is not needed, or have \
         the admin raise it with UpdateQuota",
        quota.identity_uuid, quota.value, quota.name, claim.amount
    );
    ErrorCode::new(codes::QUOTA_EXCEEDING, details)
        .with("name", claim.quota)
        .with("value", quota.value)
        .with("requested", claim.amount)
}

/// Adds to `batch` that `resources` hold nothing any more. That one held nothing is fine.
pub fn release(batch: &mut Batch, resources: &[Uuid]) {
    give_back(batch, resources, None);
}

/// As [`release`], of the quotas called `names` only.
pub fn release_some(batch: &mut Batch, resource: Uuid, names: &[&'static str]) {
    give_back(batch, &[resource], Some(names));
}

fn give_back(batch: &mut Batch, resources: &[Uuid], names: Option<&[&'static str]>) {
    let claim = |column: &'static str| Expr::col((Alias::new(QuotaClaim::META.table), Alias::new(column)));
    let quota = |column: &'static str| Expr::col((Alias::new(Quota::META.table), Alias::new(column)));
    let claims = |wanted: Expr| -> SelectStatement {
        let mut query = Query::select();
        query.expr(wanted).from(Alias::new(QuotaClaim::META.table));
        query.and_where(claim(QuotaClaim::RESOURCE_UUID.name).is_in(resources.iter().map(Uuid::to_string)));
        if let Some(names) = names {
            query.and_where(claim(QuotaClaim::NAME.name).is_in(names.iter().copied()));
        }
        query
    };
    let mut amount = claims(claim(QuotaClaim::AMOUNT.name).sum());
    amount.and_where(claim(QuotaClaim::QUOTA_UUID.name).eq(quota(Quota::UUID.name)));
    let mut update = Query::update();
    update
        .table(Alias::new(Quota::META.table))
        .value(Alias::new(Quota::FREE.name), quota(Quota::FREE.name).add(Expr::from(amount)))
        .and_where(quota(Quota::UUID.name).in_subquery(claims(claim(QuotaClaim::QUOTA_UUID.name))));
    batch.push(&update, "give back a quota".to_owned(), None);
    let delete = batch.delete::<QuotaClaim>().one_of(QuotaClaim::RESOURCE_UUID, resources);
    match names {
        Some(names) => {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            delete.one_of(QuotaClaim::NAME, &names).any();
        }
        None => delete.any(),
    }
}

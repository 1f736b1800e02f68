//! The tables of SSH keys.

use cumulo_contracts::{
    api::ssh_key_pair::UpdateSshKeyPair,
    resource::{SshKeyPair, SshKeyPairRef},
};
use cumulo_derive::resource;
use cumulo_kernel::{
    Kernel,
    api::ApiCx,
    bus::Caller,
    db::{Batch, Db, DbError},
    ownership,
    quota::{self, Claim, QuotaDef},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, codes};

use super::fingerprint::fingerprint;

const NUMBER: &str = "ssh_key_pair.num";

pub(super) const QUOTAS: &[QuotaDef] =
    &[QuotaDef { name: NUMBER, description: "how many SSH keys a new account may have", default: "20" }];

/// That an account has a key, which it can have once.
#[resource(
    table = "ssh_key_pair_claim",
    java = "org.cumulo.vm.SshKeyPairClaimInventory",
    vo = "SshKeyPairClaimVO",
    internal,
    unique(accountUuid, fingerprint)
)]
pub(super) struct SshKeyPairClaim {
    /// The account.
    pub(super) account_uuid: Uuid,
    /// Which key it is.
    pub(super) fingerprint: String,
    /// What the account calls it by.
    #[field(indexed, part_of = "SshKeyPair")]
    pub(super) ssh_key_pair_uuid: Uuid,
}

pub(super) async fn find(db: &Db, uuid: Uuid) -> Result<Option<SshKeyPair>, DbError> {
    db.find(SshKeyPair::UUID, &uuid).await
}

/// The key of `account` that has the fingerprint `print`.
pub(super) async fn claimed(db: &Db, account: Uuid, print: &str) -> Result<Option<SshKeyPair>, DbError> {
    let claims = db.select::<SshKeyPairClaim>().eq(SshKeyPairClaim::ACCOUNT_UUID, &account);
    match claims.eq(SshKeyPairClaim::FINGERPRINT, &print.to_owned()).first().await? {
        Some(claim) => find(db, claim.ssh_key_pair_uuid).await,
        None => Ok(None),
    }
}

/// Adds `pair`, whose fingerprint is `print`, with its owner and tags; [`DbError::Conflict`] when it is there, or the owner
/// has that key.
pub(super) async fn insert(db: &Db, cx: &ApiCx, pair: &SshKeyPair, print: String) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(pair);
    let account_uuid = cx.caller.account;
    batch.insert(&SshKeyPairClaim { account_uuid, fingerprint: print, ssh_key_pair_uuid: pair.uuid });
    cx.created::<SshKeyPair>(&mut batch);
    quota::hold(db, &mut batch, cx.caller.account, pair.uuid, &[Claim { quota: NUMBER, amount: 1 }]).await?;
    db.commit(batch).await.map(drop)
}

pub(super) async fn update(db: &Db, api: &UpdateSshKeyPair) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .update::<SshKeyPair>()
        .set_some(SshKeyPair::NAME, api.name.as_ref())
        .set_some(SshKeyPair::DESCRIPTION, api.description.clone().map(Some).as_ref())
        .eq(SshKeyPair::UUID, &api.uuid)
        .expect(format!("SSH key {} was deleted in the meantime", api.uuid));
    db.commit(batch).await.map(drop)
}

/// How many VMs have it.
pub(super) async fn count_vms(db: &Db, pair: Uuid) -> Result<u64, DbError> {
    db.select::<SshKeyPairRef>().eq(SshKeyPairRef::SSH_KEY_PAIR_UUID, &pair).count().await
}

/// Removes `pairs` with all that is part of them; [`DbError::Reference`] when a VM has one of them.
pub(super) async fn remove_unused(kernel: &Kernel, pairs: &[Uuid]) -> Result<(), DbError> {
    let mut batch = kernel.db().batch();
    // Before the rows that say which VMs have them, so that those are in its way.
    batch.delete::<SshKeyPair>().one_of(SshKeyPair::UUID, pairs).any();
    batch.append(kernel.cascade().removal(SshKeyPair::META, pairs).await?);
    kernel.db().commit(batch).await.map(drop)
}

/// Gives a VM the key; having it already is fine.
///
/// # Errors
/// SYS.1003 for a key or a VM that was deleted meanwhile.
pub(super) async fn attach(db: &Db, pair: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
    let mut batch = db.batch();
    attached(&mut batch, &[pair], vm);
    match db.commit(batch).await {
        Ok(_) | Err(DbError::Conflict { .. }) => Ok(()),
        Err(DbError::Reference { .. }) => {
            Err(gone_of(db, &[pair]).await?.unwrap_or_else(|| ErrorCode::not_found("VmInstance", vm)))
        }
        Err(error) => Err(error.into()),
    }
}

/// That one of `pairs` is gone, if one is.
pub(crate) async fn gone_of(db: &Db, pairs: &[Uuid]) -> Result<Option<ErrorCode>, DbError> {
    for pair in pairs {
        if find(db, *pair).await?.is_none() {
            return Ok(Some(ErrorCode::not_found("SshKeyPair", pair)));
        }
    }
    Ok(None)
}

/// Adds to `batch` that a VM has the keys `pairs`.
pub(crate) fn attached(batch: &mut Batch, pairs: &[Uuid], vm: Uuid) {
    let now = Timestamp::now();
    for pair in pairs {
        batch.insert(&SshKeyPairRef {
            ssh_key_pair_uuid: *pair,
            vm_instance_uuid: vm,
            create_date: now,
            last_op_date: now,
        });
    }
}

/// Takes the key from a VM; not having it is fine.
pub(super) async fn detach(db: &Db, pair: Uuid, vm: Uuid) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch
        .delete::<SshKeyPairRef>()
        .eq(SshKeyPairRef::SSH_KEY_PAIR_UUID, &pair)
        .eq(SshKeyPairRef::VM_INSTANCE_UUID, &vm)
        .any();
    db.commit(batch).await.map(drop)
}

/// `keys` of the tag of a VM, and those that are attached to it: each once, whatever the comments say.
///
/// # Errors
/// When the database fails.
pub(crate) async fn with_attached(db: &Db, vm: Uuid, mut keys: Vec<String>) -> Result<Vec<String>, DbError> {
    let refs = db.select::<SshKeyPairRef>().eq(SshKeyPairRef::VM_INSTANCE_UUID, &vm).all().await?;
    if refs.is_empty() {
        return Ok(keys);
    }
    let pairs: Vec<Uuid> = refs.iter().map(|row| row.ssh_key_pair_uuid).collect();
    let pairs = db.select::<SshKeyPair>().one_of(SshKeyPair::UUID, &pairs).order_by(SshKeyPair::NAME).all().await?;
    let mut known: Vec<Option<String>> = keys.iter().map(|key| fingerprint(key)).collect();
    for pair in pairs {
        let print = fingerprint(&pair.public_key);
        if !known.contains(&print) {
            keys.push(pair.public_key);
            known.push(print);
        }
    }
    Ok(keys)
}

/// The keys called `named`, each once, as far as `caller` may give them to a VM of its own.
///
/// # Errors
/// SYS.1003 for what is none, ID.1002 for one of another account.
pub(crate) async fn usable(db: &Db, caller: &Caller, named: &[String]) -> Result<Vec<Uuid>, ErrorCode> {
    let mut pairs = Vec::new();
    for text in named {
        let missing = || ErrorCode::not_found("SshKeyPair", text.chars().take(80).collect::<String>());
        let pair: Uuid = text.parse().map_err(|_| missing())?;
        find(db, pair).await?.ok_or_else(missing)?;
        if !caller.is_admin() && ownership::owner(db, pair).await? != Some(caller.account) {
            let text = format!("SshKeyPair[uuid:{pair}] does not belong to the account {}", caller.account);
            return Err(ErrorCode::new(codes::PERMISSION_DENIED, text));
        }
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    Ok(pairs)
}

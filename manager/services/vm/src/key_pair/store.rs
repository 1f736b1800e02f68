//! The tables of SSH keys.

use cumulo_contracts::{
    api::ssh_key_pair::UpdateSshKeyPair,
    resource::{SshKeyPair, SshKeyPairRef},
};
use cumulo_kernel::{
    api::ApiCx,
    bus::Caller,
    db::{Batch, Db, DbError},
    ownership,
    quota::{self, Claim, QuotaDef},
};
use cumulo_schema::{ErrorCode, Timestamp, Uuid, codes};

const NUMBER: &str = "ssh_key_pair.num";

pub(super) const QUOTAS: &[QuotaDef] =
    &[QuotaDef { name: NUMBER, description: "how many SSH keys a new account may have", default: "20" }];

pub(super) async fn find(db: &Db, uuid: Uuid) -> Result<Option<SshKeyPair>, DbError> {
    db.find(SshKeyPair::UUID, &uuid).await
}

/// Those with the same key, whoever's they are.
pub(super) async fn alike(db: &Db, public_key: &str) -> Result<Vec<SshKeyPair>, DbError> {
    db.select::<SshKeyPair>().eq(SshKeyPair::PUBLIC_KEY, &public_key.to_owned()).all().await
}

/// Adds `pair` with its owner and tags; [`DbError::Conflict`] when it is there.
pub(super) async fn insert(db: &Db, cx: &ApiCx, pair: &SshKeyPair) -> Result<(), DbError> {
    let mut batch = db.batch();
    batch.insert(pair);
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

/// Gives a VM the key; having it already is fine.
pub(super) async fn attach(db: &Db, pair: Uuid, vm: Uuid) -> Result<(), DbError> {
    let mut batch = db.batch();
    attached(&mut batch, &[pair], vm);
    match db.commit(batch).await {
        Err(DbError::Conflict { .. }) => Ok(()),
        done => done.map(drop),
    }
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

/// `keys` of the tag of a VM, and those that are attached to it: each once.
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
    for pair in pairs {
        if !keys.contains(&pair.public_key) {
            keys.push(pair.public_key);
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

//! The membership's statements. Time is the database's; each change of members is one batch with its epoch.

use std::{collections::BTreeMap, time::Duration};

use cumulo_schema::{Cell, FieldKind, Json, Resource, Timestamp, Uuid};
use sea_query::{Alias, Expr, ExprTrait, Query};

use super::{NodeLease, RingEpoch};
use crate::{
    db::{Batch, Db, DbError, Dialect, to_value},
    ring::Ring,
};

#[derive(Debug, Clone)]
pub(super) struct Store {
    db: Db,
}

/// A lease to be made.
pub(super) struct Joining<'j> {
    pub(super) me: Uuid,
    pub(super) incarnation: Uuid,
    pub(super) host_name: &'j str,
    pub(super) lease: Duration,
    pub(super) replaces: bool,
}

impl Store {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The latest epoch and its members; 0 and nobody before the first. One statement: a row can be forgotten between two.
    pub(super) async fn latest(&self) -> Result<(u64, Vec<Uuid>), DbError> {
        let row = self.db.select::<RingEpoch>().latest_by(RingEpoch::EPOCH).first().await?;
        Ok(row.map_or((0, Vec::new()), |row| (number(row.epoch), row.members.0)))
    }

    pub(super) async fn leases(&self) -> Result<Vec<NodeLease>, DbError> {
        self.db.select::<NodeLease>().all().await
    }

    /// The rings from epoch `oldest` on.
    pub(super) async fn rings_from(&self, oldest: i64) -> Result<BTreeMap<u64, Ring>, DbError> {
        let rows = self.db.select::<RingEpoch>().at_least(RingEpoch::EPOCH, oldest).all().await?;
        Ok(rows.into_iter().map(|row| (number(row.epoch), Ring::new(number(row.epoch), &row.members.0))).collect())
    }

    /// The database's clock, in epoch milliseconds.
    pub(super) async fn clock(&self) -> Result<i64, DbError> {
        let rows = self.db.fetch(Query::select().expr(self.now())).await?;
        let cell = rows.first().map(|row| row.at(0, FieldKind::Long)).transpose();
        match cell.map_err(|cause| DbError::Unreadable { table: NodeLease::META.table, cause })? {
            Some(Cell::Int(now)) => Ok(now),
            _ => Ok(0),
        }
    }

    /// Leases that have run out.
    pub(super) async fn late(&self) -> Result<Vec<NodeLease>, DbError> {
        let mut query = Query::select();
        query
            .column(column(NodeLease::NODE_UUID.name))
            .from(Alias::new(NodeLease::META.table))
            .and_where(Expr::col(column(NodeLease::LEASE_UNTIL.name)).lt(self.now()));
        let rows = self.db.fetch(&query).await?;
        let mut late = Vec::new();
        for row in rows {
            let cell = row.at(0, FieldKind::Uuid);
            let cell = cell.map_err(|cause| DbError::Unreadable { table: NodeLease::META.table, cause })?;
            if let Cell::Text(node) = cell
                && let Ok(node) = node.parse::<Uuid>()
            {
                late.extend(self.db.find(NodeLease::NODE_UUID, &node).await?);
            }
        }
        Ok(late)
    }

    /// Whether `node` has a lease that has not run out.
    pub(super) async fn is_alive(&self, node: Uuid) -> Result<bool, DbError> {
        let there = self.db.find(NodeLease::NODE_UUID, &node).await?.is_some();
        Ok(there && !self.late().await?.iter().any(|late| late.node_uuid == node))
    }

    /// Makes the lease together with `epoch`. A lease of the same id that ran out, or is replaced, goes.
    pub(super) async fn join(&self, row: &Joining<'_>, epoch: u64, members: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch().unfenced();
        let mut old = Query::delete();
        old.from_table(Alias::new(NodeLease::META.table)).and_where(of(row.me));
        if !row.replaces {
            old.and_where(Expr::col(column(NodeLease::LEASE_UNTIL.name)).lt(self.now()));
        }
        batch.push(&old, "delete from node_lease".to_owned(), None);
        let lease = NodeLease {
            node_uuid: row.me,
            incarnation: row.incarnation,
            host_name: row.host_name.to_owned(),
            lease_until: 0,
            // It holds nothing of any epoch before.
            adopted: cell(epoch),
            drained: cell(epoch),
            join_date: Timestamp::now(),
        };
        batch.insert(&lease);
        self.extend(&mut batch, row.me, row.incarnation, row.lease);
        insert_epoch(&mut batch, epoch, members);
        self.db.commit(batch).await.map(drop)
    }

    /// `Unmet`: the lease is gone.
    pub(super) async fn renew(&self, me: Uuid, incarnation: Uuid, lease: Duration) -> Result<(), DbError> {
        let mut batch = self.db.batch().unfenced();
        self.extend(&mut batch, me, incarnation, lease);
        self.db.commit(batch).await.map(drop)
    }

    /// `Unmet`: it renewed after all, or is gone. `Conflict`: the epoch was written by another.
    pub(super) async fn expel(&self, late: &NodeLease, epoch: u64, members: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch().unfenced();
        let mut gone = Query::delete();
        gone.from_table(Alias::new(NodeLease::META.table))
            .and_where(of(late.node_uuid))
            .and_where(in_life(late.incarnation))
            .and_where(Expr::col(column(NodeLease::LEASE_UNTIL.name)).lt(self.now()));
        batch.push(&gone, "delete from node_lease".to_owned(), Some((1, "the node renewed its lease".to_owned())));
        insert_epoch(&mut batch, epoch, members);
        self.db.commit(batch).await.map(drop)
    }

    /// `Unmet`: the lease is gone. `Conflict`: the epoch was written by another.
    pub(super) async fn leave(&self, me: Uuid, incarnation: Uuid, epoch: u64, members: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch().unfenced();
        let delete = batch.delete::<NodeLease>().eq(NodeLease::NODE_UUID, &me);
        delete.eq(NodeLease::INCARNATION, &incarnation).expect("the node was expelled");
        insert_epoch(&mut batch, epoch, members);
        self.db.commit(batch).await.map(drop)
    }

    /// Writes that the node works by `epoch`; `false` when there is a later one. `Unmet`: the lease is gone.
    pub(super) async fn adopt(&self, me: Uuid, incarnation: Uuid, epoch: u64) -> Result<bool, DbError> {
        let mut adopt = Query::update();
        adopt
            .table(Alias::new(NodeLease::META.table))
            .value(column(NodeLease::ADOPTED.name), cell(epoch))
            .and_where(of(me))
            .and_where(in_life(incarnation))
            .and_where(none_after(epoch));
        let mut batch = self.db.batch().unfenced();
        // First that the lease is there at all, so that the one reason is told from the other.
        let still = batch.update::<NodeLease>().add(NodeLease::ADOPTED, 0).eq(NodeLease::NODE_UUID, &me);
        still.eq(NodeLease::INCARNATION, &incarnation).expect("the node was expelled");
        batch.push(&adopt, "update node_lease".to_owned(), None);
        Ok(self.db.commit(batch).await?.last() == Some(&1))
    }

    /// `batch`, refused as `Unmet` when the lease is gone or there is an epoch after `epoch`.
    pub(super) fn still(&self, batch: Batch, me: Uuid, incarnation: Uuid, epoch: u64) -> Batch {
        let adopted = column(NodeLease::ADOPTED.name);
        let mut still = Query::update();
        still
            .table(Alias::new(NodeLease::META.table))
            .value(adopted.clone(), Expr::col(adopted))
            .and_where(of(me))
            .and_where(in_life(incarnation))
            .and_where(none_after(epoch));
        let mut batch = batch.unfenced();
        batch.push(&still, "update node_lease".to_owned(), Some((1, "the ring has changed".to_owned())));
        batch
    }

    /// `Unmet`: the lease is gone.
    pub(super) async fn drained(&self, me: Uuid, incarnation: Uuid, epoch: u64) -> Result<(), DbError> {
        let mut batch = self.db.batch().unfenced();
        let update = batch.update::<NodeLease>().set(NodeLease::DRAINED, &cell(epoch)).eq(NodeLease::NODE_UUID, &me);
        update.eq(NodeLease::INCARNATION, &incarnation).expect("the node was expelled");
        self.db.commit(batch).await.map(drop)
    }

    /// Forgets epochs before `oldest`, which nobody may hold anything of.
    pub(super) async fn forget_before(&self, oldest: i64) -> Result<(), DbError> {
        let old = self.db.select::<RingEpoch>().at_most(RingEpoch::EPOCH, oldest - 1).all().await?;
        if old.is_empty() {
            return Ok(());
        }
        let epochs: Vec<i64> = old.iter().map(|row| row.epoch).collect();
        let mut batch = self.db.batch().unfenced();
        batch.delete::<RingEpoch>().one_of(RingEpoch::EPOCH, &epochs).any();
        self.db.commit(batch).await.map(drop)
    }

    fn extend(&self, batch: &mut Batch, me: Uuid, incarnation: Uuid, lease: Duration) {
        let length = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let mut update = Query::update();
        update
            .table(Alias::new(NodeLease::META.table))
            .value(column(NodeLease::LEASE_UNTIL.name), self.now().add(length))
            .and_where(of(me))
            .and_where(in_life(incarnation));
        batch.push(&update, "update node_lease".to_owned(), Some((1, "the node was expelled".to_owned())));
    }

    /// The expression for [`Store::clock`].
    fn now(&self) -> Expr {
        Expr::cust(match self.db.dialect() {
            Dialect::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
            Dialect::MySql => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        })
    }
}

/// `Conflict` where there is that epoch or a later one. The key alone would not say: rows are forgotten, so who was paused
/// could write the number of one that was.
fn insert_epoch(batch: &mut Batch, epoch: u64, members: &[Uuid]) {
    let mut members = members.to_vec();
    members.sort_unstable();
    let row = RingEpoch { epoch: cell(epoch), members: Json(members), create_date: Timestamp::now() };
    let latest = || Expr::col(column(RingEpoch::EPOCH.name)).max();
    let mut values = Query::select();
    values.from(Alias::new(RingEpoch::META.table));
    for (field, value) in RingEpoch::META.fields.iter().zip(row.cells()) {
        let value = Expr::val(to_value(value));
        values.expr(match field.column == RingEpoch::EPOCH.name {
            // The number of the latest, which is taken.
            true => Expr::case(latest().gte(cell(epoch)), latest()).finally(value).into(),
            false => value,
        });
    }
    let mut insert = Query::insert();
    insert
        .into_table(Alias::new(RingEpoch::META.table))
        .columns(RingEpoch::META.fields.iter().map(|field| Alias::new(field.column)))
        .select_from(values)
        .expect("a value for each column");
    batch.push(&insert, "insert into ring_epoch".to_owned(), None);
}

fn column(name: &'static str) -> Alias {
    Alias::new(name)
}

fn of(node: Uuid) -> Expr {
    Expr::col(column(NodeLease::NODE_UUID.name)).eq(to_value(Cell::Text(node.to_string())))
}

/// That there is no epoch after `epoch`.
fn none_after(epoch: u64) -> Expr {
    let mut later = Query::select();
    later
        .column(column(RingEpoch::EPOCH.name))
        .from(Alias::new(RingEpoch::META.table))
        .and_where(Expr::col(column(RingEpoch::EPOCH.name)).gt(cell(epoch)));
    Expr::exists(later).not()
}

fn in_life(incarnation: Uuid) -> Expr {
    Expr::col(column(NodeLease::INCARNATION.name)).eq(to_value(Cell::Text(incarnation.to_string())))
}

fn cell(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}

fn number(epoch: i64) -> u64 {
    u64::try_from(epoch).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::TABLES;

    /// Of a node that read the latest epoch, was paused while others went on and forgot the next, and wakes up.
    #[tokio::test]
    async fn the_number_of_a_forgotten_epoch_is_not_written_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
        db.migrate(&[TABLES]).await.expect("migrates");
        let store = Store::new(db.clone());
        let write = async |epoch| {
            let mut batch = db.batch();
            insert_epoch(&mut batch, epoch, &[Uuid::ADMIN.derive(&epoch.to_string())]);
            db.commit(batch).await
        };
        for epoch in 1..=7 {
            write(epoch).await.expect("it is the next");
        }
        store.forget_before(6).await.expect("forgets");
        for late in [1, 5, 6, 7] {
            let written = write(late).await;
            assert!(matches!(written, Err(DbError::Conflict { .. })), "{late}: {written:?}");
        }
        assert_eq!(store.latest().await.expect("reads"), (7, vec![Uuid::ADMIN.derive("7")]));
        write(8).await.expect("it is the next");
    }
}

//! The table of management nodes, which is the kernel's.

use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::{Timestamp, Uuid, system::ManagementNode};

/// Reads and writes management nodes.
pub(super) struct Store {
    db: Db,
}

impl Store {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(super) async fn find(&self, node: Uuid) -> Result<Option<ManagementNode>, DbError> {
        self.db.find(ManagementNode::UUID, &node).await
    }

    /// Makes `node` the row of its id.
    pub(super) async fn put(&self, node: &ManagementNode) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<ManagementNode>().eq(ManagementNode::UUID, &node.uuid).any();
        batch.insert(node);
        self.db.commit(batch).await.map(drop)
    }

    /// Forgets nodes that are none of `members` and have given no sign of life since `before`.
    pub(super) async fn forget_gone(&self, members: &[Uuid], before: Timestamp) -> Result<(), DbError> {
        let old = self.db.select::<ManagementNode>().at_most(ManagementNode::HEART_BEAT, before.0).all().await?;
        let gone: Vec<Uuid> = old.iter().map(|node| node.uuid).filter(|node| !members.contains(node)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut batch = self.db.batch();
        batch.delete::<ManagementNode>().one_of(ManagementNode::UUID, &gone).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Whether `node` still has a row to record its sign of life in.
    pub(super) async fn beat(&self, node: Uuid) -> Result<bool, DbError> {
        let mut batch = self.db.batch();
        let update = batch.update::<ManagementNode>().set(ManagementNode::HEART_BEAT, &Timestamp::now());
        update.eq(ManagementNode::UUID, &node).any();
        Ok(self.db.commit(batch).await?.iter().any(|touched| *touched > 0))
    }
}

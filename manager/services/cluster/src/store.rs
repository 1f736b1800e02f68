//! The cluster table.

use cumulo_contracts::{
    api::cluster::UpdateCluster,
    resource::{Cluster, Host, ResourceState},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Db, DbError},
    rows,
};
use cumulo_schema::Uuid;

/// Reads and writes clusters.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, cluster: Uuid) -> Result<Option<Cluster>, DbError> {
        self.db.find(Cluster::UUID, &cluster).await
    }

    /// The hosts of a cluster, by name.
    pub(crate) async fn hosts(&self, cluster: Uuid) -> Result<Vec<Host>, DbError> {
        self.db.select::<Host>().eq(Host::CLUSTER_UUID, &cluster).order_by(Host::NAME).all().await
    }

    /// Adds `cluster` with its owner and tags; [`DbError::Conflict`] when it is there, [`DbError::Reference`] when its zone
    /// is not.
    pub(crate) async fn insert(&self, cx: &ApiCx, cluster: &Cluster) -> Result<(), DbError> {
        rows::insert(&self.db, cx, cluster).await
    }

    pub(crate) async fn update(&self, api: &UpdateCluster) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Cluster>()
            .set_some(Cluster::NAME, api.name.as_ref())
            .set_some(Cluster::DESCRIPTION, api.description.as_ref())
            .eq(Cluster::UUID, &api.uuid)
            .expect(format!("cluster {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    /// Those of `clusters` that are disabled.
    pub(crate) async fn disabled_among(&self, clusters: &[Uuid]) -> Result<Vec<Cluster>, DbError> {
        let disabled = self.db.select::<Cluster>().one_of(Cluster::UUID, clusters);
        disabled.eq(Cluster::STATE, &ResourceState::Disabled).all().await
    }

    pub(crate) async fn set_state(&self, cluster: Uuid, state: ResourceState) -> Result<(), DbError> {
        rows::set_state(&self.db, cluster, Cluster::STATE, &state).await
    }
}

//! Clusters: hosts that are alike and see the same storage and networks.
//!
//! A cluster says which hypervisor its hosts run; storages and networks are attached to it by their own services. It goes
//! with its zone.

mod change_state;
mod create;
mod delete;
mod placing;
mod store;
mod update;
mod update_os;

use std::sync::Arc;

use cumulo_contracts::{
    api::cluster::{ChangeClusterState, CreateCluster, DeleteCluster, QueryCluster, UpdateCluster, UpdateClusterOS},
    ext::host::HostFilter,
    resource::{Cluster, Zone},
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, Resource};

use store::Store;

/// Answers the cluster APIs.
struct Clusters {
    kernel: Kernel,
    store: Store,
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let clusters = Arc::new(Clusters { store: Store::new(kernel.db().clone()), kernel });
    setup
        .migrations(&[
            Migration { name: "20261121_0120_cluster", sql: include_str!("../migrations/20261121_0120_cluster.sql") },
            Migration {
                name: "20261121_0121_cluster_names",
                sql: include_str!("../migrations/20261121_0121_cluster_names.sql"),
            },
        ])
        .api::<CreateCluster>(clusters.clone())
        .api::<UpdateCluster>(clusters.clone())
        .api::<ChangeClusterState>(clusters.clone())
        .configs(update_os::CONFIGS)
        .api::<UpdateClusterOS>(clusters.clone())
        .api::<DeleteCluster>(clusters.clone())
        .query(QueryCluster::META)
        .add::<dyn HostFilter>(clusters.clone())
        .cascade(Cluster::META, &[Zone::META.vo], clusters);
}

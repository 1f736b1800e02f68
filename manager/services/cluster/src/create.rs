//! `CreateCluster`: refused at once when no plugin of this node runs the hypervisor, rather than when the first host is
//! added.

use async_trait::async_trait;
use cumulo_contracts::{
    api::cluster::CreateCluster,
    ext::hypervisor::Hypervisor,
    resource::{Cluster, ResourceState},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use crate::Clusters;

/// The type of clusters of virtual machine hosts. The declaration knows more, which need plugins that there are not.
const TYPE: &str = "zstack";

#[async_trait]
impl HandleApi<CreateCluster> for Clusters {
    async fn handle(&self, cx: &ApiCx, api: CreateCluster) -> Result<Inventory<Cluster>, ErrorCode> {
        self.kernel.registry().driver::<dyn Hypervisor>("hypervisor", &api.hypervisor_type)?;
        let kind = api.r#type.unwrap_or_else(|| TYPE.to_owned());
        if kind != TYPE {
            let details = format!("no installed plugin serves clusters of type '{kind}'; there is: {TYPE}");
            return Err(ErrorCode::new(codes::NO_CAPABILITY, details));
        }
        let now = cx.now();
        let cluster = Cluster {
            name: api.name,
            uuid: cx.resource_uuid,
            description: api.description,
            state: ResourceState::Enabled,
            hypervisor_type: api.hypervisor_type,
            create_date: now,
            last_op_date: now,
            zone_uuid: api.zone_uuid,
            r#type: kind,
            architecture: api.architecture,
        };
        match self.store.insert(cx, &cluster).await {
            Err(DbError::Conflict { .. }) => self.made_before(&cluster).await?,
            Err(DbError::Reference { .. }) => return Err(ErrorCode::not_found("Zone", cluster.zone_uuid)),
            inserted => inserted?,
        }
        cx.inventory::<Cluster>(&cluster.uuid).await
    }
}

impl Clusters {
    /// The id is taken: by this very call, run again after a crash, or by another cluster whose id the client chose.
    async fn made_before(&self, cluster: &Cluster) -> Result<(), ErrorCode> {
        match self.store.find(cluster.uuid).await? {
            Some(there) if there.name == cluster.name && there.zone_uuid == cluster.zone_uuid => Ok(()),
            _ => {
                let details = format!("cluster {} exists already; choose another resourceUuid", cluster.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}

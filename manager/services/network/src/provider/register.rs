//! Providers are what this build has plugins for: their rows are made when a node starts.

use cumulo_contracts::{
    ext::network::NetworkServiceBackend,
    resource::{NetworkServiceProvider, NetworkServiceProviderL2NetworkRef, NetworkServiceType},
};
use cumulo_kernel::{Kernel, db::DbError};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use crate::store;

/// Records every installed provider of network services with its services, and that it can work on every L2 network.
/// Does nothing where that is recorded already. To be called once, after the kernel has started.
///
/// # Errors
/// When the database fails.
pub async fn register_providers(kernel: &Kernel) -> Result<(), ErrorCode> {
    for kind in kernel.registry().kinds::<dyn NetworkServiceBackend>() {
        let backend = kernel.registry().driver::<dyn NetworkServiceBackend>("network services", &kind)?;
        // The same on every node and in every life: two nodes that start at once record one provider.
        let uuid = Uuid::ADMIN.derive(&format!("network-service-provider/{kind}"));
        add_provider(kernel, uuid, &kind, backend.name()).await?;
        add_services(kernel, uuid, backend.services()).await?;
        add_l2s(kernel, uuid).await?;
    }
    Ok(())
}

async fn add_provider(kernel: &Kernel, uuid: Uuid, kind: &str, name: &str) -> Result<(), ErrorCode> {
    let now = Timestamp::now();
    let row = NetworkServiceProvider {
        uuid,
        name: name.to_owned(),
        description: format!("Network services by the {kind} plugin"),
        r#type: kind.to_owned(),
        create_date: now,
        last_op_date: now,
    };
    match store::insert(kernel.db(), &row).await {
        Ok(()) | Err(DbError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The services are replaced whole: a newer build may have others.
async fn add_services(kernel: &Kernel, provider: Uuid, services: &[&str]) -> Result<(), ErrorCode> {
    let db = kernel.db();
    let mut batch = db.batch();
    batch.delete::<NetworkServiceType>().eq(NetworkServiceType::NETWORK_SERVICE_PROVIDER_UUID, &provider).any();
    for service in services {
        let (network_service_provider_uuid, r#type) = (provider, (*service).to_owned());
        batch.insert(&NetworkServiceType { network_service_provider_uuid, r#type });
    }
    db.commit(batch).await?;
    Ok(())
}

async fn add_l2s(kernel: &Kernel, provider: Uuid) -> Result<(), ErrorCode> {
    let db = kernel.db();
    for l2 in store::all_l2s(db).await? {
        let row =
            NetworkServiceProviderL2NetworkRef { network_service_provider_uuid: provider, l2_network_uuid: l2.uuid };
        match store::insert(db, &row).await {
            // Deleted at this moment is fine as well.
            Ok(()) | Err(DbError::Conflict { .. } | DbError::Reference { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

//! What this build consists of.

use std::path::Path;

use cumulo_gateway::Gateway;
use cumulo_kernel::{Kernel, Setup};

/// Installs every service and plugin, that of metrics where there is a file for them. Observers at one extension point are asked
/// in this order.
///
/// # Errors
/// When a service cannot open what it keeps beside the database.
pub(crate) fn install(setup: &mut Setup, gateway: &Gateway, metrics: Option<&Path>) -> anyhow::Result<()> {
    setup.resources(&cumulo_contracts::resources());

    cumulo_service_identity::install(setup);
    cumulo_service_system::install(setup);
    cumulo_service_zone::install(setup);
    cumulo_service_cluster::install(setup);
    cumulo_service_host::install(setup);
    cumulo_service_offering::install(setup);
    cumulo_service_backup_storage::install(setup);
    cumulo_service_image::install(setup);
    cumulo_service_primary_storage::install(setup);
    cumulo_service_network::install(setup);
    cumulo_service_vm::install(setup);
    cumulo_service_volume::install(setup);
    if let Some(file) = metrics {
        cumulo_service_metrics::install(setup, file)?;
    }

    cumulo_plugin_kvm::install(setup, gateway.clone());
    cumulo_plugin_sftp::install(setup, gateway.clone());
    cumulo_plugin_local_storage::install(setup, gateway.clone());
    cumulo_plugin_l2_no_vlan::install(setup, gateway.clone());
    cumulo_plugin_l2_vlan::install(setup, gateway.clone());
    cumulo_plugin_flat_network::install(setup, gateway.clone());
    cumulo_plugin_simulator::install(setup, gateway.clone());
    Ok(())
}

/// Starts what services do by themselves, once the kernel runs.
///
/// # Errors
/// When a service cannot prepare what it needs.
pub(crate) async fn start(kernel: &Kernel) -> anyhow::Result<()> {
    cumulo_service_identity::complete_quotas(kernel).await?;
    cumulo_service_network::register_providers(kernel).await?;
    cumulo_service_system::start(kernel);
    cumulo_service_backup_storage::start(kernel);
    cumulo_service_image::start(kernel);
    cumulo_service_primary_storage::start(kernel);
    cumulo_service_host::start(kernel);
    cumulo_service_vm::start(kernel);
    Ok(())
}

//! Settings of the whole cloud. Who uses a setting declares it; the kernel keeps them.

mod options;
mod reset;
mod resource;
mod update;

use std::sync::Arc;

use cumulo_contracts::api::config::{GetGlobalConfigOptions, QueryGlobalConfig, ResetGlobalConfig, UpdateGlobalConfig};
use cumulo_contracts::api::resource_config::{
    DeleteResourceConfig, GetResourceConfig, GetResourceConfigs, QueryResourceConfig, UpdateResourceConfig,
    UpdateResourceConfigs,
};
use cumulo_kernel::{Kernel, Setup};
use cumulo_schema::Api;

/// Answers the APIs of settings.
struct Configs {
    kernel: Kernel,
}

pub(crate) fn install(setup: &mut Setup) {
    let configs = Arc::new(Configs { kernel: setup.kernel().clone() });
    setup
        .api::<UpdateGlobalConfig>(configs.clone())
        .api::<ResetGlobalConfig>(configs.clone())
        .api::<GetGlobalConfigOptions>(configs.clone())
        .api::<UpdateResourceConfig>(configs.clone())
        .api::<UpdateResourceConfigs>(configs.clone())
        .api::<DeleteResourceConfig>(configs.clone())
        .api::<GetResourceConfig>(configs.clone())
        .api::<GetResourceConfigs>(configs)
        .query(QueryResourceConfig::META)
        .query(QueryGlobalConfig::META);
}

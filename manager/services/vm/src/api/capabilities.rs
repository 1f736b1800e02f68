//! `GetVmCapabilities` and `GetVmsCapabilities`: what can be done with a VM is what this node has an API for.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_candidates::{GetVmCapabilities, GetVmCapabilitiesReply, GetVmsCapabilities, GetVmsCapabilitiesReply},
    resource::VmInstance,
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Name, Op, Select},
};
use cumulo_schema::{ErrorCode, Resource};
use serde_json::{Map, Value};

use crate::Vms;

/// Capabilities, each with the API that has it.
const CAPABILITIES: [(&str, &str); 4] = [
    ("LiveMigration", "MigrateVm"),
    ("VolumeMigration", "LocalStorageMigrateVolume"),
    ("Reimage", "ReimageVmInstance"),
    ("MemorySnapshot", "CreateVolumeSnapshotGroup"),
];

#[async_trait]
impl HandleApi<GetVmCapabilities> for Vms {
    async fn handle(&self, _: &ApiCx, _: GetVmCapabilities) -> Result<GetVmCapabilitiesReply, ErrorCode> {
        let capabilities = self.capabilities().map(|(name, can)| (name.to_owned(), Value::Bool(can)));
        Ok(GetVmCapabilitiesReply { capabilities: capabilities.collect() })
    }
}

#[async_trait]
impl HandleApi<GetVmsCapabilities> for Vms {
    async fn handle(&self, cx: &ApiCx, api: GetVmsCapabilities) -> Result<GetVmsCapabilitiesReply, ErrorCode> {
        let uuids: Vec<String> = api.vm_uuids.iter().map(ToString::to_string).collect();
        let among = Filter::Compare { path: Name::new("uuid"), op: Op::In, values: uuids.clone() };
        let limit = u64::try_from(uuids.len()).unwrap_or(u64::MAX);
        let select = Select { filter: among, limit, ..Select::of(VmInstance::META) };
        let seen = self.kernel.query().run(&cx.caller, &select).await?.inventories.unwrap_or_default();
        // Of another's VM is said what is said of none.
        if let Some(unseen) = uuids.iter().find(|uuid| !seen.iter().any(|row| row["uuid"] == uuid.as_str())) {
            return Err(ErrorCode::not_found(VmInstance::META.name, unseen));
        }
        let capabilities: Map<String, Value> =
            self.capabilities().map(|(name, can)| (format!("support{name}"), Value::Bool(can))).collect();
        let vms_caps: BTreeMap<String, Value> =
            uuids.into_iter().map(|uuid| (uuid, Value::Object(capabilities.clone()))).collect();
        Ok(GetVmsCapabilitiesReply { vms_caps })
    }
}

impl Vms {
    fn capabilities(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let apis = self.kernel.supported_apis();
        CAPABILITIES.into_iter().map(move |(name, api)| (name, apis.iter().any(|known| known.name == api)))
    }
}

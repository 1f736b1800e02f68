//! `GetL3NetworkIpStatistic`: which addresses of an L3 network are taken, and by what.
//!
//! Which addresses is a question like any other, so a page costs the same whether ten or a million are taken; what has them
//! is read for the page alone. The owner of a network learns of every address that it is taken, and by which VM where that VM
//! is the caller's to see.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{GetL3NetworkIpStatistic, GetL3NetworkIpStatisticReply},
    message::network::DHCP,
    resource::{UsedIp, VmInstance, VmNic},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    query::{Filter, Name, Op, Select, Sort, SortKey},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde_json::{Map, Value, json};

use crate::{Networks, store};

/// Most addresses in one answer.
const MOST: u64 = 10_000;
/// The kind of virtual machines that are not parts of the system.
const USER_VM: &str = "UserVm";
/// What is read of them.
const GUEST: [&str; 6] = ["uuid", "name", "type", "state", "defaultL3NetworkUuid", "vmNics"];

#[async_trait]
impl HandleApi<GetL3NetworkIpStatistic> for Networks {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: GetL3NetworkIpStatistic,
    ) -> Result<GetL3NetworkIpStatisticReply, ErrorCode> {
        // There are no VIPs, so no address is one.
        if api.resource_type == "Vip" {
            let total = api.reply_with_count.then_some(0);
            return Ok(GetL3NetworkIpStatisticReply { ip_statistics: vec![], total });
        }
        let version = store::l3(self.kernel.db(), api.l3_network_uuid).await?.ip_version;
        let found = self.kernel.query().run(&cx.caller, &question(&api, version)).await?;
        let addresses = found.inventories.unwrap_or_default();
        let nics: Vec<Uuid> = addresses.iter().filter_map(|row| uuid_in(row, "vmNicUuid")).collect();
        let nics: BTreeMap<Uuid, VmNic> =
            store::nics(self.kernel.db(), &nics).await?.into_iter().map(|nic| (nic.uuid, nic)).collect();
        let guests = self.guests(cx, nics.values().filter_map(|nic| nic.vm_instance_uuid).collect()).await?;
        let told = |row: &Map<String, Value>| {
            let vm = uuid_in(row, "vmNicUuid").and_then(|nic| nics.get(&nic)).and_then(|nic| nic.vm_instance_uuid);
            statistic(row, vm, &guests)
        };
        Ok(GetL3NetworkIpStatisticReply {
            ip_statistics: addresses.iter().map(told).collect(),
            total: found.total.map(|total| i64::try_from(total).unwrap_or(i64::MAX)),
        })
    }
}

impl Networks {
    /// Those of `vms` that the caller sees, as members of an answer.
    async fn guests(&self, cx: &ApiCx, vms: Vec<Uuid>) -> Result<BTreeMap<Uuid, Map<String, Value>>, ErrorCode> {
        if vms.is_empty() {
            return Ok(BTreeMap::new());
        }
        let values = vms.iter().map(Uuid::to_string).collect();
        let select = Select {
            filter: Filter::Compare { path: Name::new("uuid"), op: Op::In, values },
            fields: Some(GUEST.map(str::to_owned).to_vec()),
            limit: MOST,
            ..Select::of(VmInstance::META)
        };
        let owners = store::owner_names(self.kernel.db(), &vms).await?;
        let found = self.kernel.query().run(&cx.caller, &select).await?.inventories.unwrap_or_default();
        let told = |vm: Map<String, Value>| uuid_in(&vm, "uuid").map(|uuid| (uuid, guest(&vm, owners.get(&uuid))));
        Ok(found.into_iter().filter_map(told).collect())
    }
}

/// The page that was asked for.
fn question(api: &GetL3NetworkIpStatistic, version: i32) -> Select {
    let mut filters = vec![Filter::equals("l3NetworkUuid", api.l3_network_uuid.to_string())];
    if let Some(ip) = api.ip.as_ref().filter(|ip| !ip.is_empty()) {
        filters.push(Filter::Compare { path: Name::new("ip"), op: Op::Like, values: vec![ip.clone()] });
    }
    if api.resource_type == "VM" {
        filters.push(Filter::equals("vmNic.vmInstance.type", USER_VM));
    }
    let keys = match (api.sort_by.as_str(), version) {
        ("CreateDate", _) => vec![SortKey::Field(Name::new("createDate"))],
        (_, 6) => vec![SortKey::Hidden("ipOrder")],
        _ => vec![SortKey::Field(Name::new("ipInLong"))],
    };
    let descending = api.sort_direction == "desc";
    Select {
        filter: Filter::All(filters),
        sort: keys.into_iter().map(|key| Sort { key, descending }).collect(),
        // Both are no less than 0 by the parameters' rules.
        start: u64::try_from(api.start).unwrap_or(0),
        limit: u64::try_from(api.limit).unwrap_or(0).min(MOST),
        with_total: api.reply_with_count,
        ..Select::of(UsedIp::META)
    }
}

fn uuid_in(row: &Map<String, Value>, member: &str) -> Option<Uuid> {
    row.get(member)?.as_str()?.parse().ok()
}

/// What an answer says of a VM.
fn guest(vm: &Map<String, Value>, owner: Option<&String>) -> Map<String, Value> {
    let nics = vm.get("vmNics").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let on_default = nics.iter().filter(|nic| nic.get("l3NetworkUuid") == vm.get("defaultL3NetworkUuid"));
    let first = on_default.min_by_key(|nic| nic["deviceId"].as_i64());
    let ips: Vec<&Value> = first.and_then(|nic| nic.get("ip")).into_iter().collect();
    let members = [
        ("vmInstanceUuid", json!(vm.get("uuid"))),
        ("vmInstanceName", json!(vm.get("name"))),
        ("vmInstanceType", json!(vm.get("type"))),
        ("state", json!(vm.get("state"))),
        ("ownerName", json!(owner)),
        ("vmDefaultIp", json!(ips)),
    ];
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What an answer says of the address `row`, which `vm` has, if any does.
fn statistic(row: &Map<String, Value>, vm: Option<Uuid>, guests: &BTreeMap<Uuid, Map<String, Value>>) -> Value {
    let seen = vm.and_then(|vm| guests.get(&vm));
    let mut types = Vec::new();
    if row.get("usedFor").and_then(Value::as_str) == Some(DHCP) {
        types.push(DHCP);
    }
    if seen.is_some_and(|guest| guest.get("vmInstanceType").and_then(Value::as_str) == Some(USER_VM)) {
        types.push("VM");
    }
    // Of a VM that the caller does not see nothing is said, not even that it is none.
    if types.is_empty() && vm.is_none() {
        types.push("Other");
    }
    let mut members = seen.cloned().unwrap_or_default();
    members.insert("ip".to_owned(), json!(row.get("ip")));
    members.insert("createDate".to_owned(), json!(row.get("createDate")));
    members.insert("resourceTypes".to_owned(), json!(types));
    Value::Object(members)
}

//! The same questions as somebody would write them who knows the schema, and the same JSON.

use std::collections::HashMap;

use cumulo_kernel::{Kernel, db::DbRow};
use cumulo_schema::{Cell, FieldKind, Timestamp};
use serde_json::{Map, Value};

/// What a row of virtual machines shows.
const VM: &[(&str, &str, FieldKind)] = &[
    ("uuid", "uuid", FieldKind::Uuid),
    ("name", "name", FieldKind::String),
    ("host_uuid", "hostUuid", FieldKind::Uuid),
    ("memory_size", "memorySize", FieldKind::Long),
    ("cpu_num", "cpuNum", FieldKind::Integer),
    ("create_date", "createDate", FieldKind::Timestamp),
    ("state", "state", FieldKind::String),
];

/// Statements by hand.
pub(crate) enum Hand {
    /// Virtual machines under a condition, a hundred at most, with or without their lists.
    Vms { condition: &'static str, values: Vec<String>, nested: bool },
    /// One number.
    Count(&'static str),
    /// Zones with machines on a network that this cluster is attached to.
    Zones(String),
}

impl Hand {
    pub(crate) fn vms(condition: &'static str, values: &[&str]) -> Self {
        Self::Vms { condition, values: values.iter().map(|value| (*value).to_owned()).collect(), nested: false }
    }

    pub(crate) fn nested(self) -> Self {
        match self {
            Self::Vms { condition, values, .. } => Self::Vms { condition, values, nested: true },
            other => other,
        }
    }

    pub(crate) async fn run(&self, kernel: &Kernel) -> anyhow::Result<Value> {
        match self {
            Self::Count(sql) => {
                let rows = fetch(kernel, sql, &[]).await?;
                let Cell::Int(count) = rows[0].at(0, FieldKind::Long)? else { anyhow::bail!("no number") };
                Ok(Value::from(count))
            }
            Self::Zones(cluster) => {
                let sql = "SELECT DISTINCT z.uuid, z.name FROM l2_network_cluster_ref r \
                    JOIN l3_network l ON l.l2_network_uuid = r.l2_network_uuid \
                    JOIN vm_nic n ON n.l3_network_uuid = l.uuid JOIN vm_instance v ON v.uuid = n.vm_instance_uuid \
                    JOIN zone z ON z.uuid = v.zone_uuid WHERE r.cluster_uuid = ? ORDER BY z.uuid LIMIT 1000";
                let rows = fetch(kernel, sql, std::slice::from_ref(cluster)).await?;
                objects(&rows, &VM[..2]).map(Value::from)
            }
            Self::Vms { condition, values, nested } => {
                let columns: Vec<&str> = VM.iter().map(|(column, ..)| *column).collect();
                let sql =
                    format!("SELECT {} FROM vm_instance WHERE {condition} ORDER BY uuid LIMIT 100", columns.join(", "));
                let mut vms = objects(&fetch(kernel, &sql, values).await?, VM)?;
                if *nested {
                    lists(kernel, &mut vms).await?;
                }
                Ok(Value::from(vms))
            }
        }
    }
}

/// The lists of the machines, read with one statement each.
async fn lists(kernel: &Kernel, vms: &mut [Map<String, Value>]) -> anyhow::Result<()> {
    const NIC: &[(&str, &str, FieldKind)] = &[
        ("uuid", "uuid", FieldKind::Uuid),
        ("vm_instance_uuid", "vmInstanceUuid", FieldKind::Uuid),
        ("l3_network_uuid", "l3NetworkUuid", FieldKind::Uuid),
        ("ip", "ip", FieldKind::String),
        ("mac", "mac", FieldKind::String),
        ("hypervisor_type", "hypervisorType", FieldKind::String),
        ("netmask", "netmask", FieldKind::String),
        ("gateway", "gateway", FieldKind::String),
        ("meta_data", "metaData", FieldKind::String),
        ("ip_version", "ipVersion", FieldKind::Integer),
        ("driver_type", "driverType", FieldKind::String),
        ("internal_name", "internalName", FieldKind::String),
        ("device_id", "deviceId", FieldKind::Integer),
        ("type", "type", FieldKind::String),
        ("state", "state", FieldKind::String),
        ("create_date", "createDate", FieldKind::Timestamp),
        ("last_op_date", "lastOpDate", FieldKind::Timestamp),
    ];
    const IP: &[(&str, &str, FieldKind)] = &[
        ("uuid", "uuid", FieldKind::Uuid),
        ("ip_range_uuid", "ipRangeUuid", FieldKind::Uuid),
        ("l3_network_uuid", "l3NetworkUuid", FieldKind::Uuid),
        ("ip_version", "ipVersion", FieldKind::Integer),
        ("ip", "ip", FieldKind::String),
        ("netmask", "netmask", FieldKind::String),
        ("gateway", "gateway", FieldKind::String),
        ("used_for", "usedFor", FieldKind::String),
        ("ip_in_long", "ipInLong", FieldKind::Long),
        ("vm_nic_uuid", "vmNicUuid", FieldKind::Uuid),
        ("create_date", "createDate", FieldKind::Timestamp),
        ("last_op_date", "lastOpDate", FieldKind::Timestamp),
    ];
    let mut nics = children(kernel, "vm_nic", "vm_instance_uuid", "device_id", NIC, &ids(vms)).await?;
    let ips = children(kernel, "used_ip", "vm_nic_uuid", "create_date", IP, &ids(&nics)).await?;
    attach(&mut nics, "usedIps", ips, "vmNicUuid");
    attach(vms, "vmNics", nics, "vmInstanceUuid");
    let volumes = children(kernel, "volume", "vm_instance_uuid", "device_id", &VM[..1], &ids(vms)).await?;
    attach(vms, "allVolumes", volumes, "vmInstanceUuid");
    let drives = children(kernel, "vm_cd_rom", "vm_instance_uuid", "device_id", &VM[..1], &ids(vms)).await?;
    attach(vms, "vmCdRoms", drives, "vmInstanceUuid");
    Ok(())
}

fn ids(rows: &[Map<String, Value>]) -> Vec<String> {
    rows.iter().filter_map(|row| row["uuid"].as_str()).map(str::to_owned).collect()
}

async fn children(
    kernel: &Kernel,
    table: &str,
    join: &str,
    order: &str,
    columns: &[(&'static str, &'static str, FieldKind)],
    parents: &[String],
) -> anyhow::Result<Vec<Map<String, Value>>> {
    let names: Vec<&str> = columns.iter().map(|(column, ..)| *column).collect();
    let marks = vec!["?"; parents.len()].join(", ");
    let sql = format!("SELECT {} FROM {table} WHERE {join} IN ({marks}) ORDER BY {order}, uuid", names.join(", "));
    objects(&fetch(kernel, &sql, parents).await?, columns)
}

fn attach(parents: &mut [Map<String, Value>], name: &str, children: Vec<Map<String, Value>>, join: &str) {
    let mut by_parent: HashMap<String, Vec<Value>> = HashMap::new();
    for child in children {
        if let Some(parent) = child.get(join).and_then(Value::as_str) {
            by_parent.entry(parent.to_owned()).or_default().push(Value::Object(child));
        }
    }
    for parent in parents {
        let own = parent["uuid"].as_str().and_then(|uuid| by_parent.remove(uuid));
        parent.insert(name.to_owned(), Value::from(own.unwrap_or_default()));
    }
}

fn objects(
    rows: &[DbRow],
    columns: &[(&'static str, &'static str, FieldKind)],
) -> anyhow::Result<Vec<Map<String, Value>>> {
    rows.iter()
        .map(|row| {
            let mut object = Map::new();
            for (index, (_, wire, kind)) in columns.iter().enumerate() {
                let value = match (row.at(index, *kind)?, kind) {
                    (Cell::Null, _) => continue,
                    (Cell::Int(number), FieldKind::Timestamp) => Value::from(Timestamp(number).to_string()),
                    (Cell::Int(number), _) => Value::from(number),
                    (Cell::Text(text), _) => Value::from(text),
                };
                object.insert((*wire).to_owned(), value);
            }
            Ok(object)
        })
        .collect()
}

async fn fetch(kernel: &Kernel, sql: &str, values: &[String]) -> anyhow::Result<Vec<DbRow>> {
    let values = values.iter().cloned().map(Cell::Text).collect();
    Ok(kernel.db().fetch_sql(sql.to_owned(), values).await?)
}

/// The only text that `sql` finds.
pub(crate) async fn text(kernel: &Kernel, sql: &str) -> anyhow::Result<String> {
    let rows = fetch(kernel, sql, &[]).await?;
    match rows.first().map(|row| row.at(0, FieldKind::String)).transpose()? {
        Some(Cell::Text(text)) => Ok(text),
        _ => anyhow::bail!("nothing is found by {sql}"),
    }
}

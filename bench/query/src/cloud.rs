//! A database of a large cloud, filled by the database itself: 10 zones, 100 clusters, 1,000 hosts, 100 networks, and for each
//! virtual machine two NICs with an address each and a tag.

use std::path::Path;

use cumulo_contracts::resources;
use cumulo_kernel::{
    Kernel, Setup,
    db::{Db, Migration},
};
use cumulo_schema::{Uuid, ddl, system};

/// A started kernel over `vms` virtual machines in `dir`.
pub(crate) async fn kernel(dir: &Path, vms: u64) -> anyhow::Result<Kernel> {
    let db = Db::sqlite(&dir.join("cumulo.db")).await?;
    let mut setup = Setup::new(db, Uuid::random(), &dir.join("key"))?;
    let all = resources();
    let own: Vec<&str> = system::RESOURCES.iter().map(|meta| meta.name).collect();
    let ours: Vec<_> = all.iter().copied().filter(|meta| !own.contains(&meta.name)).collect();
    let tables: String = ours.iter().map(|meta| ddl::create_table(meta, &all)).collect();
    setup.resources(&ours).migrations(&[
        Migration { name: "20270101_0000_tables", sql: tables.leak() },
        Migration { name: "20270101_0001_rows", sql: rows(vms).leak() },
    ]);
    Ok(setup.start("").await?)
}

/// The statements that fill the tables. Columns that no question looks at get what is shortest.
fn rows(vms: u64) -> String {
    // An id from a number: the same in every run, and spread like a random one.
    let id = |kind: &str, number: &str| {
        format!(
            "printf('{kind}%08x%08x%014x', ({number} * 2654435761 + 40503) % 4294967296, \
             ({number} * 2246822519 + 7) % 4294967296, {number})"
        )
    };
    let numbers =
        |count: u64| format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})");
    let insert = |table: &str, count: u64, columns: &[(&str, String)]| {
        let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        format!("INSERT INTO \"{table}\" ({names}) {} SELECT {values} FROM n;\n", numbers(count))
    };
    let text = |text: &str| format!("'{text}'");
    let now = || "1700000000000".to_owned();
    let dates = || [("create_date", now()), ("last_op_date", now())];
    let with = |own: Vec<(&'static str, String)>| own.into_iter().chain(dates()).collect::<Vec<_>>();
    let nic = |half: &str| format!("(i * 2 + {half})");
    let address = |number: &str| {
        format!("'10.' || ({number} / 65536) || '.' || ({number} / 256 % 256) || '.' || ({number} % 256)")
    };
    let mut sql = String::new();
    sql += &insert(
        "zone",
        10,
        &with(vec![
            ("uuid", id("01", "i")),
            ("name", "'zone-' || i".into()),
            ("state", text("Enabled")),
            ("type", text("zstack")),
            ("is_default", "0".into()),
        ]),
    );
    sql += &insert(
        "cluster",
        100,
        &with(vec![
            ("uuid", id("02", "i")),
            ("name", "'cluster-' || i".into()),
            ("state", text("Enabled")),
            ("hypervisor_type", text("KVM")),
            ("zone_uuid", id("01", "(i % 10)")),
            ("type", text("zstack")),
        ]),
    );
    sql += &insert(
        "host",
        1000,
        &with(vec![
            ("uuid", id("03", "i")),
            ("name", "'host-' || i".into()),
            ("zone_uuid", id("01", "(i % 10)")),
            ("cluster_uuid", id("02", "(i % 100)")),
            ("management_ip", "'172.16.' || (i / 256) || '.' || (i % 256)".into()),
            ("hypervisor_type", text("KVM")),
            ("state", text("Enabled")),
            ("status", text("Connected")),
            ("total_cpu_capacity", "0".into()),
            ("available_cpu_capacity", "0".into()),
            ("cpu_sockets", "1".into()),
            ("total_memory_capacity", "0".into()),
            ("available_memory_capacity", "0".into()),
            ("cpu_num", "1".into()),
            ("cpu_mhz", "0".into()),
            ("physical_memory", "0".into()),
            ("used_memory", "0".into()),
            ("reserved_memory", "0".into()),
            ("vms", "0".into()),
            ("facts", text("{}")),
        ]),
    );
    sql += &insert(
        "l2_network",
        10,
        &with(vec![
            ("uuid", id("04", "i")),
            ("name", "'l2-' || i".into()),
            ("zone_uuid", id("01", "i")),
            ("type", text("L2NoVlanNetwork")),
            ("v_switch_type", text("LinuxBridge")),
            ("virtual_network_id", "0".into()),
        ]),
    );
    sql += &insert(
        "l2_network_cluster_ref",
        100,
        &with(vec![("l2_network_uuid", id("04", "(i % 10)")), ("cluster_uuid", id("02", "i"))]),
    );
    sql += &insert(
        "l3_network",
        100,
        &with(vec![
            ("uuid", id("05", "i")),
            ("name", "'l3-' || i".into()),
            ("type", text("L3BasicNetwork")),
            ("zone_uuid", id("01", "(i % 10)")),
            ("l2_network_uuid", id("04", "(i % 10)")),
            ("state", text("Enabled")),
            ("system", "0".into()),
            ("category", text("Private")),
            ("ip_version", "4".into()),
            ("enable_ipam", "1".into()),
        ]),
    );
    sql += &insert(
        "vm_instance",
        vms,
        &with(vec![
            ("uuid", id("06", "i")),
            ("name", "'vm-' || i".into()),
            ("zone_uuid", id("01", "(i % 10)")),
            ("cluster_uuid", id("02", "(i % 100)")),
            ("host_uuid", id("03", "(i % 1000)")),
            ("platform", text("Linux")),
            ("type", text("UserVm")),
            ("hypervisor_type", text("KVM")),
            ("memory_size", "(i % 64) * 1073741824".into()),
            ("cpu_num", "i % 16 + 1".into()),
            ("cpu_speed", "0".into()),
            ("state", "CASE WHEN i % 10 = 0 THEN 'Stopped' ELSE 'Running' END".into()),
        ]),
    );
    for half in ["0", "1"] {
        let number = nic(half);
        sql += &insert(
            "vm_nic",
            vms,
            &with(vec![
                ("uuid", id("07", &number)),
                ("vm_instance_uuid", id("06", "i")),
                ("l3_network_uuid", id("05", "(i % 100)")),
                ("ip", address(&number)),
                ("mac", format!("printf('fa%010x', {number})")),
                ("ip_version", "4".into()),
                ("internal_name", format!("'vnic' || {number}")),
                ("device_id", half.into()),
                ("state", text("enable")),
            ]),
        );
        sql += &insert(
            "used_ip",
            vms,
            &with(vec![
                ("uuid", id("08", &number)),
                ("l3_network_uuid", id("05", "(i % 100)")),
                ("ip_version", "4".into()),
                ("ip", address(&number)),
                ("netmask", text("255.0.0.0")),
                ("ip_in_long", number.clone()),
                ("vm_nic_uuid", id("07", &number)),
            ]),
        );
    }
    sql += &insert(
        "user_tag",
        vms,
        &with(vec![
            ("uuid", id("09", "i")),
            ("resource_uuid", id("06", "i")),
            ("resource_type", text("VmInstanceVO")),
            ("tag", "'tag-' || (i % 1000)".into()),
            ("type", text("User")),
        ]),
    );
    sql += &insert(
        "account_resource_ref",
        vms,
        &with(vec![
            ("account_uuid", format!("'{}'", Uuid::ADMIN)),
            ("resource_uuid", id("06", "i")),
            ("resource_type", text("VmInstanceVO")),
            ("concrete_resource_type", text("VmInstanceVO")),
        ]),
    );
    sql
}

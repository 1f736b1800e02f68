//! Which addresses are taken, and by what.

use cumulo_contracts::{
    message::network::{DHCP, HoldServiceIp},
    resource::{Account, HostStatus, VmInstance, VmNic},
};
use cumulo_kernel::ownership::{self, NewTags};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, system::AccountResourceRef};
use serde_json::{Value, json};

use crate::world::World;

impl World {
    async fn statistic(&self, l3: Uuid, query: &str) -> Result<Value, ErrorCode> {
        self.node.call("GET", &format!("/l3-networks/{l3}/ip-statistic{query}"), Value::Null).await
    }

    /// The NIC of a VM that has one.
    async fn nic_of(&self, vm: Uuid) -> Uuid {
        let nics = self.kernel().db().select::<VmNic>().eq(VmNic::VM_INSTANCE_UUID, &Some(vm));
        nics.first().await.expect("read").expect("it has one").uuid
    }

    async fn owns<R: Resource>(&self, account: Uuid, uuid: Uuid) {
        let mut batch = self.kernel().db().batch();
        ownership::created::<R>(&mut batch, uuid, account, &NewTags::default());
        self.kernel().db().commit(batch).await.expect("recorded");
    }
}

fn ips(answer: &Value) -> Vec<&str> {
    let list = answer["ipStatistics"].as_array().expect("a list");
    list.iter().map(|row| row["ip"].as_str().expect("an address")).collect()
}

#[tokio::test]
async fn addresses_are_listed_with_what_has_them() {
    let mut world = World::start().await;
    let l3 = world.l3_with_range("10.0.0.8", "10.0.0.20").await;
    let cluster = world.cluster().await;
    let host = world.host(cluster, HostStatus::Connected).await;
    let vm = world.vm(cluster, host, l3).await;
    let nic = world.nic_of(vm).await;
    world.allocate_by(l3, nic, Some("10.0.0.10"), None).await.expect("allocated");
    world.allocate_by(l3, Uuid::random(), Some("10.0.0.9"), None).await.expect("of a NIC that is none yet");
    let dhcp = world.kernel().bus().call(HoldServiceIp { l3, used_for: DHCP.to_owned() }).await.expect("held").ip;
    let now = Timestamp::now();
    let account = Account {
        uuid: Uuid::random(),
        name: "OWNER".to_owned(),
        description: None,
        password: String::new(),
        r#type: "Normal".to_owned(),
        create_date: now,
        last_op_date: now,
    };
    world.insert(&account).await;
    world.owns::<VmInstance>(account.uuid, vm).await;
    world.owns::<VmNic>(account.uuid, nic).await;

    let all = world.statistic(l3, "?replyWithCount=true").await.expect("answered");
    assert_eq!(all["total"], 3);
    let of = |ip: &str| all["ipStatistics"].as_array().expect("a list").iter().find(|row| row["ip"] == ip).cloned();
    let guest = of("10.0.0.10").expect("listed");
    assert_eq!(guest["resourceTypes"], json!(["VM"]));
    assert_eq!((&guest["vmInstanceUuid"], &guest["vmInstanceName"]), (&json!(vm), &json!("VM1")));
    assert_eq!((&guest["state"], &guest["ownerName"]), (&json!("Running"), &json!("OWNER")));
    assert_eq!(of("10.0.0.9").expect("listed")["resourceTypes"], json!(["Other"]));
    assert_eq!(of(&dhcp).expect("listed")["resourceTypes"], json!(["DHCP"]));

    // Pages, in the order of numbers and not of texts, and downwards.
    let first = world.statistic(l3, "?ip=10.0.0.%25&limit=1&start=0").await.expect("answered");
    let last = world.statistic(l3, "?sortDirection=desc&limit=2&start=1").await.expect("answered");
    let mut order = ips(&all);
    assert!(order.iter().position(|ip| *ip == "10.0.0.9") < order.iter().position(|ip| *ip == "10.0.0.10"), "{all}");
    assert_eq!(ips(&first), order[..1]);
    order.reverse();
    assert_eq!(ips(&last), order[1..]);
    assert_eq!(ips(&world.statistic(l3, "?ip=10.0.0.9").await.expect("answered")), ["10.0.0.9"]);
    assert_eq!(ips(&world.statistic(l3, "?sortBy=CreateDate").await.expect("answered")).len(), 3);

    // By kind.
    let vms = world.statistic(l3, "?resourceType=VM&replyWithCount=true").await.expect("answered");
    assert_eq!((ips(&vms), &vms["total"]), (vec!["10.0.0.10"], &json!(1)));
    let vips = world.statistic(l3, "?resourceType=Vip&replyWithCount=true").await.expect("answered");
    assert_eq!((ips(&vips).len(), &vips["total"]), (0, &json!(0)));
    assert_eq!(world.statistic(l3, "?limit=-1").await.expect_err("no number of rows").code, "SYS.1007");

    // The owner of the network learns that an address is taken, and not by whose VM.
    let other = Uuid::random();
    let mut batch = world.kernel().db().batch();
    let owner = batch.update::<AccountResourceRef>().set(AccountResourceRef::ACCOUNT_UUID, &other);
    owner.eq(AccountResourceRef::RESOURCE_UUID, &l3).expect("it has an owner");
    world.kernel().db().commit(batch).await.expect("updated");
    world.node.use_session(other.to_string());
    let seen = world.statistic(l3, "?ip=10.0.0.10").await.expect("answered");
    assert_eq!((ips(&seen), &seen["ipStatistics"][0]["resourceTypes"]), (vec!["10.0.0.10"], &json!([])));
    assert!(seen["ipStatistics"][0].get("vmInstanceName").is_none(), "{seen}");
    assert!(ips(&world.statistic(l3, "?resourceType=VM").await.expect("answered")).is_empty());
    world.node.use_session(account.uuid.to_string());
    assert!(world.statistic(l3, "").await.is_err(), "who has a VM there owns no network");
}

#[tokio::test]
async fn addresses_of_ipv6_stand_in_their_order_too() {
    let world = World::start().await;
    let l2 = world.l2("eth0").await;
    let params = json!({ "name": "V6", "l2NetworkUuid": l2, "ipVersion": 6 });
    let l3 = crate::world::uuid(&world.post("/l3-networks", params).await.expect("created"));
    let range = json!({ "name": "R", "startIp": "fd00::2", "endIp": "fd00::ffff:ffff:ffff", "prefixLen": 64, "gateway": "fd00::1",
                        "addressMode": "Stateful-DHCP" });
    world.post(&format!("/l3-networks/{l3}/ipv6-ranges"), range).await.expect("added");
    // Neither the order of their texts nor that of their lengths.
    let order =
        ["fd00::9", "fd00::a", "fd00::10", "fd00::1:0", "fd00::2:1", "fd00::10:0", "fd00::1:0:0", "fd00::9:ffff:1"];
    for at in [3, 7, 0, 5, 1, 6, 2, 4] {
        world.allocate_by(l3, Uuid::random(), Some(order[at]), None).await.expect("allocated");
    }
    assert_eq!(ips(&world.statistic(l3, "").await.expect("answered")), order);
    let page = world.statistic(l3, "?sortDirection=desc&start=1&limit=3").await.expect("answered");
    assert_eq!(ips(&page), ["fd00::1:0:0", "fd00::10:0", "fd00::2:1"]);
}

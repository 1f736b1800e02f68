//! A VM of a simulated cloud, and what its machines have of it.

use std::sync::Arc;

use cumulo_kernel::faults::Verdict;
use cumulo_kvm_agent::sim::SimHost;
use cumulo_schema::{ErrorCode, Uuid};
use cumulo_testkit::{Cloud, Everywhere, World, assert_same};
use serde_json::{Value, json};

pub(crate) fn uuid(inventory: &Value) -> String {
    inventory["uuid"].as_str().expect("a uuid").to_owned()
}

pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) cloud: Cloud,
    pub(crate) vm: String,
}

impl Life {
    /// A running VM with a NIC on the cloud's L3 network.
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let cloud = world.cloud().await;
        let vm = uuid(&world.make("POST", "/vm-instances", cloud.vm("vm")).await);
        Self { world, cloud, vm }
    }

    /// Calls an API; what it is refused with, in words.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        self.world.call(method, path, &body).await.map_err(|refused| refused.error().details)
    }

    /// An action of the VM.
    pub(crate) async fn act(&self, action: &str, params: Value) -> Result<Value, String> {
        self.act_on(&self.vm, action, params).await
    }

    /// An action of a VM.
    pub(crate) async fn act_on(&self, vm: &str, action: &str, params: Value) -> Result<Value, String> {
        self.call("PUT", &format!("/vm-instances/{vm}/actions"), json!({ action: params })).await
    }

    pub(crate) async fn row(&self) -> Value {
        self.world.query(&format!("/vm-instances/{}", self.vm)).await.remove(0)
    }

    /// In the order of their places.
    pub(crate) async fn nics(&self) -> Vec<Value> {
        let mut nics = self.row().await["vmNics"].as_array().expect("a list").clone();
        nics.sort_by_key(|nic| nic["deviceId"].as_i64());
        nics
    }

    /// The VM's system tags, sorted.
    pub(crate) async fn tags(&self) -> Vec<String> {
        let rows = self.world.query(&format!("/system-tags?q=resourceUuid={}", self.vm)).await;
        let mut tags: Vec<String> = rows.iter().map(|row| row["tag"].as_str().expect("a text").to_owned()).collect();
        tags.sort();
        tags
    }

    pub(crate) fn host(&self) -> Arc<SimHost> {
        self.world.sims.host(self.cloud.host.parse::<Uuid>().expect("a uuid"))
    }

    /// Another L3 network of three addresses, with DHCP, on the same wire.
    pub(crate) async fn l3(&self, subnet: &str) -> String {
        l3(&self.world, &self.cloud.l2, subnet).await
    }

    /// Does `call` with a failure at every place it passes. Where it is refused for that, everything is as before; where it
    /// is not, `back` makes it so.
    pub(crate) async fn fail_everywhere(
        &self,
        call: impl AsyncFn() -> Result<Value, String>,
        back: impl AsyncFn(),
    ) -> usize {
        let probe = Everywhere::new();
        assert!(self.world.kernel().faults().install(probe.clone()).is_ok(), "one probe a world");
        let mut at = 0;
        loop {
            probe.disarm();
            let before = (self.world.rows().await, self.host().world());
            probe.arm(at, Verdict::Fail(ErrorCode::operation("on purpose")));
            let outcome = call().await;
            let places = probe.passed().0;
            probe.disarm();
            let place = format!("{:?}", places.get(at));
            match outcome {
                // What is done and done back again has other ids in places; the next failure is compared with that.
                Ok(_) => back().await,
                Err(_) => {
                    assert_same(&self.world.rows().await, &before.0, &place);
                    assert_eq!(self.host().world(), before.1, "the host differs after failing at {place}");
                }
            }
            if at >= places.len() {
                return at;
            }
            at += 1;
        }
    }
}

pub(crate) async fn l3(world: &World, l2: &str, subnet: &str) -> String {
    let l3 = json!({ "params": { "name": subnet, "l2NetworkUuid": l2 } });
    let l3 = uuid(&world.make("POST", "/l3-networks", l3).await);
    let range = json!({ "params": { "name": "range", "startIp": format!("{subnet}.10"), "endIp": format!("{subnet}.13"),
                                    "netmask": "255.255.255.0", "gateway": format!("{subnet}.1") } });
    world.make("POST", &format!("/l3-networks/{l3}/ip-ranges"), range).await;
    let provider = uuid(&world.query("/network-services/providers?q=type=Flat").await[0]);
    let services = json!({ "params": { "networkServices": { provider: ["DHCP", "Userdata"] } } });
    world.make("POST", &format!("/l3-networks/{l3}/network-services"), services).await;
    l3
}

//! `CreateL2NoVlanNetwork` and `CreateL2VlanNetwork`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::{l2::CreateL2NoVlanNetwork, l2_vlan::CreateL2VlanNetwork},
    resource::{L2Network, L2VlanNetwork, NetworkServiceProviderL2NetworkRef},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::{Networks, ipv4::short, made_before, store};

/// A network on an untagged interface.
const NO_VLAN: &str = "L2NoVlanNetwork";
/// A network that is a VLAN.
const VLAN: &str = "L2VlanNetwork";
/// The only switch there is a driver for.
pub(super) const LINUX_BRIDGE: &str = "LinuxBridge";
/// What the kernel allows for the name of an interface.
const INTERFACE_NAME: usize = 15;

/// What the calls say.
struct NewL2 {
    name: String,
    description: Option<String>,
    zone: Uuid,
    interface: String,
    /// The type that was asked for, if any.
    asked: Option<String>,
    v_switch: String,
    isolated: bool,
    pvlan: Option<String>,
    vlan: Option<i32>,
}

#[async_trait]
impl HandleApi<CreateL2NoVlanNetwork> for Networks {
    async fn handle(&self, cx: &ApiCx, api: CreateL2NoVlanNetwork) -> Result<Inventory<L2Network>, ErrorCode> {
        let new = NewL2 {
            name: api.name,
            description: api.description,
            zone: api.zone_uuid,
            interface: api.physical_interface,
            asked: api.r#type,
            v_switch: api.v_switch_type,
            isolated: api.isolated,
            pvlan: api.pvlan,
            vlan: None,
        };
        self.create_l2(cx, new).await
    }
}

#[async_trait]
impl HandleApi<CreateL2VlanNetwork> for Networks {
    async fn handle(&self, cx: &ApiCx, api: CreateL2VlanNetwork) -> Result<Inventory<L2Network>, ErrorCode> {
        let new = NewL2 {
            name: api.name,
            description: api.description,
            zone: api.zone_uuid,
            interface: api.physical_interface,
            asked: api.r#type,
            v_switch: api.v_switch_type,
            isolated: api.isolated,
            pvlan: api.pvlan,
            vlan: Some(api.vlan),
        };
        self.create_l2(cx, new).await
    }
}

impl Networks {
    async fn create_l2(&self, cx: &ApiCx, new: NewL2) -> Result<Inventory<L2Network>, ErrorCode> {
        new.check()?;
        let now = cx.now();
        let l2 = L2Network {
            uuid: cx.resource_uuid,
            r#type: new.kind().to_owned(),
            name: new.name,
            description: new.description,
            zone_uuid: new.zone,
            physical_interface: Some(new.interface),
            v_switch_type: new.v_switch,
            virtual_network_id: new.vlan.unwrap_or(0),
            isolated: Some(false),
            pvlan: None,
            create_date: now,
            last_op_date: now,
        };
        // Fails early where this build has no plugin for it.
        self.driver(&l2)?;
        match self.insert_l2(cx, &l2, new.vlan).await {
            Err(DbError::Conflict { .. }) => {
                let there = store::l2(self.kernel.db(), l2.uuid).await?;
                made_before::<L2Network>(l2.uuid, there.name == l2.name && there.r#type == l2.r#type)?;
            }
            inserted => inserted?,
        }
        cx.inventory::<L2Network>(&l2.uuid).await
    }

    /// Every provider of network services can work on every L2 network.
    async fn insert_l2(&self, cx: &ApiCx, l2: &L2Network, vlan: Option<i32>) -> Result<(), DbError> {
        let db = self.kernel.db();
        let mut batch = db.batch();
        batch.insert(l2);
        if let Some(vlan) = vlan {
            batch.insert(&L2VlanNetwork { uuid: l2.uuid, vlan });
        }
        for provider in store::providers(db).await? {
            batch.insert(&NetworkServiceProviderL2NetworkRef {
                network_service_provider_uuid: provider.uuid,
                l2_network_uuid: l2.uuid,
            });
        }
        cx.created::<L2Network>(&mut batch);
        db.commit(batch).await.map(drop)
    }
}

impl NewL2 {
    fn kind(&self) -> &'static str {
        if self.vlan.is_some() { VLAN } else { NO_VLAN }
    }

    fn check(&self) -> Result<(), ErrorCode> {
        check_interface(&self.interface)?;
        let kind = self.kind();
        if self.asked.as_deref().is_some_and(|asked| asked != kind) {
            return Err(ErrorCode::invalid(format!("this call creates networks of type {kind} only; leave type out")));
        }
        if self.v_switch != LINUX_BRIDGE {
            let details = format!("no installed plugin serves vSwitchType {}; use {LINUX_BRIDGE}", self.v_switch);
            return Err(ErrorCode::invalid(details));
        }
        if self.isolated || self.pvlan.is_some() {
            let details = "isolated and pvlan need a switch that can do private VLANs; leave them out";
            return Err(ErrorCode::invalid(details));
        }
        Ok(())
    }
}

/// Interface names that hosts, and the tools on them, take without quoting.
fn check_interface(name: &str) -> Result<(), ErrorCode> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    match (1..=INTERFACE_NAME).contains(&name.len()) && plain && !name.starts_with(['.', '-']) {
        true => Ok(()),
        false => Err(ErrorCode::invalid(format!(
            "physicalInterface '{}' is no interface name: 1 to {INTERFACE_NAME} letters, digits, '.', '_' or '-'",
            short(name)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::check_interface;

    #[test]
    fn only_interface_names_are_taken() {
        for good in ["eth0", "enp3s0f1", "bond0.100", "veth-a_1"] {
            assert!(check_interface(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "eth0;reboot", "$(id)", "../../x", "-rf", "eth0\n", "sixteen-letters-", "é0"] {
            assert!(check_interface(bad).is_err(), "{bad:?}");
        }
    }
}

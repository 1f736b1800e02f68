//! `CreateL2NoVlanNetwork`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2::CreateL2NoVlanNetwork,
    resource::{L2Network, NetworkServiceProviderL2NetworkRef},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{Networks, ipv4::short, made_before, store};

/// The type of what this API creates.
const TYPE: &str = "L2NoVlanNetwork";
/// The only switch there is a driver for.
const LINUX_BRIDGE: &str = "LinuxBridge";
/// What the kernel allows for the name of an interface.
const INTERFACE_NAME: usize = 15;

#[async_trait]
impl HandleApi<CreateL2NoVlanNetwork> for Networks {
    async fn handle(&self, cx: &ApiCx, api: CreateL2NoVlanNetwork) -> Result<Inventory<L2Network>, ErrorCode> {
        check(&api)?;
        let now = cx.now();
        let l2 = L2Network {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            zone_uuid: api.zone_uuid,
            physical_interface: Some(api.physical_interface),
            r#type: TYPE.to_owned(),
            v_switch_type: api.v_switch_type,
            virtual_network_id: 0,
            isolated: Some(false),
            pvlan: None,
            create_date: now,
            last_op_date: now,
        };
        // Fails early where this build has no plugin for it.
        self.driver(&l2)?;
        match self.insert_l2(cx, &l2).await {
            Err(DbError::Conflict { .. }) => {
                let there = store::l2(self.kernel.db(), l2.uuid).await?;
                made_before::<L2Network>(l2.uuid, there.name == l2.name)?;
            }
            inserted => inserted?,
        }
        cx.inventory::<L2Network>(&l2.uuid).await
    }
}

impl Networks {
    /// Every provider of network services can work on every L2 network.
    async fn insert_l2(&self, cx: &ApiCx, l2: &L2Network) -> Result<(), DbError> {
        let db = self.kernel.db();
        let mut batch = db.batch();
        batch.insert(l2);
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

fn check(api: &CreateL2NoVlanNetwork) -> Result<(), ErrorCode> {
    check_interface(&api.physical_interface)?;
    if api.r#type.as_deref().is_some_and(|kind| kind != TYPE) {
        return Err(ErrorCode::invalid(format!("this call creates networks of type {TYPE} only; leave type out")));
    }
    if api.v_switch_type != LINUX_BRIDGE {
        let details = format!("no installed plugin serves vSwitchType {}; use {LINUX_BRIDGE}", api.v_switch_type);
        return Err(ErrorCode::invalid(details));
    }
    if api.isolated || api.pvlan.is_some() {
        return Err(ErrorCode::invalid("isolated and pvlan need a switch that can do private VLANs; leave them out"));
    }
    Ok(())
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

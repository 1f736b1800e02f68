//! `GetL3NetworkMtu` and `SetL3NetworkMtu`: a system tag on the L3 network, without which its L2 network's setting counts.

use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3_guest::{GetL3NetworkMtu, GetL3NetworkMtuReply, SetL3NetworkMtu, SetL3NetworkMtuReply},
    message::network::GuestMtu,
    resource::{L2Network, L3Network},
};
use cumulo_kernel::{
    Setup,
    api::{ApiCx, HandleApi},
    bus::Handle,
    config::{ConfigDef, ConfigRule},
    tag::TagDef,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::{Networks, store};

/// What links carry, from the least that IPv4 asks of one to jumbo frames.
const MTUS: RangeInclusive<i64> = 68..=9216;
const CATEGORY: &str = "networkService";
const RULE: ConfigRule = ConfigRule::Integer(*MTUS.start(), *MTUS.end());

/// What can have a default of its own.
const BOUND_TO: &[&str] = &[L2Network::META.vo];

const NO_VLAN: ConfigDef = ConfigDef {
    category: CATEGORY,
    name: "defaultDhcpMtu.l2NoVlanNetwork",
    description: "The MTU that guests are told on L2 networks without VLAN, where their L3 network says none",
    default: "1500",
    rule: RULE,
};
const VLAN: ConfigDef = ConfigDef {
    name: "defaultDhcpMtu.l2VlanNetwork",
    description: "The MTU that guests are told on L2 networks that are a VLAN, where their L3 network says none",
    ..NO_VLAN
};
const OTHERS: ConfigDef = ConfigDef {
    name: "defaultDhcpMtu.dummyNetwork",
    description: "The MTU that guests are told on L2 networks of other kinds, where their L3 network says none",
    ..NO_VLAN
};

const MTU: TagDef = TagDef {
    resource: L3Network::META.vo,
    pattern: "l3NetworkUuid::{l3Uuid}::mtu::{mtu}",
    doc: "The MTU that guests of this L3 network are told.",
    check: check_mtu,
};

fn check_mtu(tokens: &HashMap<String, String>) -> Result<(), String> {
    tokens["l3Uuid"].parse::<Uuid>().map_err(|bad| bad.to_string())?;
    let mtu = &tokens["mtu"];
    match mtu.parse().is_ok_and(|mtu| MTUS.contains(&mtu)) {
        true => Ok(()),
        false => Err(format!("'{mtu}' is no MTU; take one from {} to {}", MTUS.start(), MTUS.end())),
    }
}

pub(crate) fn install(setup: &mut Setup, networks: &Arc<Networks>) {
    setup
        .configs(&[NO_VLAN, VLAN, OTHERS])
        .tags(&[MTU])
        .api::<GetL3NetworkMtu>(networks.clone())
        .api::<SetL3NetworkMtu>(networks.clone())
        .message::<GuestMtu>(networks.clone());
    for def in [NO_VLAN, VLAN] {
        setup.bindable(def.category, def.name, BOUND_TO);
    }
}

#[async_trait]
impl HandleApi<GetL3NetworkMtu> for Networks {
    async fn handle(&self, _: &ApiCx, api: GetL3NetworkMtu) -> Result<GetL3NetworkMtuReply, ErrorCode> {
        let db = self.kernel.db();
        let l3 = store::l3(db, api.l3_network_uuid).await?;
        let l2 = store::l2(db, l3.l2_network_uuid).await?;
        let mtu = self.mtu(l3.uuid, l2.uuid, &l2.r#type).await?;
        Ok(GetL3NetworkMtuReply { mtu: i32::try_from(mtu).ok() })
    }
}

#[async_trait]
impl HandleApi<SetL3NetworkMtu> for Networks {
    async fn handle(&self, _: &ApiCx, api: SetL3NetworkMtu) -> Result<SetL3NetworkMtuReply, ErrorCode> {
        let l3 = api.l3_network_uuid;
        let tag = MTU.instantiate(&[("l3Uuid", &l3.to_string()), ("mtu", &api.mtu.to_string())]);
        store::set_tag(self.kernel.db(), &MTU, l3, tag).await?;
        self.refresh_services(l3).await?;
        Ok(SetL3NetworkMtuReply {})
    }
}

#[async_trait]
impl Handle<GuestMtu> for Networks {
    async fn handle(&self, ask: GuestMtu) -> Result<u32, ErrorCode> {
        self.mtu(ask.l3, ask.l2, &ask.l2_type).await
    }
}

impl Networks {
    async fn mtu(&self, l3: Uuid, l2: Uuid, l2_type: &str) -> Result<u32, ErrorCode> {
        let tokens = MTU.on(self.kernel.db(), l3).await?;
        if let Some(mtu) = tokens.and_then(|tokens| tokens["mtu"].parse().ok()) {
            return Ok(mtu);
        }
        let def = match l2_type {
            "L2NoVlanNetwork" => NO_VLAN,
            "L2VlanNetwork" => VLAN,
            _ => return self.kernel.configs().get(OTHERS.category, OTHERS.name),
        };
        self.kernel.resource_configs().get(def.category, def.name, L2Network::META, l2).await
    }
}

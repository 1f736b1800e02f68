//! `SetVmStaticIp` and `DeleteVmStaticIp`.

use std::net::IpAddr;

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_address::{DeleteVmStaticIp, SetVmStaticIp},
    resource::L3Network,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use crate::{
    Vms,
    flow::address::ChangeAddress,
    store::{self, Tag},
};

#[async_trait]
impl HandleApi<SetVmStaticIp> for Vms {
    async fn handle(&self, cx: &ApiCx, api: SetVmStaticIp) -> Result<Empty, ErrorCode> {
        let (db, vm, l3) = (self.kernel.db(), api.vm_instance_uuid, api.l3_network_uuid);
        let network = db.find(L3Network::UUID, &l3).await?.ok_or_else(|| ErrorCode::not_found("L3Network", l3))?;
        let nic = store::nics(db, vm).await?.into_iter().find(|nic| nic.l3_network_uuid == Some(l3));
        let nic = nic.ok_or_else(|| {
            let text = format!("VM {vm} has no NIC on L3 network {l3}; attach it with AttachL3NetworkToVm staticIp=…");
            ErrorCode::operation(text)
        })?;
        let of_ipv4 = [("ip", &api.ip), ("netmask", &api.netmask), ("gateway", &api.gateway)];
        let of_ipv6 = [("ip6", &api.ip6), ("ipv6Prefix", &api.ipv6_prefix), ("ipv6Gateway", &api.ipv6_gateway)];
        let (wanted, others) = match network.ip_version {
            6 => (of_ipv6, of_ipv4),
            _ => (of_ipv4, of_ipv6),
        };
        if let Some((name, _)) = others.iter().find(|(_, given)| given.is_some()) {
            let text = format!("field[{name}] is not for L3 network {l3}, which is of IPv{}", network.ip_version);
            return Err(ErrorCode::invalid(text));
        }
        let [(name, ip), _, (_, gateway)] = wanted;
        let missing = || ErrorCode::invalid(format!("field[{name}] is mandatory for an L3 network of that version"));
        let to = one_form(name, ip.as_deref().ok_or_else(missing)?)?;
        let claim = Tag { uuid: cx.job.derive("static-ip"), text: store::static_ip_tag(l3, &to) };
        let context = ChangeAddress {
            vm,
            nic: nic.uuid,
            l3,
            to,
            claim,
            netmask: api.netmask.clone(),
            gateway: gateway.clone(),
            prefix_len: api.ipv6_prefix.as_deref().map(bits).transpose()?,
            before: None,
            claims_before: vec![],
            lease: None,
        };
        cx.run_flow("change-address", context).await
    }
}

#[async_trait]
impl HandleApi<DeleteVmStaticIp> for Vms {
    async fn handle(&self, _: &ApiCx, api: DeleteVmStaticIp) -> Result<Empty, ErrorCode> {
        let db = self.kernel.db();
        let only = api.static_ip.as_deref().map(|ip| one_form("staticIp", ip)).transpose()?;
        let mut claims = store::static_ips(db, api.vm_instance_uuid, api.l3_network_uuid).await?;
        claims.retain(|tag| only.is_none() || store::static_ip(&tag.text).map(|(_, ip)| ip) == only);
        let mut batch = db.batch();
        store::swap_tags(&mut batch, api.vm_instance_uuid, &claims, &[]);
        db.commit(batch).await?;
        Ok(Empty {})
    }
}

/// An address, in the one form in which two compare.
fn one_form(name: &str, text: &str) -> Result<String, ErrorCode> {
    let ip: Result<IpAddr, _> = text.parse();
    ip.map(|ip| ip.to_string()).map_err(|_| ErrorCode::invalid(format!("field[{name}] must be an address")))
}

fn bits(text: &str) -> Result<i32, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::invalid("field[ipv6Prefix] must be a number of bits"))
}

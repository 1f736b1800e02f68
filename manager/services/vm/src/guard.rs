//! What the VM service says to the system tags of VMs, beyond their form: one name, one address for a NIC, nobody else's.

use async_trait::async_trait;
use cumulo_contracts::{ext::tag::SystemTagGuard, message::network::ExplainIp, resource::VmInstance};
use cumulo_schema::{ErrorCode, Resource, Uuid, codes};

use crate::{
    Vms, hostname, settings,
    store::{self, Tag},
    tags::{HOSTNAME, PENDING},
};

#[async_trait]
impl SystemTagGuard for Vms {
    fn resource(&self) -> &'static str {
        VmInstance::META.vo
    }

    async fn check(&self, vm: Uuid, tag: &str, replaced: Option<Uuid>) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        refuse_own(tag)?;
        let others = |tags: Vec<Tag>| tags.into_iter().find(|tag| Some(tag.uuid) != replaced);
        if let Some(tokens) = HOSTNAME.tokens(tag) {
            if let Some(other) = others(store::tags_of(db, vm, &HOSTNAME).await?) {
                return Err(second(&other, "change it with SetVmHostname"));
            }
            let row = store::find(db, vm).await?;
            return hostname::refuse_taken(db, vm, row.default_l3_network_uuid, &tokens["hostname"]).await;
        }
        if settings::BOOT_MODE.tokens(tag).is_some()
            && let Some(other) = others(store::tags_of(db, vm, &settings::BOOT_MODE).await?)
        {
            return Err(second(&other, "change it with SetVmBootMode"));
        }
        if let Some((l3, ip)) = store::static_ip(tag) {
            if let Some(other) = others(store::static_ips(db, vm, l3).await?) {
                return Err(second(&other, "change it with SetVmStaticIp"));
            }
            if let Some(nic) = store::nics(db, vm).await?.into_iter().find(|nic| nic.l3_network_uuid == Some(l3)) {
                return match nic.ip.as_deref() == Some(ip.as_str()) {
                    true => Ok(()),
                    false => Err(ErrorCode::operation(format!(
                        "NIC {} of the VM has another address there than {ip}; change it with SetVmStaticIp",
                        nic.uuid
                    ))),
                };
            }
            return self.refuse_unfit(l3, &ip).await;
        }
        Ok(())
    }
}

/// Refuses what only the service itself says.
fn refuse_own(tag: &str) -> Result<(), ErrorCode> {
    match PENDING.tokens(tag) {
        Some(_) => Err(ErrorCode::invalid(format!("the system tag '{tag}' is made by ChangeInstanceOffering only"))),
        None => Ok(()),
    }
}

fn second(other: &Tag, remedy: &str) -> ErrorCode {
    ErrorCode::new(codes::DUPLICATED_TAG, format!("the VM has the system tag '{}' already; {remedy}", other.text))
}

impl Vms {
    /// Refuses tags of a new VM that say two things of one, or claim addresses that cannot be taken.
    pub(crate) async fn check_new(&self, tags: &[String]) -> Result<(), ErrorCode> {
        tags.iter().try_for_each(|tag| refuse_own(tag))?;
        for (def, what) in [(HOSTNAME, "host name"), (settings::BOOT_MODE, "boot mode")] {
            let said: Vec<&String> = tags.iter().filter(|tag| def.tokens(tag).is_some()).collect();
            if let [one, other, ..] = said.as_slice() {
                return Err(ErrorCode::invalid(format!("a VM has one {what}: leave out '{one}' or '{other}'")));
            }
        }
        let claims: Vec<(Uuid, String)> = tags.iter().filter_map(|tag| store::static_ip(tag)).collect();
        for (place, (l3, ip)) in claims.iter().enumerate() {
            if let Some((_, other)) = claims[..place].iter().find(|(of, _)| of == l3) {
                let text = format!("a NIC has one address: {other} and {ip} are claimed on L3 network {l3}");
                return Err(ErrorCode::invalid(text));
            }
            self.refuse_unfit(*l3, ip).await?;
        }
        Ok(())
    }

    /// Refuses an address that cannot be taken on `l3`.
    pub(crate) async fn refuse_unfit(&self, l3: Uuid, ip: &str) -> Result<(), ErrorCode> {
        match self.kernel.bus().call(ExplainIp { l3, ip: ip.to_owned() }).await? {
            None => Ok(()),
            Some(why) => Err(ErrorCode::operation(format!("{why}; choose another address"))),
        }
    }
}

//! `AttachL3NetworkToVm`, `DetachL3NetworkFromVm` and `DeleteVmNic`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::{
        vm::{AttachL3NetworkToVm, DetachL3NetworkFromVm},
        vm_nic::DeleteVmNic,
    },
    resource::{VmInstance, VmNic},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership,
};
use cumulo_schema::{Empty, ErrorCode, Inventory, Resource, Uuid};

use crate::{
    Vms,
    api::one_form,
    flow::nic::ChangeNic,
    store::{self, Tag},
    tags::Wishes,
};

/// Models that every hypervisor has.
const MODELS: [&str; 4] = ["virtio", "e1000", "e1000e", "rtl8139"];

#[async_trait]
impl HandleApi<AttachL3NetworkToVm> for Vms {
    async fn handle(&self, cx: &ApiCx, api: AttachL3NetworkToVm) -> Result<Inventory<VmInstance>, ErrorCode> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if given(api.vm_nic_params).is_some() {
            return Err(ErrorCode::invalid("field[vmNicParams] is not supported by this version; leave it out"));
        }
        for tag in &cx.tags.system {
            self.kernel.tags().check(VmInstance::META.vo, tag)?;
        }
        let wishes = Wishes::of(cx.tags.system.iter().map(String::as_str))?;
        let vm = store::find(self.kernel.db(), api.vm_instance_uuid).await?;
        ChangeNic::check_state(&vm)?;
        let (nic, l3) = (cx.job.derive("nic"), api.l3_network_uuid);
        let asked = given(api.static_ip).or_else(|| wishes.static_ips.get(&l3).cloned());
        let (ip, claim) = self.claim(vm.uuid, nic, l3, asked).await?;
        let account = ownership::owner_or_admin(self.kernel.db(), vm.uuid).await?;
        let context = ChangeNic {
            mac: given(api.custom_mac).map(|text| mac(&text)).transpose()?,
            model: given(api.driver_type).map(model).transpose()?,
            ip,
            claim,
            ..ChangeNic::of(vm.uuid, account, nic, l3)
        };
        cx.run_flow("attach-nic", context).await
    }
}

#[async_trait]
impl HandleApi<DetachL3NetworkFromVm> for Vms {
    async fn handle(&self, cx: &ApiCx, api: DetachL3NetworkFromVm) -> Result<Inventory<VmInstance>, ErrorCode> {
        cx.run_flow("detach-nic", self.detachment(api.vm_nic_uuid).await?).await
    }
}

#[async_trait]
impl HandleApi<DeleteVmNic> for Vms {
    async fn handle(&self, cx: &ApiCx, api: DeleteVmNic) -> Result<Empty, ErrorCode> {
        let nic = store::nic(self.kernel.db(), api.uuid).await?;
        if nic.vm_instance_uuid.is_none() {
            store::remove_loose(&self.kernel, &nic).await?;
            return Ok(Empty {});
        }
        // A NIC that a VM has goes with being taken from it.
        cx.run_flow("detach-nic", self.detachment(api.uuid).await?).await
    }
}

impl Vms {
    /// What takes a NIC away from its VM.
    async fn detachment(&self, nic: Uuid) -> Result<ChangeNic, ErrorCode> {
        let nic = store::nic(self.kernel.db(), nic).await?;
        let (Some(vm), Some(l3)) = (nic.vm_instance_uuid, nic.l3_network_uuid) else {
            return Err(ErrorCode::operation(format!("NIC {} is on no VM", nic.uuid)));
        };
        ChangeNic::check_state(&store::find(self.kernel.db(), vm).await?)?;
        let VmNic { uuid, device_id, mac, driver_type: model, ip, .. } = nic;
        let account = ownership::owner_or_admin(self.kernel.db(), vm).await?;
        Ok(ChangeNic { device_id, mac: Some(mac), model, ip, ..ChangeNic::of(vm, account, uuid, l3) })
    }

    /// The address that a new NIC of `vm` on `l3` gets, if a certain one, and the tag that is to come with the NIC. One that
    /// the VM claimed beforehand is its own already.
    pub(super) async fn claim(
        &self,
        vm: Uuid,
        nic: Uuid,
        l3: Uuid,
        asked: Option<String>,
    ) -> Result<(Option<String>, Option<Tag>), ErrorCode> {
        let claimed = store::static_ips(self.kernel.db(), vm, l3).await?.pop();
        let claimed = claimed.and_then(|tag| Some(store::static_ip(&tag.text)?.1));
        let asked = asked.map(one_form);
        match (asked, claimed) {
            (Some(asked), Some(claimed)) if asked != claimed => Err(ErrorCode::operation(format!(
                "VM {vm} claims the address {claimed} on L3 network {l3}; give that up with DeleteVmStaticIp first"
            ))),
            (_, Some(claimed)) => Ok((Some(claimed), None)),
            (Some(asked), None) => {
                let claim = Tag { uuid: nic.derive("static-ip"), text: store::static_ip_tag(l3, &asked) };
                Ok((Some(asked), Some(claim)))
            }
            (None, None) => Ok((None, None)),
        }
    }
}

pub(super) fn model(text: String) -> Result<String, ErrorCode> {
    match MODELS.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(ErrorCode::invalid(format!("field[driverType] must be one of {}", MODELS.join(", ")))),
    }
}

/// A unicast hardware address, in the one form in which two can be compared.
fn mac(text: &str) -> Result<String, ErrorCode> {
    let octet = |part: &str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten();
    let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
    // The lowest bit of the first octet says multicast.
    let usable =
        octets.filter(|octets| octets.len() == 6 && octets[0] & 1 == 0 && octets.iter().any(|octet| *octet != 0));
    let wrong = || ErrorCode::invalid("field[customMac] must be a unicast address such as fa:00:11:22:33:44");
    let octets = usable.filter(|_| text.bytes().all(|b| b == b':' || b.is_ascii_hexdigit())).ok_or_else(wrong)?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::mac;

    #[test]
    fn hardware_addresses_have_one_form() {
        assert_eq!(mac("FA:00:11:22:33:4F").expect("sound"), "fa:00:11:22:33:4f");
        for bad in ["fa:00:11:22:33", "fa:00:11:22:33:4", "01:00:5e:00:00:01", "00:00:00:00:00:00", "+1:00:11:22:33:44"]
        {
            assert!(mac(bad).is_err(), "{bad}");
        }
        assert!(mac("fa:00:11:22:33:44\n").is_err());
    }
}

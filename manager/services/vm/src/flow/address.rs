//! A NIC gets another address of its network.
//!
//! Only of a VM that does not run: a guest goes on using its address until its lease ends, and by then it could be
//! another's. The address is moved in one write by the network service, so the NIC never has none and never two.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{ExplainIp, IpLease, MoveIp, ReleaseIp},
    resource::{UsedIp, VmInstance, VmNic, VmState},
};
use cumulo_kernel::{
    Setup,
    db::DbError,
    flow::{Flow, FlowReply, Step, StepCx},
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use crate::{
    Vms,
    store::{self, Tag},
};

/// The states in which addresses change.
const CHANGEABLE: [VmState; 2] = [VmState::Stopped, VmState::Created];

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeAddress {
    /// The VM.
    pub vm: Uuid,
    /// Its NIC.
    pub nic: Uuid,
    /// The L3 network.
    pub l3: Uuid,
    /// The address to be.
    pub to: String,
    /// The tag that claims it.
    pub claim: Tag,
    /// The netmask that it must have by its range.
    pub netmask: Option<String>,
    /// The gateway that it must have by its range.
    pub gateway: Option<String>,
    /// The length of the prefix that it must have by its range.
    pub prefix_len: Option<i32>,
    /// The address that the NIC had.
    pub before: Option<IpLease>,
    /// The tags that claimed one.
    pub claims_before: Vec<Tag>,
    /// The address that it has.
    pub lease: Option<IpLease>,
}

impl Flow for ChangeAddress {
    const NAME: &'static str = "change-address";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Empty
    }
}

/// Looks whether the NIC can have the address.
struct Check(Arc<Vms>);

impl Check {
    async fn judge(&self, cx: &StepCx<ChangeAddress>) -> Result<VmNic, ErrorCode> {
        let kernel = &self.0.kernel;
        let vm = store::find(kernel.db(), cx.vm).await?;
        let nic = store::nic(kernel.db(), cx.nic).await?;
        if nic.ip.as_deref() == Some(cx.to.as_str()) {
            return Ok(nic);
        }
        if !CHANGEABLE.contains(&vm.state) {
            let text = "stop the VM to change its address: its guest goes on using the one it has";
            return Err(ErrorCode::operation(text).because(store::wrong_state(&vm, &CHANGEABLE)));
        }
        // An address that an earlier run of this flow took already is held by this NIC.
        match kernel.bus().call(ExplainIp { l3: cx.l3, ip: cx.to.clone() }).await? {
            Some(why) if !self.holds(cx).await? => Err(ErrorCode::operation(format!("{why}; choose another address"))),
            _ => Ok(nic),
        }
    }

    async fn holds(&self, cx: &StepCx<ChangeAddress>) -> Result<bool, DbError> {
        let held = self.0.kernel.db().select::<UsedIp>().eq(UsedIp::VM_NIC_UUID, &Some(cx.nic)).all().await?;
        Ok(held.iter().any(|row| row.l3_network_uuid == cx.l3 && row.ip == cx.to))
    }
}

#[async_trait]
impl Step<ChangeAddress> for Check {
    fn name(&self) -> &'static str {
        "check-address"
    }

    fn describe(&self) -> &'static str {
        "looks whether the NIC can have the address"
    }

    async fn foresee(&self, cx: &StepCx<ChangeAddress>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmInstance::META.vo, "with a claim to its address", [cx.vm]);
        planning.touch(VmNic::META.vo, "with that address", [cx.nic]);
        self.judge(cx).await.map(drop)
    }

    async fn run(&self, cx: &mut StepCx<ChangeAddress>) -> Result<(), ErrorCode> {
        let nic = self.judge(cx).await?;
        cx.before = store::lease_of(&nic);
        cx.claims_before = store::static_ips(self.0.kernel.db(), cx.vm, cx.l3).await?;
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeAddress>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Takes the address, and lets go of the one before.
struct Move(Arc<Vms>);

#[async_trait]
impl Step<ChangeAddress> for Move {
    fn name(&self) -> &'static str {
        "move-address"
    }

    fn describe(&self) -> &'static str {
        "takes the address, and gives the one before back"
    }

    async fn run(&self, cx: &mut StepCx<ChangeAddress>) -> Result<(), ErrorCode> {
        let ask = MoveIp { nic: cx.nic, l3: cx.l3, to: cx.to.clone() };
        let lease = self.0.kernel.bus().call(ask).await?;
        refuse_other("netmask", cx.netmask.as_deref(), &lease.netmask, &lease)?;
        refuse_other("gateway", cx.gateway.as_deref(), &lease.gateway, &lease)?;
        let prefix = cx.prefix_len.map(|bits| bits.to_string());
        refuse_other("ipv6Prefix", prefix.as_deref(), &lease.prefix_len.to_string(), &lease)?;
        cx.lease = Some(lease);
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<ChangeAddress>) -> Result<(), ErrorCode> {
        let (bus, nic, l3) = (self.0.kernel.bus(), cx.nic, cx.l3);
        match &cx.before {
            Some(before) => bus.call(MoveIp { nic, l3, to: before.ip.clone() }).await.map(drop),
            None => bus.call(ReleaseIp { nic }).await,
        }
    }
}

fn refuse_other(name: &str, asked: Option<&str>, is: &str, lease: &IpLease) -> Result<(), ErrorCode> {
    match asked {
        Some(asked) if asked != is => {
            Err(ErrorCode::invalid(format!("field[{name}] of {} is {is} by its IP range, not {asked}", lease.ip)))
        }
        _ => Ok(()),
    }
}

/// Records it on the NIC, with the VM's claim to it.
struct Record(Arc<Vms>);

#[async_trait]
impl Step<ChangeAddress> for Record {
    fn name(&self) -> &'static str {
        "record-address"
    }

    fn describe(&self) -> &'static str {
        "records it on the NIC, and the VM's claim to it"
    }

    async fn run(&self, cx: &mut StepCx<ChangeAddress>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let unmoved = || ErrorCode::internal("no address was taken before this step");
        let mut batch = db.batch();
        store::put_address(&mut batch, cx.nic, cx.lease.as_ref().ok_or_else(unmoved)?);
        store::swap_tags(&mut batch, cx.vm, &cx.claims_before, std::slice::from_ref(&cx.claim));
        Ok(db.commit(batch).await.map(drop)?)
    }

    async fn undo(&self, cx: &mut StepCx<ChangeAddress>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let mut batch = db.batch();
        match &cx.before {
            Some(before) => store::put_address(&mut batch, cx.nic, before),
            None => store::drop_addresses(&mut batch, &[cx.nic]),
        }
        store::swap_tags(&mut batch, cx.vm, std::slice::from_ref(&cx.claim), &cx.claims_before);
        Ok(db.commit(batch).await.map(drop)?)
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup.step(Check(vms.clone())).step(Move(vms.clone())).step(Record(vms.clone()));
}

//! The steps by which a NIC goes to another L3 network. It stays the NIC that it is: its id, its hardware address, its
//! place. Of a running VM it is unplugged and plugged in again, which its guest sees, and has to: its address is another.
//!
//! While it changes it holds an address of either network, so that a change that fails finds the old one its own.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{AllocateIp, IpLease, ReleaseIpOn},
    resource::{L3Network, UsedIp, VmInstance, VmNic},
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use super::{ChangeNic, refuse_unfit, running_on};
use crate::{
    Vms,
    store::{self, Tag},
};

/// Where a NIC goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Destination {
    /// The L3 network.
    pub l3: Uuid,
    /// The address it wants there.
    pub ip: Option<String>,
    /// The tag that is to claim it.
    pub claim: Option<Tag>,
    /// The address it gets there.
    pub lease: Option<IpLease>,
    /// The address it had where it was.
    pub before: Option<IpLease>,
}

fn destination(cx: &StepCx<ChangeNic>) -> Result<&Destination, ErrorCode> {
    cx.to.as_ref().ok_or_else(|| ErrorCode::internal("this NIC goes nowhere"))
}

/// Looks whether the NIC can go there.
pub(super) struct Check(pub(super) Arc<Vms>);

impl Check {
    async fn judge(&self, cx: &StepCx<ChangeNic>) -> Result<(VmInstance, VmNic), ErrorCode> {
        let (db, to) = (self.0.kernel.db(), destination(cx)?.l3);
        let vm = cx.look(&self.0).await?;
        let nic = store::nic(db, cx.nic).await?;
        if nic.l3_network_uuid != Some(cx.l3) {
            return Err(ErrorCode::operation(format!("NIC {} went to another L3 network meanwhile", nic.uuid)));
        }
        let l3 = db.find(L3Network::UUID, &to).await?.ok_or_else(|| ErrorCode::not_found("L3Network", to))?;
        refuse_unfit(db, &vm, &l3, &store::nics(db, vm.uuid).await?).await?;
        Ok((vm, nic))
    }
}

#[async_trait]
impl Step<ChangeNic> for Check {
    fn name(&self) -> &'static str {
        "check-relocation"
    }

    fn describe(&self) -> &'static str {
        "looks whether the NIC can go to that network"
    }

    async fn foresee(&self, cx: &StepCx<ChangeNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmNic::META.vo, "on another L3 network", [cx.nic]);
        self.judge(cx).await?;
        match destination(cx)? {
            Destination { l3, ip: Some(ip), .. } => self.0.refuse_unfit(*l3, ip).await,
            _ => Ok(()),
        }
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let (vm, nic) = self.judge(cx).await?;
        cx.on = running_on(&vm);
        cx.is_default = vm.default_l3_network_uuid == Some(cx.l3);
        cx.claim = store::static_ips(self.0.kernel.db(), cx.vm, cx.l3).await?.pop();
        if let Some(to) = &mut cx.to {
            to.before = store::lease_of(&nic);
        }
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Takes an address there.
pub(super) struct Hold(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Hold {
    fn name(&self) -> &'static str {
        "hold-there"
    }

    fn describe(&self) -> &'static str {
        "takes an address of the other network"
    }

    async fn foresee(&self, _: &StepCx<ChangeNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch_some(UsedIp::META.vo, effect::CREATED, 1);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let to = destination(cx)?;
        let ask = AllocateIp { nic: cx.nic, l3: to.l3, wanted: to.ip.clone(), strategy: None };
        let lease = self.0.kernel.bus().call(ask).await?;
        if let Some(to) = &mut cx.to {
            to.lease = Some(lease);
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let l3 = destination(cx)?.l3;
        self.0.kernel.bus().call(ReleaseIpOn { nic: cx.nic, l3 }).await
    }
}

/// Records that it is there.
pub(super) struct Record(pub(super) Arc<Vms>);

impl Record {
    /// Puts the NIC on the network `to` with what is given; the default route goes with it.
    async fn put(
        &self,
        cx: &StepCx<ChangeNic>,
        to: Uuid,
        lease: Option<&IpLease>,
        (without, with): (Option<&Tag>, Option<&Tag>),
    ) -> Result<(), ErrorCode> {
        let list = |tag: Option<&Tag>| tag.cloned().into_iter().collect::<Vec<_>>();
        let db = self.0.kernel.db();
        let mut batch = db.batch();
        store::put_nic_on(&mut batch, cx.nic, to, lease);
        store::swap_tags(&mut batch, cx.vm, &list(without), &list(with));
        if cx.is_default {
            store::put_default_l3(&mut batch, cx.vm, to);
        }
        Ok(db.commit(batch).await.map(drop)?)
    }
}

#[async_trait]
impl Step<ChangeNic> for Record {
    fn name(&self) -> &'static str {
        "record-there"
    }

    fn describe(&self) -> &'static str {
        "records that the NIC is on the other network"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let to = destination(cx)?;
        let unheld = || ErrorCode::internal("no address was taken before this step");
        let lease = to.lease.as_ref().ok_or_else(unheld)?;
        self.put(cx, to.l3, Some(lease), (cx.claim.as_ref(), to.claim.as_ref())).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let to = destination(cx)?;
        self.put(cx, cx.l3, to.before.as_ref(), (to.claim.as_ref(), cx.claim.as_ref())).await
    }
}

/// Gives the address back that it had.
pub(super) struct Release(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Release {
    fn name(&self) -> &'static str {
        "release-here"
    }

    fn describe(&self) -> &'static str {
        "gives the address back that it had"
    }

    async fn foresee(&self, _: &StepCx<ChangeNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch_some(UsedIp::META.vo, effect::REMOVED, 1);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        self.0.kernel.bus().call(ReleaseIpOn { nic: cx.nic, l3: cx.l3 }).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let Some(before) = destination(cx)?.before.clone() else { return Ok(()) };
        let ask = AllocateIp { nic: cx.nic, l3: cx.l3, wanted: Some(before.ip), strategy: None };
        self.0.kernel.bus().call(ask).await.map(drop)
    }
}

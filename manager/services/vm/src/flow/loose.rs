//! A NIC that belongs to no VM yet: an address, and a hardware address, that are kept for one.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{AllocateIp, IpLease, ReleaseIp},
    resource::{UsedIp, VmNic},
};
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply, Step, StepCx},
    ownership::NewTags,
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use crate::{
    Vms,
    store::{self, NewNicRow},
};

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateNic {
    /// The NIC.
    pub nic: Uuid,
    /// Who owns it.
    pub account: Uuid,
    /// Its L3 network.
    pub l3: Uuid,
    /// The address it wants.
    pub ip: Option<String>,
    /// Its tags.
    pub tags: NewTags,
    /// The address it gets.
    pub lease: Option<IpLease>,
}

impl Flow for CreateNic {
    const NAME: &'static str = "create-nic";

    fn resource(&self) -> Uuid {
        self.nic
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("VmNic", self.nic)
    }
}

/// Takes an address.
struct Take(Arc<Vms>);

#[async_trait]
impl Step<CreateNic> for Take {
    fn name(&self) -> &'static str {
        "take-address"
    }

    fn describe(&self) -> &'static str {
        "takes an address of the network"
    }

    async fn foresee(&self, cx: &StepCx<CreateNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch_some(UsedIp::META.vo, effect::CREATED, 1);
        match &cx.ip {
            Some(ip) => self.0.refuse_unfit(cx.l3, ip).await,
            None => Ok(()),
        }
    }

    async fn run(&self, cx: &mut StepCx<CreateNic>) -> Result<(), ErrorCode> {
        let ask = AllocateIp { nic: cx.nic, l3: cx.l3, wanted: cx.ip.clone(), strategy: None };
        cx.lease = Some(self.0.kernel.bus().call(ask).await?);
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<CreateNic>) -> Result<(), ErrorCode> {
        self.0.kernel.bus().call(ReleaseIp { nic: cx.nic }).await
    }
}

/// Records the NIC.
struct Record(Arc<Vms>);

#[async_trait]
impl Step<CreateNic> for Record {
    fn name(&self) -> &'static str {
        "record-nic"
    }

    fn describe(&self) -> &'static str {
        "records the NIC, with a hardware address of its own"
    }

    async fn foresee(&self, cx: &StepCx<CreateNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmNic::META.vo, effect::CREATED, [cx.nic]);
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<CreateNic>) -> Result<(), ErrorCode> {
        let untaken = || ErrorCode::internal("no address was taken before this step");
        let row = NewNicRow {
            account: cx.account,
            vm: None,
            nic: cx.nic,
            l3: cx.l3,
            device_id: 0,
            mac: None,
            model: None,
            claim: None,
            tags: &cx.tags,
        };
        store::insert_nic(self.0.kernel.db(), &row, cx.lease.as_ref().ok_or_else(untaken)?).await
    }

    async fn undo(&self, cx: &mut StepCx<CreateNic>) -> Result<(), ErrorCode> {
        store::remove_nic(&self.0.kernel, cx.nic, None).await
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup.step(Take(vms.clone())).step(Record(vms.clone()));
}

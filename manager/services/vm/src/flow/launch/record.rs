//! The VM's own row.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::{vm::VmStateChanged, volume::OutliveVm},
    resource::{VmCdRom, VmInstance, VmState},
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp};

use super::LaunchVm;
use crate::{Vms, hostname, store};

/// The states in which a VM can be started.
pub(crate) const STARTABLE: [VmState; 2] = [VmState::Stopped, VmState::Created];

/// Records the new VM, so that it can be asked about from now on.
pub(super) struct RecordVm(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for RecordVm {
    fn name(&self) -> &'static str {
        "record-vm"
    }

    fn describe(&self) -> &'static str {
        "records the VM"
    }

    async fn foresee(&self, cx: &StepCx<LaunchVm>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmInstance::META.vo, effect::CREATED, [cx.vm]);
        let drives = cx.new.iter().flat_map(|new| &new.drives);
        planning.touch(VmCdRom::META.vo, effect::CREATED, drives.map(|drive| drive.uuid));
        match &cx.hostname {
            Some(name) => hostname::refuse_taken(self.0.kernel.db(), cx.vm, cx.default_l3, name).await,
            None => Ok(()),
        }
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let new = cx.new.as_ref().ok_or_else(|| ErrorCode::internal("a VM that exists is not recorded again"))?;
        let now = Timestamp::now();
        let vm = VmInstance {
            uuid: cx.vm,
            name: cx.name.clone(),
            description: new.description.clone(),
            zone_uuid: cx.request.zone,
            cluster_uuid: cx.request.cluster,
            image_uuid: cx.request.image,
            host_uuid: None,
            last_host_uuid: None,
            instance_offering_uuid: new.instance_offering,
            root_volume_uuid: None,
            platform: new.platform.clone(),
            architecture: new.architecture.clone(),
            default_l3_network_uuid: cx.default_l3,
            r#type: "UserVm".to_owned(),
            hypervisor_type: None,
            memory_size: new.memory,
            reserved_memory_size: Some(new.reserved_memory),
            cpu_num: new.cpu_num,
            cpu_speed: new.cpu_speed,
            allocator_strategy: Some(new.allocator_strategy.clone()),
            create_date: now,
            last_op_date: now,
            state: VmState::Starting,
            guest_os_type: new.guest_os_type.clone(),
            expunge_after: None,
        };
        let db = self.0.kernel.db();
        let insert = store::insert(db, &vm, &new.drives, &new.key_pairs, cx.account, &new.tags);
        let Some(name) = &cx.hostname else { return insert.await };
        let alone = async {
            hostname::refuse_taken(db, cx.vm, cx.default_l3, name).await?;
            insert.await
        };
        self.0.naming(name, alone).await
    }

    // A volume that is still owed is not to be forgotten with the VM: whoever expunges it later would find neither its file
    // nor the space that it holds.
    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        self.0.kernel.bus().call(OutliveVm { volume: cx.root_volume }).await?;
        store::remove(&self.0.kernel, cx.vm).await
    }
}

/// Marks a VM that exists as starting, which refuses every other change of it.
pub(super) struct EnterStarting(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for EnterStarting {
    fn name(&self) -> &'static str {
        "enter-starting"
    }

    fn describe(&self) -> &'static str {
        "refuses a VM that is not stopped, and marks it as starting"
    }

    async fn foresee(&self, cx: &StepCx<LaunchVm>, planning: &Planning) -> Result<(), ErrorCode> {
        let vm = store::find(self.0.kernel.db(), cx.vm).await?;
        planning.touch(VmInstance::META.vo, "started", [cx.vm]);
        match STARTABLE.contains(&vm.state) {
            true => Ok(()),
            false => Err(store::wrong_state(&vm, &STARTABLE)),
        }
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let vm = store::find(db, cx.vm).await?;
        if vm.state != VmState::Starting {
            cx.from = Some(vm.state);
        }
        store::enter(db, &vm, &STARTABLE, VmState::Starting).await?;
        if vm.state != VmState::Starting {
            self.0.kernel.bus().publish(&VmStateChanged { vm: cx.vm, old: vm.state, new: VmState::Starting });
        }
        // Nobody else gives it any from here on.
        let without = store::nics(db, cx.vm).await?.into_iter().filter(|nic| nic.ip.is_none());
        cx.renewed = without.map(|nic| nic.uuid).collect();
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let vm = store::find(db, cx.vm).await?;
        match (vm.state, cx.from) {
            // Refused to enter: whatever it is, it is not ours.
            (state, _) if state != VmState::Starting => Ok(()),
            (old, from) => {
                let new = from.unwrap_or(VmState::Stopped);
                store::set_state(db, cx.vm, new).await?;
                self.0.kernel.bus().publish(&VmStateChanged { vm: cx.vm, old, new });
                Ok(())
            }
        }
    }
}
